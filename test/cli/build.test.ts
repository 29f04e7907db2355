// `edge-fpm build` and `deploy`, and the project's own wrangler.toml.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { serveBuild } from "../peers/workerd.ts";
import { run, runProgram } from "./run.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

let scratch: Scratch;
let app: string;
beforeAll(() => {
  scratch = makeScratch("cli-build");
  app = join(scratch.path, "My App");
  mkdirSync(join(app, "public/css"), { recursive: true });
  mkdirSync(join(app, "src"));
  writeFileSync(
    join(app, "src/answer.php"),
    "<?php return 'memory_limit ' . ini_get('memory_limit') . ', precision ' . ini_get('precision');",
  );
  writeFileSync(
    join(app, "public/index.php"),
    "<?php echo $_SERVER['REQUEST_URI'], ': ', require __DIR__ . '/../src/answer.php';",
  );
  writeFileSync(join(app, "public/css/a.css"), "body {}");
  writeFileSync(join(app, "public/notes.md"), "for nobody");
  writeFileSync(join(app, ".env"), "SECRET=1");
});
afterAll(() => scratch.remove());

describe("edge-fpm build", () => {
  test("prints the output folder, tells sizes and what was left out, and the result is served by workerd", async () => {
    const ini = join(scratch.path, "my.ini");
    writeFileSync(ini, "memory_limit = 33M\nprecision = 5\n");
    const args = [
      "--document-root",
      "public",
      "--front",
      "/index.php",
      "--php-ini",
      ini,
      "-d",
      "precision=9",
      "-c",
      "1",
    ];
    const { status, stdout, stderr } = await run(["build", app, ...args]);
    expect(stderr).toMatch(/my-app {2}PHP 8\.4\.\d+, 4 files/);
    expect(stderr).toMatch(/php\.wasm +19\.\d MB/);
    expect(stderr).toMatch(/Worker +\d+\.\d MB {2}\d+ % of what Cloudflare takes/);
    expect(stderr).toMatch(/left out because of their names or contents: \.env\./);
    expect(stdout).toBe(`${join(app, ".edge-fpm")}\n`);
    expect(status).toBe(0);

    const server = await serveBuild(join(app, ".edge-fpm"));
    try {
      const get = async (path: string) => {
        const response = await fetch(server.baseUrl + path);
        return `${response.status} ${await response.text()}`;
      };
      expect(await get("/any/path")).toBe("200 /any/path: memory_limit 33M, precision 9");
      expect(await get("/css/a.css")).toBe("200 body {}");
      // A file that is no asset is refused, not passed to the front controller.
      expect(await get("/notes.md")).toMatch(/^403 /);
      expect(await get("/.env")).toMatch(/^403 /);
    } finally {
      await server.stop();
    }
  });

  test.each<[what: string, args: string[], message: RegExp]>([
    ["no such folder", ["/no/such/folder"], /There is no folder/],
    ["two folders", [".", "."], /Builds one folder/],
    ["a front controller without a slash", [".", "--front", "index.php"], /must start with a slash/],
    ["too many children", [".", "-c", "11"], /--children 11 is not a whole number from 1 to 10/],
    ["too much memory", [".", "--memory", "200"], /--memory 200/],
    ["a version that there is not", [".", "--php", "7.4"], /there is no PHP 7\.4/],
    ["a document root that is not there", [".", "--document-root", "web"], /document root web/],
    ["an output folder that holds other things", [".", "--out", "public"], /holds files that no build made/],
    ["a php.ini that is not there", [".", "--php-ini", "no.ini"], /Cannot read --php-ini no\.ini/],
  ])("refuses %s", async (_what, args, message) => {
    const { status, stderr } = await run(["build", ...args], { cwd: app });
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  test("names the package of a version that is not installed", async () => {
    const { status, stderr } = await run(["build", app, "--php", "8.3"]);
    expect(stderr).toContain("npm install --save-dev @php-wasm/web-8-3@");
    expect(status).toBe(1);
  });
});

describe("edge-fpm deploy", () => {
  test("--dry-run builds, and wrangler takes the result", async () => {
    const out = join(scratch.path, "deployed");
    const { status, stdout, stderr } = await run(["deploy", app, "--out", out, "--name", "a-shop", "--dry-run"]);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/Total Upload: \d+\.\d+ KiB/);
    expect(stdout).toMatch(/env\.POOL \(Pool\)/);
    expect(stdout).toMatch(/env\.LOADER/);
    expect(stdout).toContain("--dry-run: exiting now");
    expect(stdout + stderr).not.toMatch(/\bWARNING\b/);
    expect(parse(readFileSync(join(out, "wrangler.toml"), "utf8")).name).toBe("a-shop");
  });

  test("hands wrangler's failure on", async () => {
    const settings = join(app, "wrangler.toml");
    writeFileSync(settings, 'name = "NOT a name"\n');
    const { status, stderr } = await run(["deploy", app, "--out", join(scratch.path, "bad"), "--dry-run"]);
    expect(stderr).toMatch(/wrangler ended with status 1/);
    expect(status).toBe(1);
  });
});

test("the project's wrangler.toml builds the guestbook and passes wrangler's check", async () => {
  const wrangler = join(PROJECT, "node_modules/wrangler/bin/wrangler.js");
  const { status, stdout, stderr } = await runProgram(process.execPath, [wrangler, "deploy", "--dry-run"], {
    cwd: PROJECT,
  });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toContain("--dry-run: exiting now");
  expect(existsSync(join(PROJECT, ".edge-fpm/worker/php.wasm"))).toBe(true);
});
