import { afterEach, describe, expect, test } from "vitest";
import type { Pair } from "../../src/codec/index.ts";
import { encodeRecord, RecordDecoder, RecordType } from "../../src/codec/index.ts";
import { type ApplicationHandler, ApplicationLink } from "../../src/transport/application-link.ts";
import type { ApplicationRequest } from "../../src/transport/application-request.ts";
import type { Body, ExchangeRequest } from "../../src/transport/exchange.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { messagePortTransport } from "../../src/transport/message-port.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { WebServerLink, type WebServerLinkOptions } from "../../src/transport/web-server-link.ts";
import { later, pattern, Recorder } from "./contract.ts";

const DONE = { applicationStatus: 0, protocolStatus: "request-complete" } as const;
const never = new AbortController().signal;
const text = (value: string) => new TextEncoder().encode(value);

const open: Array<{ reset(): void }> = [];
afterEach(() => {
  for (const link of open.splice(0)) link.reset();
});

function pair(handler: ApplicationHandler, options: WebServerLinkOptions = {}, ends?: [Transport, Transport]) {
  const [left, right] = ends ?? memoryPair();
  const link = new WebServerLink(left, options);
  const application = new ApplicationLink(right, handler);
  open.push(link, application);
  return { link, application, left, right };
}

/** A link to an application by hand. */
function scripted(options: WebServerLinkOptions = {}) {
  const [left, right] = memoryPair();
  const link = new WebServerLink(left, options);
  open.push(link);
  return { link, peer: new Recorder(right) };
}

function request(stdin: Body | undefined = undefined, params: readonly Pair[] = []): ExchangeRequest {
  return { role: "responder", params, ...(stdin === undefined ? {} : { stdin }) };
}

/** A sink that keeps everything. */
function sink() {
  const chunks: Uint8Array[] = [];
  const errors: Uint8Array[] = [];
  return {
    stdout: (chunk: Uint8Array): void => {
      chunks.push(chunk.slice());
    },
    stderr: (chunk: Uint8Array): void => {
      errors.push(chunk.slice());
    },
    get text() {
      return Buffer.concat(chunks).toString();
    },
    get bytes() {
      return Buffer.concat(chunks);
    },
    get errors() {
      return Buffer.concat(errors).toString();
    },
  };
}

const echo: ApplicationHandler = async (incoming) => {
  for await (const chunk of incoming.stdin) await incoming.stdout(chunk);
  return DONE;
};

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    await later(0);
    yield bytes.subarray(offset, offset + size);
  }
}

describe("exchange", () => {
  test("runs a request and tells how it ended", async () => {
    const { link } = pair(async (incoming) => {
      incoming.stderr(text("warning"));
      incoming.stdout(text(`hello ${incoming.params[0]?.[1]}`));
      return { applicationStatus: 3, protocolStatus: "request-complete" };
    });
    const out = sink();
    const end = await link.exchange(request(undefined, [["NAME", "x"]]), out, never);
    expect(end).toEqual({ applicationStatus: 3, protocolStatus: "request-complete" });
    expect([out.text, out.errors]).toEqual(["hello x", "warning"]);
    expect([link.active, link.usable]).toEqual([0, true]);
  });

  test("sends params and a small body in one write", async () => {
    const { link, left } = pair(echo);
    const writes: number[] = [];
    const write = left.write.bind(left);
    left.write = (chunks) => {
      writes.push(chunks.length);
      return write(chunks);
    };
    await link.exchange(request(text("small")), sink(), never);
    expect(writes).toEqual([1]);
  });

  test.each([
    ["whole", (bytes: Uint8Array): Body => bytes],
    ["in chunks", (bytes: Uint8Array): Body => chunksOf(bytes, 100_000)],
  ])("echoes 10 MB sent %s while reading the answer", async (_name, body) => {
    const { link } = pair(echo);
    const bytes = pattern(10_000_000);
    const out = sink();
    await link.exchange(request(body(bytes)), out, never);
    expect(Buffer.compare(out.bytes, bytes)).toBe(0);
  });

  test("passes both streams of a filter", async () => {
    for (const stream of [false, true]) {
      const { link } = pair(async (incoming) => {
        incoming.stdout(await incoming.readBody(100));
        for await (const chunk of incoming.data) incoming.stdout(chunk);
        return DONE;
      });
      const body = (value: string) => (stream ? chunksOf(text(value), 2) : text(value));
      const out = sink();
      await link.exchange({ role: "filter", params: [], stdin: body("in "), data: body("file") }, out, never);
      expect(out.text).toBe("in file");
    }
  });

  test("ends a filter's STDIN before its DATA begins, as libfcgi wants it", async () => {
    for (const stream of [false, true]) {
      const { link, peer } = scripted();
      const body = (value: string) => (stream ? chunksOf(text(value), 2) : text(value));
      const request: ExchangeRequest = { role: "filter", params: [], stdin: body("in"), data: body("file") };
      void link.exchange(request, sink(), never).catch(() => {});
      const types = () => {
        const seen: number[] = [];
        const decoder = new RecordDecoder();
        for (const chunk of peer.chunks) decoder.decode(chunk, (type) => seen.push(type));
        return seen.filter((type) => type === RecordType.STDIN || type === RecordType.DATA);
      };
      const data = stream ? 3 : 2;
      await peer.until(() => types().length === 2 + data);
      expect(types()).toEqual([RecordType.STDIN, RecordType.STDIN, ...Array(data).fill(RecordType.DATA)]);
    }
  });

  test("a hundred requests at once on one connection, answered in any order, never mix", async () => {
    const { link } = pair(async (incoming) => {
      const body = await incoming.readBody(1_000_000);
      await later(Math.random() * 20);
      for (let offset = 0; offset < body.length; offset += 777) {
        await incoming.stdout(body.subarray(offset, offset + 777));
        if (Math.random() < 0.1) await later(0);
      }
      return { applicationStatus: incoming.requestId, protocolStatus: "request-complete" };
    });
    const ends = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const bytes = pattern(1_000 + index * 313, index + 1);
        const out = sink();
        const end = await link.exchange(request(index % 2 === 0 ? bytes : chunksOf(bytes, 999)), out, never);
        expect(Buffer.compare(out.bytes, bytes)).toBe(0);
        return end.applicationStatus;
      }),
    );
    expect(new Set(ends).size).toBe(100);
    expect(link.active).toBe(0);
  });

  test("over a message port, too", async () => {
    const { port1, port2 } = new MessageChannel();
    const { link } = pair(echo, {}, [messagePortTransport(port1), messagePortTransport(port2)]);
    const bytes = pattern(5_000_000);
    const out = sink();
    await link.exchange(request(chunksOf(bytes, 65_000)), out, never);
    expect(Buffer.compare(out.bytes, bytes)).toBe(0);
  });

  test("an answer before the body was read ends the exchange, and the link serves on", async () => {
    let returned = false;
    const { link } = pair(async (incoming) => {
      incoming.stdout(text(`early ${incoming.requestId}`));
      return DONE;
    });
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          await later(0);
          yield new Uint8Array(10_000);
        }
      } finally {
        returned = true;
      }
    }
    for (let count = 0; count < 3; count++) {
      const out = sink();
      await link.exchange(request(endless()), out, never);
      expect(out.text).toBe("early 1");
    }
    await later(5);
    expect(returned).toBe(true);
  });

  test("closes after the answer without keepConnection", async () => {
    const { link } = pair(echo, { keepConnection: false });
    await link.exchange(request(text("x")), sink(), never);
    expect(link.usable).toBe(false);
    await link.closed;
    await expect(link.exchange(request(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
  });
});

describe("backpressure", () => {
  test("a sink that holds back holds the application back", async () => {
    let produced = 0;
    const { link, left } = pair(async (incoming) => {
      for (let count = 0; count < 200; count++) {
        await incoming.stdout(new Uint8Array(10_000));
        produced += 10_000;
      }
      return DONE;
    });
    let consumed = 0;
    let most = 0;
    const done = link.exchange(
      request(),
      {
        async stdout(chunk) {
          await later(0);
          most = Math.max(most, produced - consumed, (left as ReturnType<typeof memoryPair>[0]).buffered);
          consumed += chunk.length;
        },
        stderr() {},
      },
      never,
    );
    await done;
    expect(consumed).toBe(2_000_000);
    expect(most).toBeLessThanOrEqual(3 * 64 * 1024);
  });

  test("100 MB pass through two links with bounded memory", async () => {
    const { link, left, right } = pair(echo) as unknown as {
      link: WebServerLink;
      left: { buffered: number };
      right: { buffered: number };
    };
    const total = 100 * 1024 * 1024;
    let asked = 0;
    let got = 0;
    let most = 0;
    async function* body(): AsyncGenerator<Uint8Array> {
      const chunk = new Uint8Array(65_536);
      while (asked < total) {
        asked += chunk.length;
        most = Math.max(most, asked - got, left.buffered, right.buffered);
        yield chunk;
      }
    }
    await link.exchange(
      request(body()),
      {
        stdout(chunk) {
          got += chunk.length;
          most = Math.max(most, left.buffered, right.buffered);
        },
        stderr() {},
      },
      never,
    );
    expect(got).toBe(total);
    // Two windows, the input buffer of the request and the pieces that pass each of them.
    expect(most).toBeLessThanOrEqual(1024 * 1024);
  });
});

describe("aborts", () => {
  test("sends ABORT_REQUEST, rejects with the reason and drops what still comes", async () => {
    const aborted = Promise.withResolvers<void>();
    const { link } = pair(
      (incoming) =>
        new Promise((resolve) => {
          incoming.signal.addEventListener("abort", () => {
            incoming.stdout(text("too late"));
            aborted.resolve();
            setTimeout(() => resolve(DONE), 20);
          });
        }),
    );
    const abort = new AbortController();
    const out = sink();
    const running = link.exchange(request(), out, abort.signal);
    await later(5);
    const reason = new Error("client gone");
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    await aborted.promise;
    // The application still works on it: END_REQUEST has not come.
    expect(link.active).toBe(1);
    await later(40);
    expect([link.active, link.usable, out.text]).toEqual([0, true, ""]);
    await expect(link.exchange(request(), out, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test("does not wait for a sink that holds back, nor for a body that does not come", async () => {
    const { link } = pair(async (incoming: ApplicationRequest) => {
      incoming.stdout(text("x"));
      await incoming.readBody(100);
      return DONE;
    });
    const abort = new AbortController();
    const stuck = { stdout: () => new Promise<void>(() => {}), stderr() {} };
    async function* nothing(): AsyncGenerator<Uint8Array> {
      await new Promise(() => {});
    }
    const running = link.exchange(request(nothing()), stuck, abort.signal);
    await later(5);
    abort.abort(new Error("gone"));
    await expect(running).rejects.toThrow("gone");
    const out = sink();
    await link.exchange(request(text("y")), out, never);
    expect(out.text).toBe("x");
  });

  test("closes the connection of an application that heeds no ABORT_REQUEST", async () => {
    const { link, peer } = scripted({ abortByClosing: true });
    const abort = new AbortController();
    const running = link.exchange(request(), sink(), abort.signal);
    await peer.until(({ length }) => length > 0);
    abort.abort(new Error("gone"));
    await expect(running).rejects.toThrow("gone");
    await peer.until(({ ended }) => ended);
    expect(link.usable).toBe(false);
  });

  test("a body or a sink that fails ends the exchange with its error", async () => {
    const { link } = pair(echo);
    const boom = new Error("boom");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield text("a");
      throw boom;
    }
    await expect(link.exchange(request(failing()), sink(), never)).rejects.toBe(boom);
    const throwing = {
      stdout() {
        throw boom;
      },
      stderr() {},
    };
    await expect(link.exchange(request(text("x")), throwing, never)).rejects.toBe(boom);
    const rejecting = { stdout: () => Promise.reject(boom), stderr() {} };
    await expect(link.exchange(request(text("x")), rejecting, never)).rejects.toBe(boom);
    await link.exchange(request(text("x")), sink(), never);
  });

  test("params that cannot be sent are refused, and the link serves on", async () => {
    const { link } = pair(echo);
    const long = request(undefined, [["X", "x".repeat(70_000)]]);
    await expect(link.exchange(long, sink(), never)).rejects.toMatchObject({ code: "FCGI_LIMIT" });
    await link.exchange(request(), sink(), never);
  });
});

describe("failures", () => {
  test("a broken link fails every exchange and names how much had come", async () => {
    const { link, peer } = scripted();
    const one = link.exchange(request(), sink(), never);
    const two = link.exchange(request(), sink(), never);
    peer.transport.write([encodeRecord({ type: "stdout", requestId: 1, content: text("hello") })]);
    await later(5);
    peer.transport.reset();
    await expect(one).rejects.toMatchObject({
      code: "EXCHANGE_BROKEN",
      message: expect.stringContaining("after 5 bytes of STDOUT"),
    });
    await expect(two).rejects.toMatchObject({ message: expect.stringContaining("before any STDOUT") });
    await link.closed;
  });

  test("an end before END_REQUEST is a failure as well", async () => {
    const { link, peer } = scripted();
    const running = link.exchange(request(), sink(), never);
    peer.transport.close();
    await expect(running).rejects.toMatchObject({
      code: "EXCHANGE_BROKEN",
      message: expect.stringContaining("closed the connection before END_REQUEST"),
    });
  });

  test("an application that speaks no FastCGI is told as such, with the cause", async () => {
    const { link, peer } = scripted();
    const running = link.exchange(request(), sink(), never);
    peer.transport.write([text("HTTP/1.1 400 Bad Request\r\n")]);
    await expect(running).rejects.toMatchObject({
      code: "EXCHANGE_PROTOCOL",
      cause: { name: "RemoteProtocolError", code: "FCGI_BAD_VERSION" },
    });
    await peer.until(({ ended }) => ended);
  });

  test("silence beyond readTimeout is EXCHANGE_TIMEOUT", async () => {
    const { link } = scripted({ readTimeout: 40 });
    await expect(link.exchange(request(), sink(), never)).rejects.toMatchObject({ code: "EXCHANGE_TIMEOUT" });
    expect(link.usable).toBe(false);
  });

  test("a slow sink and a slow body are not the application's silence", async () => {
    const { link } = pair(echo, { readTimeout: 60 });
    async function* slow(): AsyncGenerator<Uint8Array> {
      await later(100);
      yield text("x");
    }
    let got = "";
    const slowSink = {
      async stdout(chunk: Uint8Array) {
        got += Buffer.from(chunk).toString();
        await later(100);
      },
      stderr() {},
    };
    await link.exchange(request(slow()), slowSink, never);
    expect(got).toBe("x");
  });
});

describe("values", () => {
  test("asks and gets what the application knows", async () => {
    const { link } = pair(echo);
    const values = await link.getValues(["FCGI_MPXS_CONNS", "UNKNOWN"], never);
    expect([...values]).toEqual([["FCGI_MPXS_CONNS", "1"]]);
  });

  test("values that nobody asked for go to onValues, even while an answer is awaited", async () => {
    const { link, application } = pair(echo);
    const told: (readonly Pair[])[] = [];
    link.onValues = (values) => told.push(values);
    application.announce([["STATE", "1"]]);
    expect([...(await link.getValues(["FCGI_MAX_CONNS"], never)).keys()]).toEqual(["FCGI_MAX_CONNS"]);
    await later(5);
    expect(told).toEqual([[["STATE", "1"]]]);
  });

  test("stops waiting when told to, and when the link breaks", async () => {
    const { link } = scripted();
    const reason = new Error("enough");
    await expect(link.getValues(["X"], AbortSignal.abort(reason))).rejects.toBe(reason);
    const waiting = link.getValues(["X"], never);
    link.reset();
    await expect(waiting).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
  });
});
