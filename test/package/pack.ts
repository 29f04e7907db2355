// The package as npm hands it out: packed from a copy of the sources, once a run, and installed into an empty folder.

import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import { type Ended, runProgram } from "../cli/run.ts";

export const PROJECT: string = fileURLToPath(new URL("../..", import.meta.url));

export interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export const MANIFEST: Manifest = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));

/** What a build and the tools that look at it need. */
const PARTS = [
  "src",
  "workers",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  ".size-limit.json",
  "README.md",
  "LICENSE",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
];

export interface Packed {
  /** The tarball. */
  readonly tarball: string;
  /** The folder it was packed from, with `dist` in it. Other test files read it too: nothing is to be written there. */
  readonly copy: string;
}

/** Longest wait for another test file's packing, in milliseconds. */
const LONGEST = 55_000;

/** npm, quiet. Its own scripts run it under the project's Node, else it is the one of the PATH. */
export function npm(args: readonly string[], cwd: string): Promise<Ended> {
  return runProgram("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd });
}

/**
 * Builds and packs a copy of the sources: other tests may read the project's own dist at this moment. Once a run, whoever
 * asks first; the others wait for it.
 */
export async function packProject(): Promise<Packed> {
  const folder = inject("packedFolder");
  const attempt = join(folder, "attempt");
  const copy = join(attempt, "copy");
  /** Named when all is there: the tarball's path, or what went wrong. */
  const done = join(folder, "tarball");
  const failed = join(folder, "failure");
  try {
    mkdirSync(attempt);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    for (const end = Date.now() + LONGEST; !existsSync(done); await setTimeout(100)) {
      if (existsSync(failed)) throw new Error(readFileSync(failed, "utf8"));
      if (Date.now() > end) throw new Error(`another test file has not packed the project within ${LONGEST} ms`);
    }
    return { tarball: readlinkSync(done), copy };
  }
  try {
    mkdirSync(copy);
    for (const part of PARTS) succeeded(await runProgram("cp", ["-r", join(PROJECT, part), copy]));
    symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
    succeeded(await npm(["pack", "--pack-destination", attempt], copy));
    const name = readdirSync(attempt).find((file) => file.endsWith(".tgz")) ?? "";
    symlinkSync(join(attempt, name), done);
  } catch (error) {
    writeFileSync(failed, String((error as Error).message));
    throw error;
  }
  return { tarball: readlinkSync(done), copy };
}

/**
 * Installs the tarball with npm into `folder`, as a user would.
 *
 * @returns why that could not be done when the registry cannot be reached, else `undefined`
 */
export async function installTarball(tarball: string, folder: string): Promise<string | undefined> {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, "package.json"))) {
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  }
  const installed = await npm(["install", "--ignore-scripts", "--prefer-offline", tarball], folder);
  if (installed.status === 0) return undefined;
  // Only a registry that cannot be reached excuses a package that cannot be installed.
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|network/.test(installed.stderr)) {
    return "the npm registry cannot be reached";
  }
  throw new Error(installed.stderr);
}

function succeeded({ status, stdout, stderr }: Ended): void {
  if (status !== 0) throw new Error(stdout + stderr);
}
