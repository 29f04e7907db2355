// Peers from the npm registry that are no dependencies of ours: installed once into an ignored folder.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../.cache/bench", import.meta.url));

/** The versions that docs/performance.md speaks of. wp-playground brings every version of PHP: 600 MB. */
const VERSIONS = { "fastcgi-client": "0.2.0", "@wp-playground/cli": "3.1.56" } as const;

/**
 * The folder whose node_modules has the package: it is installed when missing, unless NO_DOWNLOADS=1 forbids it or the
 * registry is not reached; the reason is then printed.
 */
export function npmPeers(name: keyof typeof VERSIONS): string | undefined {
  if (existsSync(join(FOLDER, "node_modules", name, "package.json"))) return FOLDER;
  const wanted = `${name}@${VERSIONS[name]}`;
  if (process.env.NO_DOWNLOADS === "1") {
    console.log(`without npm's ${name}: not in .cache/bench, and NO_DOWNLOADS=1\n`);
    return undefined;
  }
  try {
    mkdirSync(FOLDER, { recursive: true });
    execFileSync("npm", ["install", "--no-save", "--ignore-scripts", "--prefix", FOLDER, wanted], {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 180_000,
    });
    return FOLDER;
  } catch (error) {
    console.log(`without npm's ${name}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`);
    return undefined;
  }
}
