// The package as npm hands it out, in an empty folder beside the contract: what the runtimes are given.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { runProgram } from "../cli/run.ts";
import { packProject } from "../package/pack.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import type { Result } from "./contract.ts";

export interface Packed {
  /** Where `node_modules/edge-fpm` is, `contract.mjs` and `main.mjs`. */
  readonly folder: string;
  remove(): void;
}

/** Imports the parts by their public names. */
export const IMPORTS = `
import * as capture from "edge-fpm/capture";
import * as client from "edge-fpm/client";
import * as codec from "edge-fpm/codec";
import * as connection from "edge-fpm/connection";
import * as server from "edge-fpm/server";
import { runContract } from "./contract.mjs";
const modules = { capture, client, codec, connection, server };
`;

/** Runs where there are sockets and a process: prints the results, the last line is JSON. */
const MAIN = `${IMPORTS}
const results = await runContract(modules, { sockets: true, folder: process.cwd() });
console.log(JSON.stringify(results));
process.exit(0);
`;

/** Packs the package and installs the tarball into an empty folder, as its user would; nothing else is there. */
export async function installPacked(): Promise<Packed> {
  const scratch: Scratch = makeScratch("runtimes");
  const folder = join(scratch.path, "user");
  const modules = join(folder, "node_modules", "edge-fpm");
  mkdirSync(modules, { recursive: true });
  const { tarball } = await packProject();
  // By hand and not by npm: these parts need none of the package's dependencies, so none is there.
  await succeed("tar", ["-xzf", tarball, "--strip-components=1", "-C", modules], folder);

  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  const contract = readFileSync(new URL("contract.ts", import.meta.url), "utf8");
  writeFileSync(join(folder, "contract.mjs"), (await transform(contract, { loader: "ts", target: "es2022" })).code);
  writeFileSync(join(folder, "main.mjs"), MAIN);
  return { folder, remove: () => scratch.remove() };
}

/** Runs `main.mjs` with a program and returns the results of the cases. */
export async function runOn(packed: Packed, command: string, args: readonly string[]): Promise<readonly Result[]> {
  const { stdout, stderr, status } = await runProgram(command, [...args, "main.mjs"], { cwd: packed.folder });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  if (!last.startsWith("[")) throw new Error(`${command} ended with ${status} and no results\n${stdout}${stderr}`);
  return JSON.parse(last);
}

async function succeed(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { status, stdout, stderr } = await runProgram(command, args, { cwd });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
}
