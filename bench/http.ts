// Hello over HTTP: our server on its own pool, beside nginx + php-fpm, the obvious server on the stock classes, and
// wp-playground's. One connection: what a request costs when nothing waits; 8: what one child makes of a crowd.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, installLine } from "../test/peers/binaries.ts";
import { startServe } from "../test/peers/edge-fpm.ts";
import { startNginx } from "../test/peers/nginx.ts";
import { startPhpFpm } from "../test/peers/php-fpm.ts";
import { Program } from "../test/peers/program.ts";
import { npmPeers } from "./npm-peers.ts";
import type { Row, Table } from "./table.ts";
import { type Contender, compare, heldAgainst } from "./wrk.ts";

const NAIVE_SERVER = fileURLToPath(new URL("naive-server.mjs", import.meta.url));

/** The port of wp-playground's server: it does not choose one itself. */
const PLAYGROUND_PORT = 19_473;

export async function benchHttp(quick: boolean): Promise<readonly Table[]> {
  const missing = (["wrk", "nginx", "php-fpm8.2"] as const).filter((command) => findProgram([command]) === undefined);
  if (missing.length > 0) {
    console.log(`http: skipped, ${missing.join(", ")} not installed; to install: ${installLine(missing)}\n`);
    return [];
  }
  const root = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  writeFileSync(join(root, "hello.php"), '<?php echo "Hello";\n');
  const cleanups: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];
  const keep = <T extends { stop(): unknown }>(started: T): T => {
    cleanups.unshift(() => started.stop());
    return started;
  };
  try {
    const startNative = async () => {
      const { address } = keep(await startPhpFpm({ listen: "unix", children: 8 }));
      return keep(await startNginx({ root, fastcgi: address, keepConnection: true }));
    };
    const startOwn = async () => keep(await startServe(root, { php: "8.4", children: 1 }));
    const [nginx, own] = await Promise.all([startNative(), startOwn()]);
    const contenders: Contender[] = [
      { name: "nginx + php-fpm 8.2 (kept Unix connections)", url: `${nginx.baseUrl}/hello.php` },
      { name: "edge-fpm serve, 1 child", url: `${own.baseUrl}/hello.php`, target: { 1: 0.4 } },
    ];
    const rounds = { rounds: quick ? 2 : 5, seconds: quick ? 1 : 3 };
    const crowd = await compare(contenders, "nginx", { connections: 8, ...rounds });
    // These two answer several requests at once with errors.
    contenders.push({
      name: "node:http + PHPRequestHandler",
      // A fresh one for each round: its interpreter ends at 2,044 requests, and then only keeps a processor busy.
      url: async () => {
        const stock = new Program(process.execPath, [NAIVE_SERVER, root]);
        const url = `${(await stock.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/))[1]}/hello.php`;
        // It starts PHP with the first request.
        await fetch(url);
        return { url, stop: () => stock.stop() };
      },
      seconds: 1,
    });
    if (quick) console.log("http: without wp-playground's server with --quick\n");
    const playground = quick ? undefined : npmPeers("@wp-playground/cli");
    if (playground !== undefined) {
      const url = await startPlayground(playground, root, keep);
      contenders.push({ name: "wp-playground's server", url });
    }
    const alone = await compare(contenders, "nginx", { connections: 1, ...rounds });
    const [, ours, naive, theirs] = alone.rows;
    const rows: Row[] = [...alone.rows];
    if (ours !== undefined && naive !== undefined) rows.push(heldAgainst(ours, naive, "PHPRequestHandler", 4));
    if (ours !== undefined && theirs !== undefined) rows.push(heldAgainst(ours, theirs, "wp-playground", 30));
    return [
      { title: "Hello over HTTP, 1 connection", method: alone.method, rows },
      { title: "Hello over HTTP, 8 connections", ...crowd },
    ];
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

/** wp-playground's server on the same folder, without WordPress. */
async function startPlayground(
  folder: string,
  root: string,
  keep: <T extends { stop(): unknown }>(started: T) => T,
): Promise<string> {
  const command = join(folder, "node_modules/@wp-playground/cli/wp-playground.js");
  const without = ["--wordpress-install-mode", "do-not-attempt-installing", "--skip-sqlite-setup"];
  const where = ["--mount", `${root}:/wordpress`, "--port", String(PLAYGROUND_PORT)];
  const program = new Program(process.execPath, [
    command,
    "server",
    "--php",
    "8.4",
    "--workers",
    "1",
    ...where,
    ...without,
  ]);
  await keep(program).waitFor(/Ready!/);
  const url = `http://127.0.0.1:${PLAYGROUND_PORT}/hello.php`;
  // The first visitor is sent round once.
  await fetch(url);
  return url;
}
