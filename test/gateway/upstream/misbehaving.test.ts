// The whole gateway, over real sockets, in front of an application that does what none should.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUpstream } from "../../../src/gateway/upstream/index.ts";
import type { ConnectExchangeOptions } from "../../../src/transport/connect-exchange.ts";
import { connectExchange } from "../../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../../src/transport/node/connect.ts";
import {
  answerOf,
  endRequest,
  rawRecord,
  type ScriptedApplication,
  type ScriptedRequest,
  startScriptedApplication,
  stdout,
} from "../../peers/scripted-application.ts";
import { gatewayOf } from "../application.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const HEAD = "Content-Type: text/plain\r\n\r\n";
/** Long enough that the gateway has begun to answer. */
const BEGUN = 40;
/** The application's silence allowed, in milliseconds: longer than any pause below. */
const SILENCE = 200;

interface Row {
  readonly what: string;
  readonly answer: (request: ScriptedRequest) => void | Promise<void>;
  /** The visitor's status; "broken" for a 200 whose body breaks off. */
  readonly gives: number | "broken";
  readonly body?: string;
  /** What the operator is told. */
  readonly code?: string;
  readonly stderr?: string;
  /** Takes seconds. */
  readonly slow?: boolean;
}

const rows: readonly Row[] = [
  {
    what: "another protocol version",
    answer: ({ id, write }) => write(stdout(id, `${HEAD}x`, { version: 2 }), endRequest(id)),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "an answer with an id that nobody has",
    answer: ({ id, write }) => write(answerOf(id + 100, "not yours")),
    gives: 504,
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "records of another id without end",
    answer: async ({ id, write, socket }) => {
      while (socket.writable) {
        write(stdout(id + 100, "not yours"));
        await pause(20);
      }
    },
    gives: 504,
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "records of other ids between those of the request",
    answer: ({ id, write }) => {
      // Not the id of a request beside it on a shared connection: whose bytes those are only the application knows.
      const foreign = answerOf(id + 100, "not yours");
      write(foreign, stdout(id, `${HEAD}mi`), foreign, stdout(id, "ne"), foreign, endRequest(id));
    },
    gives: 200,
    body: "mine",
  },
  {
    what: "END_REQUEST without STDOUT",
    answer: ({ id, write }) => write(endRequest(id)),
    gives: 502,
    code: "CGI_NO_HEADER",
  },
  {
    what: "STDERR only",
    answer: ({ id, write }) => write(rawRecord(7, id, "PHP message: oops\n"), endRequest(id)),
    gives: 502,
    code: "CGI_NO_HEADER",
    stderr: "PHP message: oops",
  },
  {
    what: "records cut in the middle of their headers and contents",
    answer: async ({ id, write }) => {
      const bytes = answerOf(id, "in pieces");
      for (let at = 0; at < bytes.length; at += 5) {
        write(bytes.subarray(at, at + 5));
        await pause(1);
      }
    },
    gives: 200,
    body: "in pieces",
  },
  {
    what: "records of one byte",
    answer: ({ id, write }) => {
      const bytes = [...`${HEAD}one by one`].map((char) => stdout(id, char));
      write(...bytes, endRequest(id));
    },
    gives: 200,
    body: "one by one",
  },
  {
    what: "255 bytes of padding, on empty records too",
    answer: ({ id, write }) => {
      const padding = { padding: 255 };
      write(stdout(id, `${HEAD}pad`, padding), stdout(id, "ded", padding), stdout(id, "", padding));
      write(endRequest(id, 0, padding));
    },
    gives: 200,
    body: "padded",
  },
  { what: "no answer, ever", answer: () => {}, gives: 504, code: "EXCHANGE_TIMEOUT" },
  {
    what: "silence in the middle of the header",
    answer: ({ id, write }) => write(stdout(id, "Content-Type: te")),
    gives: 504,
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "silence in the middle of the body",
    answer: ({ id, write }) => write(stdout(id, `${HEAD}half`)),
    gives: "broken",
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "a reset in the middle of the header",
    answer: async ({ id, write, reset }) => {
      write(stdout(id, "Content-Type: te"));
      await pause(10);
      reset();
    },
    gives: 502,
    code: "EXCHANGE_BROKEN",
  },
  {
    what: "a reset in the middle of the body",
    answer: async ({ id, write, reset }) => {
      write(stdout(id, `${HEAD}half`));
      await pause(BEGUN);
      reset();
    },
    gives: "broken",
    code: "EXCHANGE_BROKEN",
  },
  {
    what: "an end instead of END_REQUEST, which nginx takes for a whole body",
    answer: async ({ id, write, end }) => {
      write(stdout(id, `${HEAD}half`));
      await pause(BEGUN);
      end();
    },
    gives: "broken",
    code: "EXCHANGE_BROKEN",
  },
  {
    what: "an end in the middle of a record",
    answer: async ({ id, write, end }) => {
      write(stdout(id, `${HEAD}half`), stdout(id, "x".repeat(100)).subarray(0, 50));
      await pause(BEGUN);
      end();
    },
    gives: "broken",
    code: "EXCHANGE_BROKEN",
  },
  { what: "an end at once", answer: ({ end }) => end(), gives: 502, code: "EXCHANGE_BROKEN" },
  { what: "OVERLOADED", answer: ({ id, write }) => write(endRequest(id, 2)), gives: 503, code: "GATEWAY_REFUSED" },
  { what: "CANT_MPX_CONN", answer: ({ id, write }) => write(endRequest(id, 1)), gives: 502, code: "GATEWAY_REFUSED" },
  { what: "UNKNOWN_ROLE", answer: ({ id, write }) => write(endRequest(id, 3)), gives: 502, code: "GATEWAY_REFUSED" },
  {
    what: "a protocol status that does not exist",
    answer: ({ id, write }) => write(endRequest(id, 99)),
    gives: 502,
    code: "GATEWAY_REFUSED",
  },
  {
    what: "a whole body and then OVERLOADED, which nginx takes for a success",
    answer: async ({ id, write }) => {
      write(stdout(id, `${HEAD}body`));
      await pause(BEGUN);
      write(endRequest(id, 2));
    },
    gives: "broken",
    code: "GATEWAY_REFUSED",
  },
  {
    what: "1 MB of headers",
    answer: ({ id, write }) => {
      for (let sent = 0; sent < 1_000_000; sent += 10_000) write(stdout(id, `X-A: ${"x".repeat(9_993)}\r\n`));
      write(stdout(id, "\r\nbody"), endRequest(id));
    },
    gives: 502,
    code: "CGI_HEADER_LIMIT",
  },
  {
    what: "HTTP instead of FastCGI",
    answer: ({ write }) => write(Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "garbage behind a sound head",
    answer: async ({ id, write }) => {
      write(stdout(id, `${HEAD}half`));
      await pause(BEGUN);
      write(Uint8Array.from({ length: 500 }, (_, index) => (index * 73 + 11) & 255));
    },
    gives: "broken",
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "STDOUT that is no CGI response",
    answer: ({ id, write }) => write(stdout(id, "<html>no header</html>\n\n"), endRequest(id)),
    gives: 502,
    code: "CGI_BAD_HEADER",
  },
  {
    what: "data behind END_REQUEST, in one piece with it",
    answer: ({ id, write }) => write(answerOf(id, "first"), stdout(id, "LEAK"), rawRecord(7, id, "LEAK")),
    gives: 200,
    body: "first",
  },
  {
    what: "data behind END_REQUEST, when the next request may be under way",
    answer: async ({ id, write }) => {
      write(answerOf(id, "first"));
      await pause(15);
      write(answerOf(id, "LEAK"));
      await pause(15);
      write(answerOf(id, "LEAK"));
    },
    gives: 200,
    body: "first",
  },
  {
    what: "END_REQUEST twice",
    answer: ({ id, write }) => write(answerOf(id, "once"), endRequest(id), endRequest(id, 2)),
    gives: 200,
    body: "once",
  },
  {
    what: "a short END_REQUEST",
    answer: ({ id, write }) => write(rawRecord(3, id, "\0\0\0\0")),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "UNKNOWN_TYPE and GET_VALUES_RESULT that nobody asked for",
    answer: ({ id, write }) => {
      const values = "\x0f\x01FCGI_MPXS_CONNS0";
      write(rawRecord(11, 0, "\x09\0\0\0\0\0\0\0"), rawRecord(10, 0, values), answerOf(id, "fine"));
    },
    gives: 200,
    body: "fine",
  },
  {
    what: "a record that only a web server sends",
    answer: ({ id, write }) => write(rawRecord(4, id, "\x01\x01ab"), answerOf(id, "x")),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "one byte each 50 ms",
    answer: async ({ id, write }) => {
      for (const byte of Buffer.concat([stdout(id, "A:b\n\nok"), endRequest(id)])) {
        write(Uint8Array.of(byte));
        await pause(50);
      }
    },
    gives: 200,
    body: "ok",
    slow: true,
  },
];

type Way = readonly [string, "tcp" | "unix", ConnectExchangeOptions, through?: "upstream"];

const ways: readonly Way[] = [
  ["over TCP, a connection a request", "tcp", {}],
  ["over kept Unix connections", "unix", { maxIdle: 2 }],
  ["over kept TCP connections", "tcp", { maxIdle: 2 }],
  ["over shared TCP connections", "tcp", { maxIdle: 1, requestsPerConnection: () => 8 }],
  ["through an upstream", "tcp", { maxIdle: 2 }, "upstream"],
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
          const row = rows[Number(request.params.HTTP_ROW ?? -1)];
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

    test.each(rows.map((row, index) => [row.what, index] as const))("%s", async (_what, index) => {
      const { get, sound, exchange, failures, stderr } = await gateway();
      const row = rows[index] as Row;
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
      for (const [index, row] of rows.entries()) {
        if (row.slow === true) continue;
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
  for (const [index, row] of rows.entries()) {
    if (row.gives === 200) continue;
    const bad = await startScriptedApplication({ answer: (request) => row.answer(request) });
    const sound = await startScriptedApplication({ answer: ({ id, write }) => write(answerOf(id, "sound")) });
    const servers = [bad, sound].map(({ address }, place) => ({
      name: `server ${place + 1}`,
      exchange: connectExchange(connectAddress(address), { readTimeout: 60 }),
    }));
    const conditions = ["error", "timeout", "invalid-header", "overloaded"] as const;
    const { exchange, status } = createUpstream({ servers, next: { conditions } });
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
