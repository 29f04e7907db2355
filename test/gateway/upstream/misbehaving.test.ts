// The whole gateway, over real sockets, in front of an application that does what none should.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUpstream } from "../../../src/gateway/upstream/index.ts";
import type { ConnectExchangeOptions } from "../../../src/transport/connect-exchange.ts";
import { connectExchange } from "../../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../../src/transport/node/connect.ts";
import { answerOf, type ScriptedApplication, startScriptedApplication } from "../../peers/scripted-application.ts";
import { gatewayOf } from "../application.ts";
import { FAULTS, type Fault, pause, SILENCE } from "./faults.ts";

type Way = readonly [string, "tcp" | "unix", ConnectExchangeOptions, through?: "upstream"];

const ways: readonly Way[] = [
  ["over TCP, a connection a request", "tcp", {}],
  ["over kept Unix connections", "unix", { maxIdle: 2 }],
  ["over shared TCP connections", "tcp", { maxIdle: 1, requestsPerConnection: () => 8 }],
  ["over kept TCP connections, through an upstream", "tcp", { maxIdle: 2 }, "upstream"],
];

describe.each(ways.map(([way, listen, options, through]) => ({ way, listen, options, through })))(
  "an application that misbehaves, $way",
  ({ listen, options, through }) => {
    let application: ScriptedApplication;
    beforeAll(async () => {
      application = await startScriptedApplication({
        listen,
        accept: (socket) => {
          if (closeNext) socket.destroy();
          return !closeNext;
        },
        answer(request) {
          const row = FAULTS[Number(request.params.HTTP_ROW ?? -1)];
          if (row !== undefined) return row.answer(request);
          // A sound answer, slow enough to be caught by what came too late for another.
          return pause(Number(request.params.HTTP_SLOW ?? 0)).then(() => {
            request.write(answerOf(request.id, `sound ${request.params.QUERY_STRING}`));
          });
        },
      });
    });
    afterAll(() => application.close());
    let closeNext = false;

    async function gateway() {
      const exchange = connectExchange(connectAddress(application.address), { readTimeout: SILENCE, ...options });
      // It looks into every answer, and never finds another server.
      const upstream = createUpstream({ servers: [{ name: "only", exchange }], onAttempt: () => {} });
      const used = through === "upstream" ? upstream.exchange : exchange;
      const made = await gatewayOf(async () => undefined, { exchange: used });
      const sound = async (n: number, slow = 0) => {
        const response = await made.get(`/index.php?${n}`, { headers: { slow: String(slow) } });
        return [response.status, await response.text()];
      };
      return { ...made, exchange, sound };
    }

    test.each(FAULTS.map((row, index) => [row.what, index] as const))("%s", async (_what, index) => {
      const { get, sound, exchange, failures, stderr } = await gateway();
      const row = FAULTS[index] as Fault;
      expect(await sound(1)).toEqual([200, "sound 1"]);

      const response = await get("/index.php", { headers: { row: String(index) } });
      if (row.gives === "broken") {
        expect(response.status).toBe(200);
        await expect(response.text()).rejects.toBeDefined();
      } else {
        expect(response.status).toBe(row.gives);
        const body = await response.text();
        if (row.gives === 200) expect(body).toBe(row.body);
        // The page names neither the script nor the cause.
        else expect(body).toMatch(/^<!doctype html>\n<title>50[234] [A-Za-z ]+<\/title>/);
      }
      expect(failures.map(({ code }) => code)).toEqual(row.code === undefined ? [] : [row.code]);
      expect(stderr).toEqual(row.stderr === undefined ? [] : [row.stderr]);

      // The next ones, while late bytes of the bad one may still come, see nothing of it.
      expect(await sound(2, 25)).toEqual([200, "sound 2"]);
      expect(await Promise.all([sound(3, 25), sound(4), sound(5, 10)])).toEqual([
        [200, "sound 3"],
        [200, "sound 4"],
        [200, "sound 5"],
      ]);
      exchange.close();
      expect(exchange.counts()).toEqual({ busy: 0, idle: 0, waiting: 0 });
    });

    test("an application that closes before it reads the request", async () => {
      const { get, sound, failures, exchange } = await gateway();
      closeNext = true;
      expect((await get("/index.php")).status).toBe(502);
      closeNext = false;
      expect(failures.map(({ code }) => code)).toEqual(["EXCHANGE_BROKEN"]);
      expect(await sound(2)).toEqual([200, "sound 2"]);
      exchange.close();
    });

    test("requests beside a bad one get their own answer or a failure, never its bytes", async () => {
      const { get, sound, exchange } = await gateway();
      for (const [index, row] of FAULTS.entries()) {
        if (row.cut === true) continue;
        const [bad, ...others] = await Promise.all([
          get("/index.php", { headers: { row: String(index) } }).then((response) =>
            response.text().catch(() => "broken"),
          ),
          ...[1, 2, 3].map((n) => sound(n, 10 * n).catch(() => [0, ""])),
        ]);
        if (row.body !== undefined) expect([row.what, bad]).toEqual([row.what, row.body]);
        for (const [n, [status, body]] of others.entries()) {
          if (status === 200) expect([row.what, body]).toEqual([row.what, `sound ${n + 1}`]);
          else expect([0, 502, 503, 504]).toContain(status);
        }
      }
      exchange.close();
    }, 60_000);
  },
);

test("a second server hides every fault that comes before the body, and none after", async () => {
  const failures: string[] = [];
  for (const [index, row] of FAULTS.entries()) {
    if (row.gives === 200) continue;
    const bad = await startScriptedApplication({ answer: (request) => row.answer(request) });
    const sound = await startScriptedApplication({ answer: ({ id, write }) => write(answerOf(id, "sound")) });
    const servers = [bad, sound].map(({ address }, place) => ({
      name: `server ${place + 1}`,
      exchange: connectExchange(connectAddress(address), { readTimeout: 60 }),
    }));
    const conditions = ["error", "timeout", "invalid-header", "overloaded"] as const;
    const { exchange, status } = createUpstream({ servers, nextUpstream: { on: conditions } });
    const { get } = await gatewayOf(async () => undefined, { exchange });
    const response = await get("/index.php");
    const body = await response.text().catch(() => "broken");
    const expected = row.gives === "broken" ? "broken" : "sound";
    if (response.status !== 200 || body !== expected) failures.push(`${index} ${row.what}: ${response.status} ${body}`);
    if (status().servers.some(({ active }) => active !== 0)) failures.push(`${row.what}: still counted as active`);
    await bad.close();
    await sound.close();
  }
  expect(failures).toEqual([]);
});
