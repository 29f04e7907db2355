import { join } from "node:path";
import { describe, expect } from "vitest";
import { loadConfigFile } from "../../src/platform/node/config-file.ts";
import type { AppServer } from "../peers/app-server.ts";
import { startWorkerd } from "../peers/workerd.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { wordPressScenario } from "./wordpress.ts";
import { WORDPRESS_PACKAGES, type WordPressSite } from "./wordpress-site.ts";

const TOKEN = "only-for-this-test";

const startFolder = startWorkerd("8.2", {
  build: async (folder) => ({
    config: (await loadConfigFile(join(folder, "edge-fpm.config.ts"))).config,
    assetsOnly: ["*.woff2", "*.ttf", "*.eot", "*.mp4", "*.jpg"],
  }),
  variables: { EDGE_FPM_PURGE_TOKEN: TOKEN },
});
const start = (site: WordPressSite) => startFolder(site.folder);

/** The gateway cannot be reached from within, so the owner's own page does not do it. */
async function purge(server: AppServer): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const { status } = await fetch(new URL("/*", server.baseUrl), { method: "PURGE", headers });
  expect(status).toBe(200);
}

// Building and installing it takes longer than the ordinary run has time for.
describe.runIf(MEASURING)("in workerd", () => {
  describeDebianApp("Debian's wordpress, built", "wordpress", WORDPRESS_PACKAGES, (tree) => {
    wordPressScenario(tree, { start, where: "workerd", gateway: { purge }, target: 2.5 });
  });
});
