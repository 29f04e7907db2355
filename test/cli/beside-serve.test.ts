// Commands beside a running `edge-fpm serve` on the same files: their locks are the server's, and a job runs in its pools.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findMasters, masterOf } from "../../src/platform/node/master-socket.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const MASTERS = join(tmpdir(), `edge-fpm-${process.getuid?.() ?? 0}`, "masters");
const scratch = makeScratch("beside-serve");
const site = scratch.path;
let server: ReturnType<typeof runEdgeFpm>;
let url = "";

const SCRIPTS: Readonly<Record<string, string>> = {
  "try.php": `<?php $file = fopen(__DIR__ . '/../lock', 'c'); echo flock($file, LOCK_EX | LOCK_NB) ? 'mine' : 'taken';`,
  "wait.php": `<?php $file = fopen(__DIR__ . '/../lock', 'c'); flock($file, LOCK_EX); echo 'mine at last';`,
  "hold.php": `<?php $file = fopen(__DIR__ . '/../lock', 'c'); flock($file, LOCK_EX); echo "held\\n"; flush();
    while (!file_exists(__DIR__ . '/../let-go')) usleep(5000); echo "let go\\n";`,
  "write.php": `<?php $db = new PDO('sqlite:' . __DIR__ . '/../data.sqlite'); $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    $db->exec('PRAGMA busy_timeout = 20000'); $db->exec('CREATE TABLE IF NOT EXISTS t (n)');
    $until = microtime(true) + 1.5; $rows = 0;
    while (microtime(true) < $until || $rows < 5) { $db->exec('INSERT INTO t VALUES (1)'); $rows++; }
    echo $rows;`,
  "count.php": `<?php echo (new PDO('sqlite:' . __DIR__ . '/../data.sqlite'))->query('SELECT count(*) FROM t')->fetchColumn();`,
  "job.php": "<?php echo getmypid(), ' ', $_SERVER['EDGE_FPM_CRON'];",
};

beforeAll(async () => {
  mkdirSync(join(site, "public"));
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(site, "public", name), text);
  const config = {
    root: "public",
    listen: { port: 0 },
    pools: { www: { php: "8.2", maxChildren: 3 } },
    cron: [{ schedule: "0 0 29 2 *", script: "/job.php", name: "job" }],
  };
  writeFileSync(join(site, "edge-fpm.config.mjs"), `export default ${JSON.stringify(config)};\n`);
  server = runEdgeFpm(["serve", "--config", join(site, "edge-fpm.config.mjs")]);
  [, url = ""] = await server.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
}, 60_000);
afterAll(async () => {
  await server.stop("SIGINT");
  scratch.remove();
});

const get = async (path: string) => (await fetch(url + path)).text();
const php = (script: string) => run(["php", `public/${script}`], { cwd: site });

describe("edge-fpm php beside edge-fpm serve", () => {
  test("a visitor's flock() keeps it out, and it gets the lock when that is given back", {
    timeout: 30_000,
  }, async () => {
    const held = await fetch(`${url}/hold.php`);
    expect((await php("try.php")).stdout).toBe("taken");
    const waits = php("wait.php");
    setTimeout(() => writeFileSync(join(site, "let-go"), ""), 500);
    expect(await held.text()).toBe("held\nlet go\n");
    expect(await waits).toEqual({ status: 0, stdout: "mine at last", stderr: "" });
    rmSync(join(site, "let-go"));
  });

  test("its flock() keeps visitors out, until it is killed", { timeout: 30_000 }, async () => {
    const holder = spawn(process.execPath, [COMMAND, "php", "public/hold.php"], { cwd: site });
    await once(holder.stdout, "data");
    expect(await get("/try.php")).toBe("taken");
    holder.kill("SIGKILL");
    await once(holder, "exit");
    await expect.poll(() => get("/try.php")).toBe("mine");
  });

  test("rows that both write to one SQLite database at the same time are all there", { timeout: 60_000 }, async () => {
    const counts = await Promise.all([
      get("/write.php"),
      get("/write.php"),
      php("write.php").then(({ stdout, stderr }) => stdout + stderr),
      php("write.php").then(({ stdout, stderr }) => stdout + stderr),
    ]);
    const rows = counts.map(Number);
    expect(rows.every((count) => count >= 5)).toBe(true);
    expect(Number(await get("/count.php"))).toBe(rows.reduce((sum, count) => sum + count, 0));
  });
});

describe("edge-fpm cron run beside edge-fpm serve", () => {
  test("the server runs the job", { timeout: 30_000 }, async () => {
    const { status, stdout, stderr } = await run(["cron", "run", "job"], { cwd: site });
    expect(stdout).toMatch(/^[1-3] job\n$/);
    expect(stderr).toMatch(/^job: ok, status 200, \d+ ms\n$/);
    expect(status).toBe(0);
  });

  test("with options of a pool it warns and runs by itself", { timeout: 30_000 }, async () => {
    const { status, stderr } = await run(["cron", "run", "job", "-d", "precision=5"], { cwd: site });
    expect(stderr).toMatch(/^Warning: process \d+ serves this site and has not the options --define\./);
    expect(status).toBe(0);
  });
});

describe("a server that has ended", () => {
  test("is not found, and its script goes on with its locks", { timeout: 60_000 }, async () => {
    const other = makeScratch("beside-ended");
    for (const name of ["hold.php", "wait.php"]) {
      mkdirSync(join(other.path, "public"), { recursive: true });
      writeFileSync(
        join(other.path, "public", name),
        `${SCRIPTS[name]} flock($file, LOCK_UN); echo flock($file, LOCK_EX) ? 'again' : 'no';`,
      );
    }
    const brief = runEdgeFpm(["serve", join(other.path, "public"), "--port", "0", "--php", "8.2", "--children", "1"]);
    await brief.waitFor(/serves/);
    const before = await findMasters();
    const found = masterOf(before, [join(other.path, "public", "x")]);
    expect(found?.roots).toEqual([join(other.path, "public")]);
    const holder = run(["php", "--php", "8.2", "public/hold.php"], { cwd: other.path });
    await expect.poll(() => existsSync(join(other.path, "lock")), { timeout: 20_000 }).toBe(true);
    await brief.stop("SIGKILL");
    writeFileSync(join(other.path, "let-go"), "");
    expect(await holder).toEqual({ status: 0, stdout: "held\nlet go\nagain", stderr: "" });
    expect(masterOf(await findMasters(), [join(other.path, "public")])).toBeUndefined();
    // What it left is gone, too.
    expect(readdirSync(MASTERS)).not.toContain(`${found?.pid}.sock`);
    const alone = await run(["php", "--php", "8.2", "public/wait.php"], { cwd: other.path });
    expect(alone).toEqual({ status: 0, stdout: "mine at lastagain", stderr: "" });
    other.remove();
  });
});
