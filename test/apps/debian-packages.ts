// Applications from Debian's archive, fetched once into .cache/apps and unpacked there, never installed and never changed.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const CACHE = fileURLToPath(new URL("../../.cache/apps", import.meta.url));

/** Longest wait for the archive, in milliseconds. */
const FETCH_WITHIN = 120_000;

type Unpacked = { readonly path: string } | { readonly missing: string };

/**
 * The root of the file tree that `packages` unpack to. Fetches them with apt-get unless they are in the cache, or
 * NO_DOWNLOADS=1 forbids it.
 */
function unpackDebianPackages(name: string, packages: readonly string[]): Unpacked {
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

/**
 * `describe` for tests that need Debian packages. `body` gets the root of their file tree. When they cannot be had the
 * group is skipped with the reason in its name, or fails when REQUIRE_PEERS=1.
 */
export function describeDebianApp(
  title: string,
  name: string,
  packages: readonly string[],
  body: (tree: string) => void,
): void {
  const unpacked = unpackDebianPackages(name, packages);
  if ("path" in unpacked) {
    describe(title, () => body(unpacked.path));
    return;
  }
  if (process.env.REQUIRE_PEERS === "1") {
    test(`${title}: has its packages`, () => expect(unpacked.missing).toBe(""));
    return;
  }
  describe.skipIf(true)(`${title} [${unpacked.missing}]`, () => body(""));
}
