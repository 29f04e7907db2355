// One run of a job, over exchanges of the test's own.

import { describe, expect, test } from "vitest";
import { type CronJob, runCronJob } from "../../src/cron/index.ts";
import { type Exchange, ExchangeError, type ExchangeRequest } from "../../src/transport/exchange.ts";

const JOB: CronJob = {
  name: "job",
  schedule: "* * * * *",
  timezone: "UTC",
  timeout: 200,
  script: "/tasks/a%20b.php?x=1&y=2",
  documentRoot: "/srv/é",
  serverName: "example.org",
  scheme: "https",
};
const RUNNER = { software: "edge-fpm/1" };
const bytes = (text: string) => new TextEncoder().encode(text);
const END = { applicationStatus: 0, protocolStatus: "request-complete" } as const;

/** An application that answers with these chunks. */
function answering(stdout: readonly string[], stderr = "", end: { applicationStatus: number } = END): Exchange {
  return async (_request, sink) => {
    for (const chunk of stdout) await sink.stdout(bytes(chunk));
    if (stderr !== "") await sink.stderr(bytes(stderr));
    return { ...END, ...end };
  };
}

describe("a run of a job", () => {
  test("is a request of this machine to the job's site, as byte strings", async () => {
    let seen: ExchangeRequest | undefined;
    await runCronJob(
      JOB,
      async (request) => {
        seen = request;
        return END;
      },
      RUNNER,
    );
    const params = Object.fromEntries(seen?.params ?? []);
    expect(params).toMatchObject({
      REQUEST_METHOD: "GET",
      REQUEST_URI: "/tasks/a%20b.php?x=1&y=2",
      QUERY_STRING: "x=1&y=2",
      SCRIPT_NAME: "/tasks/a b.php",
      SCRIPT_FILENAME: "/srv/\xc3\xa9/tasks/a b.php",
      DOCUMENT_ROOT: "/srv/\xc3\xa9",
      SERVER_NAME: "example.org",
      HTTP_HOST: "example.org",
      HTTPS: "on",
      SERVER_PORT: "443",
      REMOTE_ADDR: "127.0.0.1",
      HTTP_USER_AGENT: "edge-fpm/1 cron",
      EDGE_FPM_CRON: "job",
    });
  });

  test.each<[string, Exchange, object]>([
    [
      "went well",
      answering(["Content-Type: text/plain\r\n", "\r\none\ntw", "o\n"]),
      { result: "ok", status: 200, output: "one\ntwo" },
    ],
    ["gave an error status", answering(["Status: 500\r\n\r\nno"]), { result: "failed", status: 500, output: "no" }],
    [
      "ended with a status of its own",
      answering(["A: b\r\n\r\n"], "", { applicationStatus: 3 }),
      { result: "failed", status: 200 },
    ],
    ["said nothing at all", answering([]), { result: "failed", output: "" }],
    [
      "wrote to STDERR",
      answering(["A: b\r\n\r\nx\n"], "PHP message: y"),
      { result: "ok", output: "x\nPHP message: y" },
    ],
    [
      "says a lot",
      answering(["A: b\r\n\r\n", "line\n".repeat(100_000)]),
      { result: "ok", output: "line\nline\nline\nline\nline" },
    ],
    [
      "has a long line with controls in it",
      answering([`A: b\r\n\r\n\x1b[31m${"x".repeat(5000)}`]),
      { output: expect.stringMatching(/^ \[31mx{900,995}$/) },
    ],
    [
      "could not be begun",
      () => Promise.reject(new ExchangeError("EXCHANGE_OVERLOADED", "no child")),
      { result: "failed", output: "EXCHANGE_OVERLOADED: no child" },
    ],
    [
      "broke off",
      async (_request, sink) => {
        await sink.stdout(bytes("A: b\r\n\r\nhalf"));
        throw new ExchangeError("EXCHANGE_BROKEN", "gone");
      },
      { result: "failed", status: 200, output: "EXCHANGE_BROKEN: gone\nhalf" },
    ],
  ])("that %s", async (_name, exchange, expected) => {
    expect(await runCronJob(JOB, exchange, RUNNER)).toMatchObject(expected);
  });

  test("ends at its timeout, also when the exchange does not give up", async () => {
    let given: AbortSignal | undefined;
    const outcome = await runCronJob(
      JOB,
      (_request, _sink, signal) => {
        given = signal;
        return new Promise(() => {});
      },
      RUNNER,
    );
    expect(outcome).toEqual({ result: "timeout", output: "ended after 200 ms" });
    expect(given?.aborted).toBe(true);
  });

  test("ends before it when the server stops", async () => {
    const stop = new AbortController();
    const running = runCronJob({ ...JOB, timeout: 60_000 }, () => new Promise(() => {}), RUNNER, stop.signal);
    stop.abort(new Error("the server stops"));
    expect(await running).toEqual({ result: "failed", output: "the server stops" });
  });
});
