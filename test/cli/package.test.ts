// The package as npm hands it out: packed, installed into an empty folder, used.

import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Ended, runProgram } from "./run.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const NODE_PACKAGES = join(PROJECT, "node_modules");

/** The npm that belongs to this run, else the one of the PATH. */
function npm(args: readonly string[], cwd: string): Promise<Ended> {
  return runProgram("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd });
}

let scratch: Scratch;
let folder: string;
/** Why the package could not be installed; `undefined` when it is. */
let problem: string | undefined;

beforeAll(async () => {
  scratch = makeScratch("package");
  // A copy: packing builds, and other tests may read the project's own dist at this moment.
  const copy = join(scratch.path, "copy");
  mkdirSync(copy);
  const parts = ["src", "workers", "package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "LICENSE"];
  for (const part of [...parts, "ARCHITECTURE.md", "CHANGELOG.md"]) {
    const copied = await runProgram("cp", ["-r", join(PROJECT, part), copy]);
    expect(copied.status, copied.stderr).toBe(0);
  }
  symlinkSync(NODE_PACKAGES, join(copy, "node_modules"));
  const packed = await npm(["pack", "--pack-destination", scratch.path], copy);
  expect(packed.status, packed.stdout + packed.stderr).toBe(0);
  const tarball = readdirSync(scratch.path).find((name) => name.endsWith(".tgz")) ?? "";

  folder = join(scratch.path, "user");
  mkdirSync(join(folder, "public"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  writeFileSync(join(folder, "public/plain.txt"), "a static file");
  const installed = await npm(["install", "--ignore-scripts", "--prefer-offline", join(scratch.path, tarball)], folder);
  if (installed.status === 0) return;
  problem = installed.stderr;
  // Only a registry that cannot be reached excuses a package that cannot be installed.
  expect(problem).toMatch(/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|network/);
}, 60_000);
afterAll(() => scratch?.remove());

const command = () => join(folder, "node_modules/.bin/edge-fpm");
const environment = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

describe("the packed package", () => {
  const installedTest = (name: string, body: () => Promise<void>) =>
    test(name, async (context) => {
      if (problem !== undefined) context.skip("the npm registry cannot be reached");
      await body();
    });

  installedTest("holds no sources, no tests and nothing of PHP", async () => {
    const own = readdirSync(join(folder, "node_modules/edge-fpm")).sort();
    expect(own).toEqual(["ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json"]);
    expect(readdirSync(join(folder, "node_modules"))).not.toContain("@php-wasm");
  });

  installedTest("each of its parts can be imported", async () => {
    const lines = ["codec", "connection", "cgi", "gateway", "fpm"].map(
      (part) => `console.log("${part}", Object.keys(await import("edge-fpm/${part}")).length > 0);`,
    );
    const used = `
      const { encodeRecord, RecordDecoder } = await import("edge-fpm/codec");
      const record = encodeRecord({ type: "stdout", requestId: 7, content: new Uint8Array(3) });
      new RecordDecoder().decode(record, (type, id, _, start, end) => console.log(type, id, end - start));`;
    writeFileSync(join(folder, "use.mjs"), lines.join("\n") + used);
    const { stdout, stderr } = await runProgram(process.execPath, ["use.mjs"], { cwd: folder });
    expect({ stdout, stderr }).toEqual({
      stdout: "codec true\nconnection true\ncgi true\ngateway true\nfpm true\n6 7 3\n",
      stderr: "",
    });
  });

  installedTest("npx finds the command", async () => {
    const { stdout, status } = await runProgram("npx", ["--no-install", "edge-fpm", "--version"], { cwd: folder });
    expect(stdout).toMatch(/^edge-fpm \d+\.\d+\.\d+\n$/);
    expect(status).toBe(0);
  });

  installedTest("without a PHP, serve names the npm command", async () => {
    const { status, stderr } = await runProgram(process.execPath, [command(), "serve", "public", "-p", "0"], {
      cwd: folder,
    });
    expect(stderr).toMatch(
      /PHP 8\.4 is not installed \(no version of PHP is installed\).*npm install @php-wasm\/node-8-4@/,
    );
    expect(status).toBe(1);
  });

  installedTest("serves a static file and, with a PHP beside it, runs a script", async () => {
    // What `npm install @php-wasm/node-8-2` would put there.
    symlinkSync(join(NODE_PACKAGES, "@php-wasm"), join(folder, "node_modules/@php-wasm"));
    writeFileSync(join(folder, "public/index.php"), "<?php echo 'PHP ', PHP_VERSION;");
    const program = new Program(
      process.execPath,
      [command(), "serve", "public", "-p", "0", "-c", "1", "--php", "8.2"],
      {
        cwd: folder,
        env: environment,
      },
    );
    try {
      const [url = ""] = await program.waitFor(/http:\/\/127\.0\.0\.1:\d+/);
      expect(await (await fetch(`${url}/plain.txt`)).text()).toBe("a static file");
      expect(await (await fetch(`${url}/`)).text()).toMatch(/^PHP 8\.2\.\d+$/);
    } finally {
      await program.stop("SIGINT");
    }
    expect(program.exit).toEqual({ code: 0, signal: null });
  });

  installedTest("builds for Cloudflare, with esbuild and a web build of PHP beside it", async () => {
    const build = () => runProgram(process.execPath, [command(), "build", "public"], { cwd: folder });
    const before = await build();
    expect(before.stderr).toContain("npm install --save-dev esbuild");
    expect(before.status).toBe(1);
    for (const name of ["esbuild", "@esbuild"]) {
      symlinkSync(join(NODE_PACKAGES, name), join(folder, "node_modules", name));
    }
    const { status, stdout, stderr } = await build();
    expect(status, stderr).toBe(0);
    expect(readdirSync(join(stdout.trim(), "worker")).sort()).toContain("main.js");
  });
});
