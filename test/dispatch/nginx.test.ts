// What real nginx makes of our failures and ends: the page of a request that got no child, and an answer that breaks off.

import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveConnection } from "../../src/dispatch/listener.ts";
import { type Exchange, ExchangeError, type ExchangeErrorCode } from "../../src/transport/exchange.ts";
import { listen, type NodeListener } from "../../src/transport/node/listen.ts";
import { type Nginx, startNginx } from "../peers/nginx.ts";
import { describePeers } from "../peers/peer.ts";
import { later } from "../transport/contract.ts";
import { DONE, text } from "./fakes.ts";

for (const type of ["tcp", "unix"] as const) {
  for (const keepConnection of [false, true]) {
    describePeers(
      ["nginx"],
      `nginx over ${type}, ${keepConnection ? "connections kept" : "a connection a request"}`,
      () => {
        const folder = join(tmpdir(), `edge-fpm-dispatch-nginx-${process.pid}-${type}-${keepConnection}`);
        const aborts: string[] = [];
        let listener: NodeListener;
        let nginx: Nginx;

        const exchange: Exchange = async (request, sink, signal) => {
          const path = request.params.find(([name]) => name === "SCRIPT_NAME")?.[1] ?? "";
          const code = /^\/(EXCHANGE_\w+)\.php$/.exec(path)?.[1];
          if (code !== undefined) throw new ExchangeError(code as ExchangeErrorCode, "told to fail");
          await sink.stdout(text("Content-Type: text/plain\r\n\r\nthe first half"));
          if (path === "/half.php") {
            await later(50);
            throw new ExchangeError("EXCHANGE_BROKEN", "the child crashed");
          }
          if (path === "/long.php") {
            await new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => {
                aborts.push(path);
                reject(signal.reason);
              });
            });
          }
          await sink.stdout(text(", the second"));
          return DONE;
        };

        beforeAll(async () => {
          mkdirSync(folder, { recursive: true });
          const path = join(folder, "edge.sock");
          listener = await listen(
            type === "tcp" ? { type, host: "127.0.0.1", port: 0 } : { type, path },
            (transport) => void serveConnection(transport, exchange),
            type === "unix" ? { mode: 0o666 } : {},
          );
          const { address } = listener;
          const fastcgi =
            address.type === "tcp" ? ({ kind: "tcp", port: address.port } as const) : ({ kind: "unix", path } as const);
          nginx = await startNginx({ root: folder, fastcgi, keepConnection });
        });
        afterAll(async () => {
          await nginx?.stop();
          await listener?.close();
          rmSync(folder, { recursive: true, force: true });
        });

        test("a whole answer is whole", async () => {
          for (let count = 0; count < 5; count++) {
            const answer = await fetch(`${nginx.baseUrl}/whole.php`);
            expect([answer.status, await answer.text()]).toEqual([200, "the first half, the second"]);
          }
        });

        test("an answer that breaks off reaches the visitor as an error, not as a whole page", async () => {
          const answer = await fetch(`${nginx.baseUrl}/half.php`);
          await expect(answer.text()).rejects.toThrow();
          const next = await fetch(`${nginx.baseUrl}/whole.php`);
          expect(await next.text()).toContain("the second");
        });

        test.each([
          ["EXCHANGE_BROKEN", [502]],
          // Without a page, nginx answers OVERLOADED with 502.
          ["EXCHANGE_OVERLOADED", [503]],
          ["EXCHANGE_STOPPING", [503]],
          ["EXCHANGE_TIMEOUT", [504]],
        ])("%s is answered %j, and nginx logs why", async (code, statuses) => {
          const answer = await fetch(`${nginx.baseUrl}/${code}.php`);
          await answer.text();
          expect(statuses).toContain(answer.status);
          await expect.poll(() => nginx.log()).toContain(`edge-fpm: told to fail (${code})`);
        });

        test("a visitor who leaves aborts the request", async () => {
          const leave = new AbortController();
          const answer = await fetch(`${nginx.baseUrl}/long.php`, { signal: leave.signal });
          aborts.length = 0;
          leave.abort();
          await answer.text().catch(() => {});
          await expect.poll(() => aborts, { timeout: 10_000 }).toEqual(["/long.php"]);
        });
      },
    );
  }
}
