// The package as npm hands it out: packed from a copy of the sources, and installed into an empty folder.

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
  /** The folder it was packed from, with `dist` in it. */
  readonly copy: string;
}

/** npm, quiet. Its own scripts run it under the project's Node, else it is the one of the PATH. */
export function npm(args: readonly string[], cwd: string): Promise<Ended> {
  return runProgram("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd });
}

/**
 * Builds and packs in `folder`, which exists. A copy of the sources: packing builds, and other tests may read the
 * project's own dist at this moment.
 */
export async function packProject(folder: string): Promise<Packed> {
  const copy = join(folder, "copy");
  mkdirSync(copy);
  for (const part of PARTS) succeeded(await runProgram("cp", ["-r", join(PROJECT, part), copy]));
  symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
  succeeded(await npm(["pack", "--pack-destination", folder], copy));
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  return { tarball: join(folder, tarball), copy };
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
