// The service worker's list of files, known only when the page is built.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Stands in the service worker's source. */
const PLACE = "__EDGE_FPM_FILES__";

/** Name of the service worker in the output: it never changes, since browsers look there for a newer one. */
export const SERVICE_WORKER = "sw.js";

/**
 * Puts the list of the page's own files into the service worker, with a version made of it. PHP is not in it: a page
 * keeps what it has loaded.
 */
export function offline(): Plugin {
  return {
    name: "edge-fpm-offline",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const worker = bundle[SERVICE_WORKER];
        if (worker?.type !== "chunk") return;
        const version = createHash("sha256");
        const { publicDir } = this.environment.config;
        const files = readdirSync(publicDir);
        for (const name of files) version.update(name).update(readFileSync(join(publicDir, name)));
        for (const [name, file] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
          if (name === SERVICE_WORKER || name.startsWith("php/") || name.endsWith(".map")) continue;
          files.push(name);
          version.update(name).update(file.type === "chunk" ? file.code : file.source);
        }
        const list = JSON.stringify({ version: version.digest("hex").slice(0, 12), files });
        if (!worker.code.includes(PLACE)) throw new Error(`${SERVICE_WORKER} has no ${PLACE}`);
        worker.code = worker.code.replace(new RegExp(`["'\`]${PLACE}["'\`]`), () => JSON.stringify(list));
      },
    },
  };
}
