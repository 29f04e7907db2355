// 100 MB up and 100 MB down through a real `edge-fpm serve`, with a slow visitor too: its memory stays bounded.

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeServe, startServe } from "../peers/edge-fpm.ts";
import { describePeers } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";

const LENGTH = 100 * 1000 * 1000;

/** Bytes that a process has in memory, now and at most so far. Linux tells of them in a file. */
function memory(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const value = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  return { now: value("VmRSS"), most: value("VmHWM") };
}

describePeers(["php-fpm8.2"], "100 MB through edge-fpm serve in front of php-fpm", () => {
  const scratch = makeScratch("large-bodies");
  let fpm: PhpFpm;
  let serve: EdgeServe;
  let before: number;

  beforeAll(async () => {
    writeFileSync(
      join(scratch.path, "down.php"),
      "<?php header('Content-Type: application/octet-stream'); for ($i = 0; $i < $_GET['n']; $i++) { echo str_repeat('x', 100000); flush(); }",
    );
    // PHP holds the body in a file; 1 MB of it at a time.
    writeFileSync(
      join(scratch.path, "up.php"),
      "<?php $in = fopen('php://input', 'r'); $n = 0; while (!feof($in)) $n += strlen(fread($in, 1000000)); echo $n;",
    );
    fpm = await startPhpFpm({ listen: "unix", children: 2, poolLines: ["php_admin_value[post_max_size] = 200M"] });
    serve = await startServe(scratch.path, { upstream: fpm.address });
    // Whatever is compiled and kept once is no matter of the size of bodies.
    for (let i = 0; i < 20; i++) {
      await download(10);
      await upload(1_000_000);
    }
    before = memory(serve.program.pid).now;
  }, 60_000);
  afterAll(async () => {
    await serve?.stop();
    await fpm?.stop();
    scratch.remove();
  });

  const ask = (path: string, options = {}) => {
    const { hostname, port } = new URL(serve.baseUrl);
    return request({ hostname, port, path, agent: false, ...options });
  };

  /**
   * @param blocks of 100,000 bytes
   * @param pace awaited after each chunk
   */
  async function download(blocks: number, pace: () => Promise<void> | undefined = () => undefined): Promise<number> {
    const outgoing = ask(`/down.php?n=${blocks}`).end();
    const [message] = (await once(outgoing, "response")) as [AsyncIterable<Buffer>];
    let length = 0;
    for await (const chunk of message) {
      length += chunk.length;
      await pace();
    }
    return length;
  }

  async function upload(length: number): Promise<string> {
    const headers = { "content-length": String(length), "content-type": "application/octet-stream" };
    const outgoing = ask("/up.php", { method: "POST", headers });
    const answer = once(outgoing, "response") as Promise<[AsyncIterable<Buffer>]>;
    const chunk = Buffer.alloc(length / 100, "x");
    for (let sent = 0; sent < length; sent += chunk.length) {
      if (!outgoing.write(chunk)) await once(outgoing, "drain");
    }
    outgoing.end();
    let text = "";
    for await (const part of (await answer)[0]) text += part.toString();
    return text;
  }

  const extra = () => Math.max(memory(serve.program.pid).now, memory(serve.program.pid).most) - before;

  test("down, up, and down to a visitor who takes two seconds, in less than 64 MB more", async () => {
    expect(await download(1000)).toBe(LENGTH);
    expect(await upload(LENGTH)).toBe(String(LENGTH));
    let chunks = 0;
    const slowly = () => (++chunks % 50 === 0 ? new Promise<void>((resolve) => setTimeout(resolve, 60)) : undefined);
    expect(await download(1000, slowly)).toBe(LENGTH);
    expect(extra()).toBeLessThan(64 * 1024 * 1024);
  }, 120_000);
});
