// `edge-fpm dev` as a program of its own, in real workerd.

import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";

describe("edge-fpm dev", () => {
  const scratch = makeScratch("dev");
  const site = join(scratch.path, "site");
  let program: Program | undefined;
  let baseUrl = "";

  const write = (name: string, text: string) => writeFileSync(join(site, name), text);

  beforeAll(async () => {
    mkdirSync(site);
    write("index.php", "<?php echo 'first of ', getenv('GREETING');");
    write("loop.php", "<?php while (true);");
    program = runEdgeFpm(["dev", site, "--port", "0", "--terminate-timeout", "2", "-e", "GREETING=all"]);
    baseUrl = (await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/))[1] ?? "";
  });
  afterAll(async () => {
    await program?.stop("SIGKILL");
    scratch.remove();
  });

  test("serves the folder, with variables", async () => {
    expect((await http(baseUrl, "/")).text()).toBe("first of all");
  });

  test("serves what was changed, at the same address", async () => {
    write("index.php", "<?php echo 'second';");
    await expect.poll(async () => (await http(baseUrl, "/")).text(), { timeout: 20_000 }).toBe("second");
  });

  test("goes on with the last build when the next one fails", async () => {
    // A link out of the application's folder is refused.
    const link = join(site, "link");
    symlinkSync("/etc", link);
    await program?.waitFor(/Not built/);
    expect((await http(baseUrl, "/")).text()).toBe("second");
    rmSync(link);
  });

  test("ends workerd when an endless loop freezes it, names the script, and serves on", async () => {
    await expect(http(baseUrl, "/loop.php")).rejects.toThrow();
    expect(program?.output()).toMatch(
      /workerd stands still: \/app\/loop\.php \(GET \/loop\.php\) has run for more than 2 s/,
    );
    await expect
      .poll(() => http(baseUrl, "/").then((answer) => answer.text(), String), { timeout: 20_000 })
      .toBe("second");
  });

  test("runs a schedule though nobody has come", async () => {
    const folder = join(scratch.path, "scheduled");
    mkdirSync(folder);
    writeFileSync(join(folder, "tick.php"), "<?php echo 'ticked';");
    const config = {
      root: ".",
      pools: { www: { php: "8.2" } },
      cron: [{ schedule: "* * * * * *", script: "/tick.php" }],
    };
    writeFileSync(join(folder, "edge-fpm.config.js"), `export default ${JSON.stringify(config)};`);
    const scheduled = runEdgeFpm(["dev", folder, "--port", "0", "--no-persist", "-v"]);
    try {
      await scheduled.waitFor(/\[cron tick\.php\] done, status 200, .*ticked/);
    } finally {
      await scheduled.stop("SIGINT");
    }
  });

  test("a log in the folder starts no build, and a new build lets the scripts under way end", async () => {
    const folder = join(scratch.path, "logged");
    mkdirSync(folder);
    writeFileSync(join(folder, "slow.php"), "<?php echo 'begin '; flush(); sleep(4); echo 'end';");
    const log = () => readFileSync(join(folder, "dev.log"), "utf8");
    const builds = () => log().match(/Built again/g)?.length;
    const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
    const command = [process.execPath, main, "dev", folder, "--port", "0", "--no-persist"];
    const logged = new Program("/bin/sh", ["-c", 'exec "$@" > "$0" 2>&1', join(folder, "dev.log"), ...command]);
    try {
      await expect.poll(log, { timeout: 30_000 }).toMatch(/Files are watched/);
      const slow = await fetch(`${/http:[^\s]*/.exec(log())?.[0]}/slow.php`);
      writeFileSync(join(folder, "index.php"), "<?php echo 'changed';");
      expect(await slow.text()).toBe("begin end");
      await expect.poll(builds, { timeout: 20_000 }).toBe(1);
      await sleep(3000);
      expect(builds()).toBe(1);
    } finally {
      await logged.stop("SIGINT");
    }
  });

  test("stops at Ctrl-C", async () => {
    await program?.stop("SIGINT");
    await expect(http(baseUrl, "/")).rejects.toThrow();
  });
});
