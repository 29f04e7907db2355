import { expect, test } from "vitest";
import { holdStderr } from "../../src/dispatch/held-stderr.ts";
import type { Exchange, ExchangeSink } from "../../src/transport/exchange.ts";
import { DONE, text } from "./fakes.ts";

const never = new AbortController().signal;
const GET = { role: "responder", params: [["REQUEST_METHOD", "GET"]] } as const;

/** What a sink was told, in order. */
function told(stderr?: () => Promise<void>) {
  const events: string[] = [];
  const note = (name: string) => (chunk: Uint8Array) => {
    events.push(`${name} ${chunk.length > 100 ? chunk.length : new TextDecoder().decode(chunk)}`);
    return name === "stderr" ? stderr?.() : undefined;
  };
  const sink: ExchangeSink = { stdout: note("stdout"), stderr: note("stderr") };
  return { events, sink };
}

test("STDERR comes in front of the next STDOUT, and the rest of it at the end", async () => {
  const { events, sink } = told();
  const exchange: Exchange = async (_request, out) => {
    const chunk = text("one ");
    await out.stderr(chunk);
    // A chunk is the caller's again when the call is over.
    chunk.fill(0);
    await out.stderr(text("two"));
    expect(events).toEqual([]);
    await out.stdout(text("body"));
    await out.stdout(text("more"));
    await out.stderr(text("late"));
    return DONE;
  };
  expect(await holdStderr(exchange)(GET, sink, never)).toEqual(DONE);
  expect(events).toEqual(["stderr one two", "stdout body", "stdout more", "stderr late"]);
});

test("STDERR of a request that fails is not lost", async () => {
  const { events, sink } = told();
  const exchange: Exchange = async (_request, out) => {
    await out.stderr(text("why"));
    throw new Error("broken");
  };
  await expect(holdStderr(exchange)(GET, sink, never)).rejects.toThrow("broken");
  expect(events).toEqual(["stderr why"]);
});

test("much STDERR goes at once, and a slow reader holds back what follows", async () => {
  let room = Promise.withResolvers<void>();
  const { events, sink } = told(() => room.promise);
  const exchange: Exchange = async (_request, out) => {
    const slow = out.stderr(new Uint8Array(20_000));
    expect(events).toEqual(["stderr 20000"]);
    room.resolve();
    await slow;
    room = Promise.withResolvers();
    await out.stderr(text("few"));
    const behind = out.stdout(text("body"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(events).toEqual(["stderr 20000", "stderr few"]);
    room.resolve();
    await behind;
    return DONE;
  };
  await holdStderr(exchange)(GET, sink, never);
  expect(events).toEqual(["stderr 20000", "stderr few", "stdout body"]);
});
