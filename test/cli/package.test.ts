// The command as npm hands it out: packed, installed into an empty folder, used. What else is in it: test/package.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installTarball, PROJECT, packProject } from "../package/pack.ts";
import { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { runProgram } from "./run.ts";

const NODE_PACKAGES = join(PROJECT, "node_modules");

let scratch: Scratch;
let folder: string;
/** Why the package could not be installed; `undefined` when it is. */
let problem: string | undefined;

beforeAll(async () => {
  scratch = makeScratch("package");
  const { tarball } = await packProject();
  folder = join(scratch.path, "user");
  mkdirSync(join(folder, "public"), { recursive: true });
  writeFileSync(join(folder, "public/plain.txt"), "a static file");
  problem = await installTarball(tarball, folder);
}, 60_000);
afterAll(() => scratch?.remove());

const command = () => join(folder, "node_modules/.bin/edge-fpm");
const environment = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

describe("the packed package", () => {
  const installedTest = (name: string, body: () => Promise<void>) =>
    test(name, async (context) => {
      if (problem !== undefined) context.skip(problem);
      await body();
    });

  installedTest("npx finds the command", async () => {
    const { stdout, status } = await runProgram("npx", ["--no-install", "edge-fpm", "--version"], { cwd: folder });
    expect(stdout).toMatch(/^edge-fpm \d+\.\d+\.\d+\n$/);
    expect(status).toBe(0);
  });

  // 20 is the machine's own Node where `node` 24 is a dev dependency.
  const old = "/usr/bin/node";
  const isOld = existsSync(old) && Number(execFileSync(old, ["-p", "process.versions.node.split('.')[0]"])) < 22;
  test.skipIf(!isOld)(
    "says which Node the command needs when it is too old (there is an older /usr/bin/node)",
    async (context) => {
      if (problem !== undefined) context.skip(problem);
      const { status, stderr } = await runProgram(old, [command(), "--version"], { cwd: folder });
      expect(stderr).toMatch(/^edge-fpm: this is Node \d+\.\d+\.\d+; the command needs Node 22 or later/);
      expect(status).toBe(1);
    },
  );

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
