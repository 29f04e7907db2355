// Files of 100 MB in isolates of 128 MB, in real workerd; and a store that gets full behind a request's back.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const MiB = 1024 * 1024;
const SIZE = 100 * MiB;
const PART = 65_536;

const SCRIPTS: Readonly<Record<string, string>> = {
  "write.php": `<?php $f = fopen(__DIR__ . '/big.mp4', 'w'); for ($i = 0; $i < ${SIZE / PART}; $i++) if (fwrite($f, str_repeat(hash('sha256', (string) $i, true), ${PART / 32})) !== ${PART}) exit("short at $i");
    fclose($f); echo json_encode([filesize(__DIR__ . '/big.mp4'), memory_get_peak_usage(true)]);`,
  "hash.php": `<?php usleep(200000); echo json_encode([hash_file('sha256', __DIR__ . '/big.mp4'), memory_get_peak_usage(true)]);`,
  "tail.php": `<?php $f = fopen(__DIR__ . '/big.mp4', 'r+'); fseek($f, -4, SEEK_END); fwrite($f, 'TAIL'); fseek($f, ${50 * MiB}); fwrite($f, 'MIDDLE'); fclose($f); echo 'ok';`,
  "fill.php": `<?php if (isset($_GET['early'])) { echo str_repeat('early ', 2000); flush(); } $n = file_put_contents(__DIR__ . '/' . $_GET['name'], str_repeat('x', 3_000_000)); usleep(700000); echo $n;`,
  "clear.php": `<?php array_map('unlink', glob(__DIR__ . '/*.txt')); echo 'ok';`,
  "list.php": `<?php echo json_encode(array_map('filesize', glob(__DIR__ . '/*.txt')));`,
};

const site = makeScratch("large-site");
let workers: RunningWorkers;

/** Resident memory of the workerd that this process started, in bytes: gateway, pool and children together. */
function workerdMemory(): number {
  let sum = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      if (!/^Name:\s+workerd/m.test(status) || !status.includes(`PPid:\t${process.pid}\n`)) continue;
      sum += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

beforeAll(() => {
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(site.path, name), text);
});
afterAll(() => site.remove());

async function get(path: string): Promise<string> {
  const answer = await http(workers.baseUrl, path);
  expect(answer.status, answer.text()).toBe(200);
  return answer.text();
}

describe("a file of 100 MB", () => {
  beforeAll(async () => {
    workers = await startWorkers({ root: site.path, pool: { maxChildren: 2, requestTerminateTimeout: 120_000 } });
  });
  afterAll(() => workers?.stop());

  test("is written by one child, read by both, and served in ranges", { timeout: 120_000 }, async () => {
    const hash = createHash("sha256");
    for (let i = 0; i < SIZE / PART; i++) {
      hash.update(Buffer.alloc(PART, createHash("sha256").update(`${i}`).digest()));
    }
    const whole = hash.digest("hex");
    const laps = [performance.now()];
    const lap = () => laps.push(performance.now());
    const memory = [workerdMemory()];
    expect(JSON.parse(await get("/write.php"))).toEqual([SIZE, expect.any(Number)]);
    lap();
    memory.push(workerdMemory());
    const found = (await Promise.all([0, 1].map(async () => JSON.parse(await get("/hash.php"))))) as [string, number][];
    lap();
    memory.push(workerdMemory());
    expect(found.map(([text]) => text)).toEqual([whole, whole]);
    // PHP's own heap: what the interpreter holds beside it is in test/php/durable/large.test.ts.
    for (const [, peak] of found) expect(peak).toBeLessThan(4 * MiB);
    const range = { range: `bytes=${50 * MiB}-${50 * MiB + 31}` };
    const part = await http(workers.baseUrl, { path: "/big.mp4", headers: range });
    expect([part.status, part.body.toString("hex")]).toEqual([206, createHash("sha256").update("800").digest("hex")]);
    expect(await get("/tail.php")).toBe("ok");
    const ends = await http(workers.baseUrl, { path: "/big.mp4", headers: { range: "bytes=-4" } });
    const middle = await http(workers.baseUrl, {
      path: "/big.mp4",
      headers: { range: `bytes=${50 * MiB}-${50 * MiB + 5}` },
    });
    expect([ends.text(), middle.text()]).toEqual(["TAIL", "MIDDLE"]);
    const told = memory.map((bytes) => Math.round(bytes / MiB)).join(", ");
    const times = laps
      .slice(1)
      .map((time, n) => Math.round(time - (laps[n] ?? 0)))
      .join(", ");
    console.log(`100 MB written, and hashed by two children: ${times} ms; workerd ${told} MiB`);
  });
});

describe("a store that another child fills meanwhile", () => {
  beforeAll(async () => {
    workers = await startWorkers({ root: site.path, pool: { maxChildren: 2 }, files: { totalBytes: 5_000_000 } });
    await Promise.all([0, 1].map(() => get("/hash.php").catch(() => undefined)));
  });
  afterAll(() => workers?.stop());

  const fill = (query: string) =>
    Promise.all(
      ["a.txt", "b.txt"].map((name) =>
        http(workers.baseUrl, `/fill.php?name=${name}${query}`).then(
          ({ status }) => status,
          () => "broken off",
        ),
      ),
    );

  test("fails the request whose changes cannot be kept, and keeps the other's whole", async () => {
    expect((await fill("")).sort()).toEqual([200, 502]);
    expect(workers.log()).toContain("ENOSPC");
    expect(JSON.parse(await get("/list.php"))).toEqual([3_000_000]);
    await get("/clear.php");
    expect(JSON.parse(await get("/list.php"))).toEqual([]);
  });

  test("breaks the answer off if it has begun", async () => {
    expect((await fill("&early")).map(String).sort()).toEqual(["200", "broken off"]);
    expect(JSON.parse(await get("/list.php"))).toEqual([3_000_000]);
  });
});
