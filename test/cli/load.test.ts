// The load generator against scripted applications and a real php-fpm.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Latencies } from "../../src/cli/load-latency.ts";
import { encodeEndRequest } from "../../src/codec/index.ts";
import { ApplicationConnection } from "../../src/connection/index.ts";
import { answer } from "../capture/build.ts";
import { describePeers } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run, runProgram } from "./run.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TERMINAL = fileURLToPath(new URL("./terminal.py", import.meta.url));

const hasTerminals = (() => {
  try {
    execFileSync("python3", ["-c", "import os, pty; os.waitstatus_to_exitcode"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

let scratch: Scratch;
const closers: (() => unknown)[] = [];
beforeAll(() => {
  scratch = makeScratch("bench");
  writeFileSync(
    join(scratch.path, "hello.php"),
    "<?php echo 'hello ', file_get_contents('php://input'), $_GET['who'] ?? '';",
  );
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => scratch.remove());

/** An application that answers each whole request with these bytes, or breaks the connection for none. */
async function application(reply: (id: number) => Uint8Array | undefined) {
  const seen = { connections: 0, requests: 0, open: 0, most: 0 };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    seen.connections += 1;
    const connection = new ApplicationConnection();
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (chunk) => {
      for (const event of connection.receive(chunk)) {
        if (event.type === "request") {
          seen.open += 1;
          seen.most = Math.max(seen.most, seen.open);
        }
        if (event.type !== "stdin-end") continue;
        seen.requests += 1;
        setTimeout(() => {
          seen.open -= 1;
          const bytes = reply(event.requestId);
          if (bytes === undefined) socket.destroy();
          else socket.write(bytes);
          connection.endRequest(event.requestId, 0);
          connection.takeOutput();
          if (connection.closeWanted) socket.end();
        }, 5);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  const bound = server.address();
  return { seen, address: `127.0.0.1:${typeof bound === "object" ? bound?.port : 0}` };
}

describe("Latencies", () => {
  test("has percentiles within half a per cent, and exact bounds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.002, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        (times) => {
          const latencies = new Latencies();
          for (const time of times) latencies.add(time);
          const sorted = times.toSorted((a, b) => a - b);
          for (const share of [0.5, 0.9, 0.99, 0.999]) {
            const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;
            expect(Math.abs(latencies.percentile(share) - exact) / exact).toBeLessThan(0.005);
          }
          expect([latencies.min, latencies.max, latencies.count]).toEqual([sorted[0], sorted.at(-1), sorted.length]);
        },
      ),
    );
  });

  test("is 0 when nothing was counted", () => {
    const none = new Latencies();
    expect([none.percentile(0.5), none.mean, none.min, none.max]).toEqual([0, 0, 0, 0]);
  });
});

describe("edge-fpm bench", () => {
  const json = async (...args: string[]) => {
    const { status, stdout, stderr } = await run(["bench", ...args, "--json"]);
    return { status, stderr, ...JSON.parse(stdout) };
  };

  test("sends as many requests as told, as many at a time as told, on a connection each", async () => {
    const { seen, address } = await application((id) => answer(id, "Status: 200\r\n\r\nhello"));
    const figures = await json(address, "-s", "/x.php", "-n", "60", "-c", "6");
    expect(figures).toMatchObject({
      status: 0,
      stderr: "",
      requests: 60,
      statuses: { 200: 60 },
      errors: {},
      bytes: 60 * 20,
    });
    expect(seen).toMatchObject({ connections: 60, requests: 60, most: 6 });
    const { min, mean, p50, p90, p99, "p99.9": most, max } = figures.latency;
    expect([min, p50, p90, p99, most, max]).toEqual([min, p50, p90, p99, most, max].toSorted((a, b) => a - b));
    expect(min).toBeGreaterThan(4);
    expect(mean).toBeGreaterThanOrEqual(min);
    expect(figures.requestsPerSecond).toBeCloseTo(60 / figures.seconds, 5);
  });

  test("keeps connections when told", async () => {
    const { seen, address } = await application((id) => answer(id, "Status: 200\r\n\r\nhello"));
    expect(await json(address, "-s", "/x.php", "-n", "50", "-c", "3", "--keep")).toMatchObject({
      status: 0,
      requests: 50,
    });
    expect(seen).toMatchObject({ connections: 3, requests: 50 });
  });

  test("tells errors by kind, and ends with 1", async () => {
    let count = 0;
    const { address } = await application((id) => {
      count += 1;
      if (count % 4 === 0) return undefined;
      if (count % 4 === 1) return encodeEndRequest(id, 0, "overloaded");
      return count % 4 === 2 ? answer(id, "Status: 503\r\n\r\n") : answer(id, "no header block");
    });
    const figures = await json(address, "-s", "/x.php", "-n", "40", "-c", "1", "-X", "POST");
    expect(figures).toMatchObject({
      status: 1,
      statuses: { 503: 10 },
      errors: { EXCHANGE_BROKEN: 10, "refused: overloaded": 10, "no CGI response": 10 },
    });
  });

  test("tells that nobody is there", async () => {
    const figures = await json(join(scratch.path, "none.sock"), "-s", "/x.php", "-n", "5");
    expect(figures).toMatchObject({ status: 1, requests: 0, errors: { EXCHANGE_CONNECT: 5 } });
  });

  test("runs for as long as told", async () => {
    const { address } = await application((id) => answer(id, "Status: 200\r\n\r\nhello"));
    const figures = await json(address, "-s", "/x.php", "-d", "1");
    expect(figures.seconds).toBeGreaterThanOrEqual(1);
    expect(figures.requests).toBeGreaterThan(20);
  });

  test("prints a table that people read", async () => {
    const { address } = await application((id) => answer(id, "Status: 404\r\n\r\nx", "oops"));
    const { stdout, stderr, status } = await run(["bench", address, "-s", "/x.php", "-n", "20"]);
    expect(stdout).toMatch(/^20 requests in \d+\.\d\d s: \d+\.\d a second, 0\.00 MB of answers\n\nlatency {2}min /);
    for (const name of ["p50", "p90", "p99", "p99.9"])
      expect(stdout).toMatch(new RegExp(`^ *${name.replace(".", "\\.")} {2}\\d`, "m"));
    expect(stdout).toContain("status 404: 20\nSTDERR: 80 bytes\n");
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });

  test.runIf(hasTerminals)("has a live line on a terminal, and ends at Ctrl-C with what it has", async () => {
    const { address } = await application((id) => answer(id, "Status: 200\r\n\r\nhello"));
    const command = [
      "env",
      "-u",
      "NO_COLOR",
      "TERM=xterm",
      process.execPath,
      COMMAND,
      "bench",
      address,
      "-s",
      "/x.php",
      "-d",
      "20",
    ];
    const { stdout } = await runProgram("python3", [TERMINAL, "no errors", "\u0003", ...command]);
    expect(stdout).toContain("\r\u001b[K");
    expect(stdout).toMatch(/\d+ requests {2}\d+\/s {2}p50 \d+\.\d\d ms {2}p99 /);
    expect(stdout).toContain("Stopped before its end.");
    expect(stdout).toMatch(/status 200: \d+/);
    expect(stdout).toMatch(/\nstatus 130\n$/);
  });

  test("ends with 2 for a wrong command line", async () => {
    for (const args of [[], ["127.0.0.1:1"], ["127.0.0.1:1", "-s", "/x", "-c", "0"], ["nonsense", "-s", "/x"]]) {
      expect(await run(["bench", ...args])).toMatchObject({ status: 2, stdout: "" });
    }
  });
});

describePeers(["php-fpm8.2"], "edge-fpm bench and php-fpm", () => {
  test("all requests are answered, with a body and a query, kept and not", async () => {
    const php = await startPhpFpm({ listen: "unix", children: 2 });
    closers.push(() => php.stop());
    const address = php.address.kind === "unix" ? php.address.path : "";
    const script = join(scratch.path, "hello.php");
    for (const keep of [[], ["--keep"]]) {
      const args = ["-s", script, "-n", "200", "-c", "2", "-q", "who=Ada", "--data", "body ", ...keep];
      const { stdout, status } = await run(["bench", address, ...args, "--json"]);
      const figures = JSON.parse(stdout);
      expect({ status, requests: figures.requests, statuses: figures.statuses, errors: figures.errors }).toEqual({
        status: 0,
        requests: 200,
        statuses: { 200: 200 },
        errors: {},
      });
      expect(figures.bytes % 200).toBe(0);
    }
  });
});
