import { join } from "node:path";
import { residentMemory } from "../peers/app-server.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { wordPressScenario } from "./wordpress.ts";
import { WORDPRESS_PACKAGES, type WordPressSite } from "./wordpress-site.ts";

/** Children of the pool in examples/wordpress. */
const CHILDREN = 3;

async function start(site: WordPressSite) {
  const program = runEdgeFpm(["serve", "--config", join(site.folder, "edge-fpm.config.ts"), "--port", "0"]);
  const [, baseUrl = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
  return {
    baseUrl,
    log: () => program.output(),
    stop: async () => void (await program.stop("SIGINT")),
    memory: async () => residentMemory(program.pid, CHILDREN),
  };
}

describeDebianApp("Debian's wordpress on edge-fpm serve", "wordpress", WORDPRESS_PACKAGES, (tree) => {
  wordPressScenario(tree, { start, where: "Node, 3 children", gateway: {}, target: 2.2 });
});
