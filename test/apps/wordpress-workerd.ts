// WordPress in workerd, built with the example's configuration.

import { join } from "node:path";
import { loadConfigFile } from "../../src/platform/node/config-file.ts";
import type { AppServer } from "../peers/app-server.ts";
import { startWorkerd } from "../peers/workerd.ts";
import type { WordPressSite } from "./wordpress-site.ts";

const TOKEN = "only-for-this-test";

const startFolder = startWorkerd("8.2", {
  build: async (folder) => ({
    config: (await loadConfigFile(join(folder, "edge-fpm.config.ts"))).config,
    assetsOnly: ["*.woff2", "*.ttf", "*.eot", "*.mp4", "*.jpg"],
  }),
  variables: { EDGE_FPM_PURGE_TOKEN: TOKEN },
});

/** One child. The first start for a site builds it, which takes many seconds. */
export function startWordPressInWorkerd(site: WordPressSite): Promise<AppServer> {
  return startFolder(site.folder);
}

/**
 * Empties the gateway's cache: it cannot be reached from within, so the owner's own page does not do it.
 *
 * @throws {Error} the gateway refuses
 */
export async function purgeWordPressInWorkerd(server: AppServer): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const { status } = await fetch(new URL("/*", server.baseUrl), { method: "PURGE", headers });
  if (status !== 200) throw new Error(`the gateway answered ${status} when its cache was to be emptied`);
}
