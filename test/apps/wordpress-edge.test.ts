import { join } from "node:path";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { wordPressScenario } from "./wordpress.ts";
import { startWordPressEdge } from "./wordpress-edge.ts";
import { WORDPRESS_PACKAGES, type WordPressSite } from "./wordpress-site.ts";

async function runJob(site: WordPressSite): Promise<void> {
  const program = runEdgeFpm(["cron", "run", "wp-cron", "--config", join(site.folder, "edge-fpm.config.ts")]);
  await program.waitFor(/wp-cron: ok, status 200/);
}

describeDebianApp("Debian's wordpress on edge-fpm serve", "wordpress", WORDPRESS_PACKAGES, (tree) => {
  wordPressScenario(tree, { start: startWordPressEdge, where: "Node, 3 children", gateway: {}, runJob, target: 2.2 });
});
