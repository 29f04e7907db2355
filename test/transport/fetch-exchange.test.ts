// Exchanges over a `fetch` handler, both ends in one process: what travels whole, what as a stream, and how it ends.

import { expect, test } from "vitest";
import { holdStderr } from "../../src/dispatch/held-stderr.ts";
import { serveConnection } from "../../src/dispatch/listener.ts";
import { answerFetch, type FetchBinding } from "../../src/transport/cloudflare/fetch.ts";
import { fetchExchange } from "../../src/transport/cloudflare/fetch-exchange.ts";
import type { Exchange, ExchangeEnd } from "../../src/transport/exchange.ts";

const END: ExchangeEnd = { applicationStatus: 0, protocolStatus: "request-complete" };
const bytes = (text: string) => new TextEncoder().encode(text);

/** A binding to a handler that passes requests on to `pool`; keeps its responses. */
function bindingTo(
  pool: Exchange,
  note?: () => string | undefined,
): { readonly binding: () => FetchBinding; readonly responses: Response[] } {
  const responses: Response[] = [];
  const fetch = async (url: string, init?: RequestInit): Promise<Response> => {
    const request = new Request(url, init);
    // As the platform says it of a body of known length.
    if (init?.body instanceof Uint8Array) request.headers.set("content-length", String(init.body.length));
    const { transport, response } = await answerFetch(request, note);
    serveConnection(transport, pool);
    const aborted = new Promise<never>((_resolve, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
    responses.push(await Promise.race([response, aborted]));
    return responses.at(-1) as Response;
  };
  return { binding: () => ({ fetch }), responses };
}

function collector(): { readonly seen: string[]; readonly sink: Parameters<Exchange>[1] } {
  const seen: string[] = [];
  const decoder = new TextDecoder();
  return {
    seen,
    sink: {
      stdout: (chunk) => void seen.push(decoder.decode(chunk)),
      stderr: (chunk) => void seen.push(`stderr ${decoder.decode(chunk)}`),
      ended: () => void seen.push("end"),
    },
  };
}

const request = { role: "responder", params: [["REQUEST_METHOD", "GET"]] } as const;

test("an answer that is complete at once travels whole, with its length, and its end is told with it", async () => {
  const { binding, responses } = bindingTo(async (_request, sink) => {
    await sink.stdout(bytes("Status: 200\r\n\r\nall"));
    return END;
  });
  const { seen, sink } = collector();
  const end = await fetchExchange(binding, "http://pool/")(request, sink, new AbortController().signal);
  expect(end).toEqual(END);
  expect(seen).toEqual(["Status: 200\r\n\r\nall", "end"]);
  expect(Number(responses[0]?.headers.get("content-length"))).toBeGreaterThan(0);
});

test("a whole answer carries what its sender says beside the records at its end, a stream nothing", async () => {
  let said: string | undefined;
  const pool: Exchange = async (_request, sink) => {
    await sink.stdout(bytes("all"));
    if (said === "late") await new Promise((resolve) => setTimeout(resolve, 5));
    said = "over";
    return END;
  };
  const { binding } = bindingTo(pool, () => said);
  const exchange = fetchExchange(binding, "http://pool/");
  const ends: ExchangeEnd[] = [];
  const sink = { ...collector().sink, ended: (end: ExchangeEnd) => void ends.push(end) };
  const whole = { ...END, note: "over" };
  expect(await exchange(request, sink, new AbortController().signal)).toEqual(whole);
  said = "late";
  expect(await exchange(request, sink, new AbortController().signal)).toEqual(END);
  expect(ends).toEqual([whole, END]);
});

test("an answer whose STDERR is held travels whole, however long before it was said", async () => {
  const pool: Exchange = async (_request, sink) => {
    await sink.stderr(bytes("a word"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await sink.stdout(bytes("all"));
    return END;
  };
  const ask = async (tried: Exchange) => {
    const { binding } = bindingTo(tried, () => "whole");
    const { seen, sink } = collector();
    const { note } = await fetchExchange(binding, "http://pool/")(request, sink, new AbortController().signal);
    return [note, seen];
  };
  const seen = ["stderr a word", "all", "end"];
  expect(await ask(holdStderr(pool))).toEqual(["whole", seen]);
  expect(await ask(pool)).toEqual([undefined, seen]);
});

test("an answer that goes on is a stream", async () => {
  const more = Promise.withResolvers<void>();
  const { binding, responses } = bindingTo(async (_request, sink) => {
    await sink.stdout(bytes("first "));
    await more.promise;
    await sink.stdout(bytes("second"));
    return END;
  });
  const { seen, sink } = collector();
  const exchange = fetchExchange(binding, "http://pool/")(request, sink, new AbortController().signal);
  await expect.poll(() => seen).toEqual(["first "]);
  more.resolve();
  await expect(exchange).resolves.toEqual(END);
  expect(seen).toEqual(["first ", "second", "end"]);
  expect(responses[0]?.headers.get("content-length")).toBeNull();
});

test("a request that is given up is aborted behind the handler, before its answer and in the middle of it", async () => {
  for (const begun of [false, true]) {
    const reasons: unknown[] = [];
    const { binding } = bindingTo(async (_request, sink, signal) => {
      if (begun) await sink.stdout(bytes("begun"));
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          reject(signal.reason);
        });
      });
    });
    const visitor = new AbortController();
    const { seen, sink } = collector();
    const exchange = fetchExchange(binding, "http://pool/")(request, sink, visitor.signal);
    const failed = expect(exchange, `begun: ${begun}`).rejects.toThrow("left");
    await (begun ? expect.poll(() => seen).toEqual(["begun"]) : new Promise((resolve) => setTimeout(resolve, 5)));
    visitor.abort(new Error("left"));
    await failed;
    await expect.poll(() => reasons.length).toBe(1);
  }
});

test("an answer without END_REQUEST is a broken one", async () => {
  const fetch = () => Promise.resolve(new Response(new Uint8Array(0), { headers: { "content-length": "0" } }));
  const { sink } = collector();
  const exchange = fetchExchange(() => ({ fetch }), "http://pool/");
  await expect(exchange(request, sink, new AbortController().signal)).rejects.toMatchObject({
    code: "EXCHANGE_BROKEN",
  });
});
