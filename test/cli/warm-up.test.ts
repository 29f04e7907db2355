// `edge-fpm serve` with URLs that are run before the first visitor.

import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordRequests } from "../../src/cli/warm-up.ts";
import { createFolderGateway } from "../../src/gateway/index.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const GATEWAY = fileURLToPath(new URL("../../src/gateway/index.ts", import.meta.url));

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("warm-up");
  mkdirSync(join(scratch.path, "public"));
  writeFileSync(join(scratch.path, "public/style.css"), "a {}");
  const script = join(scratch.path, "public/index.php");
  writeFileSync(script, "<?php echo getmypid(), ' ', opcache_is_script_cached(__FILE__) ? 'warm' : 'cold';");
  // Old enough for opcache to keep.
  const past = Date.now() / 1000 - 60;
  utimesSync(script, past, past);
});
afterAll(() => scratch.remove());

describe("the requests of a warm-up", () => {
  test("are those that the gateway would send, and only scripts give one", async () => {
    const root = join(scratch.path, "public");
    const recorded = await recordRequests(["/?a=1", "/style.css", "http://example.test/index.php/info"], (exchange) =>
      createFolderGateway({ documentRoot: root, files: nodeFiles(root), exchange }),
    );
    expect(recorded.map((params) => Object.fromEntries(params))).toMatchObject([
      { SCRIPT_FILENAME: join(root, "index.php"), QUERY_STRING: "a=1", REQUEST_METHOD: "GET", HTTP_HOST: "localhost" },
      { SCRIPT_FILENAME: join(root, "index.php"), PATH_INFO: "/info", HTTP_HOST: "example.test" },
    ]);
  });
});

describe("fpm", () => {
  const ask = async (socket: string, script: string) => (await run(["request", socket, script])).stdout;

  test("starts children warm, and keeps the snapshot for the next start", async () => {
    const root = join(scratch.path, "public");
    const socket = join(scratch.path, "fpm.sock");
    const file = join(scratch.path, "fpm.snapshot");
    const args = ["fpm", "-l", socket, "--root", root, "--children", "2", "--warmup", "/index.php", "--snapshot", file];
    for (const news of [/warm after \d+ ms/, /warm from /]) {
      const program = runEdgeFpm(args);
      try {
        await program.waitFor(/speaks FastCGI/);
        expect(await ask(socket, join(root, "index.php"))).toMatch(/^\d+ warm$/);
      } finally {
        expect(await program.stop("SIGINT")).toMatchObject({ code: 0 });
      }
      expect(program.output()).toMatch(news);
    }
  }, 60_000);

  test("does so for each pool of a configuration, and again after a reload", async () => {
    const root = join(scratch.path, "public");
    const own = process.getuid?.() === 0 ? "user = root\n" : "";
    const pool = (name: string) =>
      `[${name}]\n${own}listen = ${scratch.path}/${name}.sock\npm = static\npm.max_children = 1\n`;
    const conf = join(scratch.path, "php-fpm.conf");
    writeFileSync(conf, `${pool("one")}${pool("jail")}chroot = ${root}\n`);
    const file = join(scratch.path, "pools");
    const args = ["-y", conf, "-F", "-O", "-R", "--root", root, "--warmup", "/index.php", "--snapshot", file];
    const program = runEdgeFpm(["fpm", ...args]);
    try {
      await program.waitFor(/ready to handle connections/);
      expect(await ask(join(scratch.path, "one.sock"), join(root, "index.php"))).toMatch(/^\d+ warm$/);
      expect(await ask(join(scratch.path, "jail.sock"), "/index.php")).toMatch(/^\d+ warm$/);
      for (const name of ["one", "jail"]) {
        expect(program.output()).toMatch(new RegExp(`\\[pool ${name}\\] warm after`));
        expect(existsSync(`${file}.${name}`)).toBe(true);
      }
      program.signal("SIGUSR2");
      await program.waitFor(/\[pool one\] warm from [\s\S]*ready to handle connections/);
      expect(await ask(join(scratch.path, "one.sock"), join(root, "index.php"))).toMatch(/^\d+ warm$/);
    } finally {
      await program.stop("SIGINT");
    }
  }, 60_000);

  test("refuses what is no path, before anything is started", async () => {
    const { status, stderr } = await run(["fpm", "-l", "127.0.0.1:0", "--warmup", "index.php"]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("--warmup: index.php must be a path")]);
  });
});

describe("serve", () => {
  test("starts children warm, and keeps the snapshot for the next start", async () => {
    const file = join(scratch.path, "snapshot");
    const args = ["serve", join(scratch.path, "public"), "--port", "0", "--warmup", "/", "--snapshot", file];
    for (const news of [/warm after \d+ ms/, /warm from /]) {
      const program = runEdgeFpm(args);
      try {
        const [, url = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
        expect(await (await fetch(url)).text()).toMatch(/^\d+ warm$/);
      } finally {
        // By itself: no thread that is kept ready holds the process up.
        expect(await program.stop("SIGINT")).toMatchObject({ code: 0 });
      }
      expect(program.output()).toMatch(news);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
  });

  test("takes them from a pool of the configuration", async () => {
    writeFileSync(
      join(scratch.path, "edge-fpm.config.ts"),
      `import { defineConfig } from ${JSON.stringify(GATEWAY)};
export default defineConfig({
  root: "public",
  listen: { port: 0 },
  pools: { www: { maxChildren: 2, warmup: ["/"] } },
});\n`,
    );
    const program = runEdgeFpm(["serve", "--config", join(scratch.path, "edge-fpm.config.ts")]);
    try {
      const [, url = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
      expect(await (await fetch(url)).text()).toMatch(/^\d+ warm$/);
    } finally {
      await program.stop("SIGINT");
    }
    expect(program.output()).toMatch(/\[pool www\] warm after/);
  });

  test("refuses what is no path, before anything is started", async () => {
    const { status, stderr } = await run(["serve", join(scratch.path, "public"), "--warmup", "index.php"]);
    expect(status).toBe(2);
    expect(stderr).toContain("--warmup: index.php must be a path");
    expect(existsSync(join(scratch.path, "index.php"))).toBe(false);
  });
});
