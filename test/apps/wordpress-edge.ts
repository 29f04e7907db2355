// WordPress on `edge-fpm serve`, with the example's configuration.

import { join } from "node:path";
import { type AppServer, residentMemory } from "../peers/app-server.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import type { WordPressSite } from "./wordpress-site.ts";

/** Children of the pool in examples/wordpress. */
const CHILDREN = 3;

export async function startWordPressEdge(site: WordPressSite): Promise<AppServer> {
  const program = runEdgeFpm(["serve", "--config", join(site.folder, "edge-fpm.config.ts"), "--port", "0"]);
  const [, baseUrl = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
  return {
    baseUrl,
    log: () => program.output(),
    stop: async () => void (await program.stop("SIGINT")),
    memory: async () => residentMemory(program.pid, CHILDREN),
  };
}
