// Debian's packages, fetched once into .cache/apps and unpacked there, never installed and never changed.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../.cache/apps", import.meta.url));

/** Longest wait for the archive, in milliseconds. */
const FETCH_WITHIN = 120_000;

export type Unpacked = { readonly path: string } | { readonly missing: string };

/**
 * The root of the file tree that `packages` unpack to. Fetches them with apt-get unless they are in the cache, or
 * NO_DOWNLOADS=1 forbids it.
 */
export function unpackDebianPackages(name: string, packages: readonly string[]): Unpacked {
  const path = join(CACHE, name);
  if (existsSync(path)) return { path };
  if (process.env.NO_DOWNLOADS === "1") return { missing: `${name}: not in .cache/apps, and NO_DOWNLOADS=1` };
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, `.${name}-`));
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { cwd: work, timeout: FETCH_WITHIN, stdio: ["ignore", "ignore", "pipe"] });
  };
  try {
    run("apt-get", "download", ...packages);
    for (const file of readdirSync(work).filter((entry) => entry.endsWith(".deb"))) {
      run("dpkg-deb", "--extract", file, join(work, "root"));
    }
    // Another test file may have been faster: then its copy is as good.
    if (!existsSync(path)) renameSync(join(work, "root"), path);
    return { path };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return existsSync(path) ? { path } : { missing: `${name}: not fetched from Debian's archive, ${reason}` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
