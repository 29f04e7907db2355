// The data of ICU for the extension intl, fetched once into .cache/apps as the error for its absence says.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findIcuData } from "../../src/platform/node/icu-data.ts";
import { PHP_PACKAGE_RELEASE } from "../../src/platform/node/php-versions.ts";

const CACHE = fileURLToPath(new URL("../../.cache/apps", import.meta.url));

/** Longest wait for the registry, in milliseconds. */
const FETCH_WITHIN = 120_000;

/** @returns why there are none, or `undefined` when they are there and EDGE_FPM_ICU_DATA names them */
function fetchIcuData(): string | undefined {
  try {
    findIcuData();
    return undefined;
  } catch {
    // Not installed: our own copy.
  }
  const path = join(CACHE, "icudt74l.dat");
  process.env.EDGE_FPM_ICU_DATA = path;
  if (existsSync(path)) return undefined;
  if (process.env.NO_DOWNLOADS === "1") return "ICU's data are not in .cache/apps, and NO_DOWNLOADS=1";
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, ".icu-"));
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { cwd: work, timeout: FETCH_WITHIN, stdio: ["ignore", "ignore", "pipe"] });
  };
  try {
    run("npm", "pack", "--silent", `@php-wasm/node@${PHP_PACKAGE_RELEASE}`);
    run("tar", "-xzf", `php-wasm-node-${PHP_PACKAGE_RELEASE}.tgz`, "package/shared/icu.dat");
    renameSync(join(work, "package/shared/icu.dat"), path);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return `ICU's data not fetched from npm, ${reason}`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** `describe` for tests that need intl with its data: else skipped with the reason, or failed when REQUIRE_PEERS=1. */
export function describeWithIcu(title: string, body: () => void): void {
  const missing = fetchIcuData();
  if (missing === undefined) {
    describe(title, body);
  } else if (process.env.REQUIRE_PEERS === "1") {
    test(`${title}: has ICU's data`, () => expect(missing).toBe(""));
  } else {
    describe.skipIf(true)(`${title} [${missing}]`, body);
  }
}
