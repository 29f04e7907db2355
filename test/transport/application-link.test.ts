import { connect as netConnect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { encodeRecord, type FastCgiRecord, type Pair, utf8ToByteString } from "../../src/codec/index.ts";
import { WebServerConnection, type WebServerEvent } from "../../src/connection/index.ts";
import {
  type ApplicationHandler,
  ApplicationLink,
  type ApplicationLinkOptions,
} from "../../src/transport/application-link.ts";
import type { ApplicationRequest } from "../../src/transport/application-request.ts";
import { type MemoryTransport, memoryPair } from "../../src/transport/memory.ts";
import { listen } from "../../src/transport/node/listen.ts";
import { later, pattern, Recorder } from "./contract.ts";

const DONE = { applicationStatus: 0, protocolStatus: "request-complete" } as const;
const text = (value: string) => new TextEncoder().encode(value);

/** A web server by hand: what it sends is scripted, what comes back is collected. */
class Peer {
  readonly connection = new WebServerConnection();
  readonly recorder: Recorder;
  readonly events: WebServerEvent[] = [];
  violation: unknown;

  constructor(transport: MemoryTransport) {
    this.recorder = new Recorder(transport);
    this.recorder.onChunk = (chunk) => {
      try {
        this.events.push(...this.connection.receive(chunk.slice()));
      } catch (error) {
        this.violation = error;
      }
    };
  }

  begin(params: readonly Pair[] = [], keepConnection = true): number {
    const id = this.connection.begin({ role: "responder", keepConnection, params });
    this.send();
    return id;
  }

  send(): void {
    this.recorder.transport.write(this.connection.takeOutput());
  }

  records(...records: FastCgiRecord[]): void {
    this.recorder.transport.write(records.map((record) => encodeRecord(record)));
  }

  stdin(id: number, content: Uint8Array, end = true): void {
    if (content.length > 0) this.connection.writeStdin(id, content);
    if (end) this.connection.endStdin(id);
    this.send();
  }

  stream(type: "stdout" | "stderr", id: number): string {
    return Buffer.concat(
      this.events.flatMap((event) => (event.type === type && event.requestId === id ? [event.content] : [])),
    ).toString();
  }

  async end(id: number) {
    const found = () => this.events.find((event) => event.type === "end" && event.requestId === id);
    await this.recorder.until(() => found() !== undefined);
    return found();
  }
}

const links: ApplicationLink[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.reset();
});

function pair(handler: ApplicationHandler, options: ApplicationLinkOptions = {}) {
  const [left, right] = memoryPair();
  const errors: unknown[] = [];
  const link = new ApplicationLink(right, handler, { onError: (error) => errors.push(error), ...options });
  links.push(link);
  return { peer: new Peer(left), link, errors, transport: right };
}

const echo: ApplicationHandler = async (request) => {
  const body = await request.readBody(10_000_000);
  request.stdout(body);
  return DONE;
};

describe("requests", () => {
  test("a handler gets params, reads the body and answers", async () => {
    const seen: ApplicationRequest[] = [];
    const { peer } = pair(async (request) => {
      seen.push(request);
      request.stderr(text("noted"));
      request.stdout(await request.readBody(100));
      return { applicationStatus: 7, protocolStatus: "request-complete" };
    });
    const id = peer.begin([["A", utf8ToByteString("é")]]);
    peer.stdin(id, text("hello"));
    expect(await peer.end(id)).toMatchObject({ applicationStatus: 7, protocolStatus: "request-complete" });
    expect(peer.stream("stdout", id)).toBe("hello");
    expect(peer.stream("stderr", id)).toBe("noted");
    expect(seen[0]).toMatchObject({ requestId: id, role: "responder", keepConnection: true });
    expect(seen[0]?.params).toEqual([["A", "Ã©"]]);
  });

  test("output and END_REQUEST of one turn leave in one write", async () => {
    const writes: number[] = [];
    const { peer, transport } = pair(async (request) => {
      await request.bufferedBody();
      request.stderr(text("x"), true);
      request.stdout(text("hello"), true);
      return DONE;
    });
    const write = transport.write.bind(transport);
    transport.write = (chunks) => {
      writes.push(chunks.length);
      return write(chunks);
    };
    const id = peer.begin();
    peer.stdin(id, text(""));
    await peer.end(id);
    expect(writes).toHaveLength(1);
  });

  test("held back output is sent when nothing follows", async () => {
    const { peer } = pair(async (request) => {
      request.stdout(text("first"), true);
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      return DONE;
    });
    const id = peer.begin();
    await peer.recorder.until(() => peer.stream("stdout", id) === "first");
  });

  test("the second request may be answered first", async () => {
    const first = Promise.withResolvers<void>();
    const { peer } = pair(async (request) => {
      if (request.requestId === 1) await first.promise;
      request.stdout(text(`answer ${request.requestId}`));
      return DONE;
    });
    const [one, two] = [peer.begin(), peer.begin()];
    await peer.end(two);
    expect(peer.stream("stdout", one)).toBe("");
    first.resolve();
    await peer.end(one);
    expect(peer.stream("stdout", one)).toBe("answer 1");
    expect(peer.stream("stdout", two)).toBe("answer 2");
  });

  test("a whole body of 1 MB comes in one piece, and one beyond the limit is refused", async () => {
    const { peer, errors } = pair(async (request) => {
      request.stdout(await request.readBody(1_000_000));
      return DONE;
    });
    const good = peer.begin([["CONTENT_LENGTH", "1000000"]]);
    for (let offset = 0; offset < 1_000_000; offset += 50_000) {
      peer.stdin(good, pattern(1_000_000).subarray(offset, offset + 50_000), offset === 950_000);
    }
    await peer.end(good);
    const stdout = peer.events.flatMap((event) => (event.type === "stdout" ? [event.content] : []));
    expect(Buffer.compare(Buffer.concat(stdout), pattern(1_000_000))).toBe(0);

    peer.events.length = 0;
    const bad = peer.begin();
    for (let count = 0; count < 30; count++) peer.stdin(bad, new Uint8Array(50_000), count === 29);
    expect(await peer.end(bad)).toMatchObject({ applicationStatus: 1 });
    expect(errors).toMatchObject([{ code: "BODY_TOO_LARGE" }]);
  });

  test("a declared length beyond the limit is refused before its bytes come", async () => {
    const { peer } = pair(echo);
    const id = peer.begin([["CONTENT_LENGTH", "10000001"]]);
    expect(await peer.end(id)).toMatchObject({ applicationStatus: 1 });
  });

  test("a filter gets both streams", async () => {
    const { peer } = pair(async (request) => {
      request.stdout(await request.readBody(100));
      for await (const chunk of request.data) request.stdout(chunk);
      return DONE;
    });
    const id = peer.connection.begin({ role: "filter", keepConnection: true, params: [] });
    peer.connection.writeStdin(id, text("in "));
    peer.connection.endStdin(id);
    peer.connection.writeData(id, text("file"));
    peer.connection.endData(id);
    peer.send();
    await peer.end(id);
    expect(peer.stream("stdout", id)).toBe("in file");
  });

  test("a handler that fails ends its request with status 1, told to the hook, and others go on", async () => {
    const boom = new Error("boom");
    const { peer, errors } = pair((request) => {
      if (request.requestId === 1) throw boom;
      return request.requestId === 2 ? Promise.reject(boom) : Promise.resolve(DONE);
    });
    const ids = [peer.begin(), peer.begin(), peer.begin()];
    const ends = await Promise.all(ids.map((id) => peer.end(id)));
    expect(ends).toMatchObject([{ applicationStatus: 1 }, { applicationStatus: 1 }, { applicationStatus: 0 }]);
    expect(errors).toEqual([boom, boom]);
  });

  test("a handler may go on after the answer; its output is dropped", async () => {
    let late: (() => void) | undefined;
    const { peer } = pair(async (request) => {
      late = () => {
        request.stdout(text("late"));
        request.stderr(text("late"));
      };
      return DONE;
    });
    const id = peer.begin();
    await peer.end(id);
    late?.();
    const again = peer.begin();
    expect(again).toBe(2);
    await peer.end(again);
    expect(peer.events.filter(({ type }) => type === "stdout" || type === "stderr")).toEqual([]);
  });

  test("announcements reach the web server in order with the answers", async () => {
    const { peer, link } = pair(async () => {
      link.announce([["STATE", "1"]]);
      return DONE;
    });
    const id = peer.begin();
    await peer.end(id);
    expect(peer.events.map(({ type }) => type)).toEqual(["values", "end"]);
  });
});

describe("aborts", () => {
  test("ABORT_REQUEST reaches the handler, whose end is still sent", async () => {
    const { peer, errors } = pair(async (request) => {
      await expect(request.readBody(10)).rejects.toMatchObject({ name: "AbortError" });
      expect(request.signal.aborted).toBe(true);
      return DONE;
    });
    const id = peer.begin();
    peer.stdin(id, text("a"), false);
    peer.connection.abort(id);
    peer.send();
    expect(await peer.end(id)).toBeDefined();
    expect(errors).toEqual([]);
  });

  test.each(["close", "reset"] as const)("a web server that is gone by %s aborts all its requests", async (how) => {
    const aborted: number[] = [];
    const { peer, link } = pair(
      (request) =>
        new Promise((resolve) => {
          request.signal.addEventListener("abort", () => {
            aborted.push(request.requestId);
            resolve(DONE);
          });
        }),
    );
    peer.stdin(peer.begin(), text("x"));
    peer.stdin(peer.begin(), text(""), false);
    await later(5);
    peer.recorder.transport[how]();
    await link.closed;
    await later(1);
    expect(aborted.sort()).toEqual([1, 2]);
    expect(link.active).toBe(0);
  });
});

describe("the end of a connection", () => {
  test("closes after the answer when the web server did not ask to keep it", async () => {
    const { peer, link } = pair(async () => DONE);
    const id = peer.begin([], false);
    peer.stdin(id, text(""));
    await peer.end(id);
    await peer.recorder.until(({ ended }) => ended);
    expect(peer.recorder.error).toBeUndefined();
    await link.closed;
  });

  test("drain answers new requests OVERLOADED and closes after the last", async () => {
    const first = Promise.withResolvers<typeof DONE>();
    const { peer, link } = pair(() => first.promise);
    const one = peer.begin();
    await later(5);
    link.drain();
    const two = peer.begin();
    expect(await peer.end(two)).toMatchObject({ protocolStatus: "overloaded" });
    first.resolve(DONE);
    expect(await peer.end(one)).toMatchObject({ protocolStatus: "request-complete" });
    await link.closed;
    await peer.recorder.until(({ ended }) => ended);
  });

  test("an idle connection is closed after idleTimeout, before its first request too", async () => {
    const { peer, link } = pair(async () => DONE, { limits: { idleTimeout: 30 } });
    await link.closed;
    await peer.recorder.until(({ ended }) => ended);
    const second = pair(async () => DONE, { limits: { idleTimeout: 30 } });
    const id = second.peer.begin();
    second.peer.stdin(id, text(""));
    await second.peer.end(id);
    await second.link.closed;
  });

  test("an idle connection is not closed while a request runs", async () => {
    const { peer } = pair(
      async () => {
        await later(80);
        return DONE;
      },
      { limits: { idleTimeout: 20 } },
    );
    const id = peer.begin();
    peer.stdin(id, text(""));
    expect(await peer.end(id)).toBeDefined();
  });
});

describe("deadlines", () => {
  test("params that drip in byte by byte are cut off after receiveTimeout in total", async () => {
    const { peer, link, errors } = pair(async () => DONE, { limits: { receiveTimeout: 60 } });
    const connection = new WebServerConnection();
    connection.begin({ role: "responder", keepConnection: true, params: [["NAME", "x".repeat(1000)]] });
    const bytes = Buffer.concat(connection.takeOutput());
    let over = false;
    void link.closed.then(() => {
      over = true;
    });
    for (let index = 0; index < bytes.length && !over; index++) {
      peer.recorder.transport.write([bytes.subarray(index, index + 1)]);
      await later(5);
    }
    expect(over).toBe(true);
    expect(errors).toMatchObject([{ message: expect.stringContaining("params were not complete") }]);
  });

  test("input that stops ends its request, and others go on", async () => {
    const { peer, errors } = pair(echo, { limits: { receiveTimeout: 60 } });
    const slow = peer.begin();
    peer.stdin(slow, text("a"), false);
    expect(await peer.end(slow)).toMatchObject({ applicationStatus: 1 });
    expect(peer.stream("stderr", slow)).toContain("no input for request 1 came within 60 ms");
    expect(errors).toHaveLength(1);
    const next = peer.begin();
    peer.stdin(next, text("b"));
    await peer.end(next);
    expect(peer.stream("stdout", next)).toBe("b");
  });

  test("input that goes on slowly is waited for", async () => {
    const { peer } = pair(echo, { limits: { receiveTimeout: 150 } });
    const id = peer.begin();
    for (let count = 0; count < 6; count++) {
      peer.stdin(id, text("a"), count === 5);
      await later(40);
    }
    await peer.end(id);
    expect(peer.stream("stdout", id)).toBe("aaaaaa");
  });

  test("left-over records between requests do not end a kept connection", async () => {
    const { peer, link } = pair(async () => DONE, { limits: { receiveTimeout: 20, idleTimeout: 0 } });
    const id = peer.begin();
    await peer.end(id);
    peer.records({ type: "stdin", requestId: id, content: new Uint8Array(0) });
    await later(60);
    expect(link.active).toBe(0);
    peer.stdin(peer.begin(), text(""));
    await peer.end(2);
  });

  test("a web server that takes no output is reset after sendTimeout, and the producer waited", async () => {
    const produced: number[] = [];
    const { peer, link, errors } = pair(
      async (request) => {
        for (let count = 0; count < 1000 && !request.signal.aborted; count++) {
          produced.push(count);
          await request.stdout(new Uint8Array(16 * 1024));
        }
        return DONE;
      },
      { limits: { sendTimeout: 50 } },
    );
    peer.recorder.onChunk = () => new Promise(() => {});
    peer.stdin(peer.begin(), text(""));
    await link.closed;
    expect(errors).toMatchObject([{ message: expect.stringContaining("took no output") }]);
    expect(produced.length).toBeLessThan(10);
  });

  test("a request that does not read its input ends OVERLOADED after stallTimeout, so that others go on", async () => {
    const { peer } = pair(
      async (request) => {
        if (request.requestId === 1) await later(10_000);
        request.stdout(await request.readBody(100));
        return DONE;
      },
      { limits: { stallTimeout: 50, inputBuffer: 1000 } },
    );
    const stuck = peer.begin();
    peer.stdin(stuck, new Uint8Array(2000), false);
    const other = peer.begin();
    peer.stdin(other, text("fine"));
    await peer.end(other);
    expect(await peer.end(stuck)).toMatchObject({ protocolStatus: "overloaded" });
    expect(peer.stream("stdout", other)).toBe("fine");
  });
});

describe("bounded memory", () => {
  test("100 MB of input go through a slow reader without more than the limits waiting", async () => {
    const total = 100 * 1024 * 1024;
    let read = 0;
    const { peer, transport } = pair(async (request) => {
      for await (const chunk of request.stdin) {
        read += chunk.length;
        most = Math.max(most, chunk.length);
        await later(0);
      }
      return DONE;
    });
    let most = 0;
    let mostUnderWay = 0;
    const id = peer.begin();
    const chunk = new Uint8Array(60_000);
    for (let sent = 0; sent < total; sent += chunk.length) {
      peer.connection.writeStdin(id, chunk);
      await peer.recorder.transport.write(peer.connection.takeOutput());
      mostUnderWay = Math.max(mostUnderWay, transport.buffered);
    }
    peer.stdin(id, text(""));
    await peer.end(id);
    expect(read).toBeGreaterThanOrEqual(total);
    expect(most).toBeLessThanOrEqual(256 * 1024 + 65_535);
    expect(mostUnderWay).toBeLessThanOrEqual(2 * 64 * 1024);
  });

  test("the connection is read again when a reader drains its input", async () => {
    const { peer } = pair(echo, { limits: { inputBuffer: 10 } });
    const id = peer.begin();
    for (let count = 0; count < 50; count++) peer.stdin(id, text("0123456789"), count === 49);
    await peer.end(id);
    expect(peer.stream("stdout", id)).toBe("0123456789".repeat(50));
  });
});

describe("hostile input", () => {
  const begin = encodeRecord({ type: "begin-request", requestId: 1, role: "responder", keepConnection: true });
  test.each([
    ["garbage", [text("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]],
    ["another version", [Uint8Array.of(2, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)]],
    ["a short BEGIN_REQUEST", [Uint8Array.of(1, 1, 0, 1, 0, 1, 0, 0, 0)]],
    ["BEGIN_REQUEST for an id in use", [begin, begin]],
    [
      "a record that only applications send",
      [begin, encodeRecord({ type: "stdout", requestId: 1, content: text("x") })],
    ],
  ])("%s ends the connection and is told to the hook", async (_name, bytes) => {
    const { peer, link, errors } = pair(async () => DONE);
    peer.recorder.transport.write(bytes);
    await link.closed;
    await peer.recorder.until(({ ended }) => ended);
    expect(errors).toMatchObject([{ name: "RemoteProtocolError" }]);
  });

  test("bytes that end inside a record, or inside a request, end the connection", async () => {
    for (const bytes of [[begin.subarray(0, 5)], [begin]]) {
      const { peer, link } = pair(async () => DONE);
      peer.recorder.transport.write(bytes);
      peer.recorder.transport.close();
      await link.closed;
    }
  });

  test("records for unknown ids are ignored, unknown management types and roles are answered", async () => {
    const { peer } = pair(echo);
    peer.records({ type: "stdin", requestId: 9, content: text("stray") }, { type: "abort-request", requestId: 77 });
    peer.records({ type: "other", requestId: 0, typeCode: 200, content: text("?") });
    await peer.recorder.until(() => peer.events.length === 1);
    expect(peer.events).toEqual([{ type: "unknown-type", unknownType: 200 }]);
    const id = peer.begin();
    peer.stdin(id, text("ok"));
    await peer.end(id);
    expect(peer.stream("stdout", id)).toBe("ok");
  });
});

describe("over sockets", () => {
  async function serve(handler: ApplicationHandler, type: "tcp" | "unix") {
    const made: ApplicationLink[] = [];
    const where =
      type === "tcp"
        ? ({ type, host: "127.0.0.1", port: 0 } as const)
        : ({ type, path: `/tmp/edge-fpm-link-${process.pid}-${Math.random()}.sock` } as const);
    const listener = await listen(where, (transport) => {
      const link = new ApplicationLink(transport, handler);
      made.push(link);
      links.push(link);
    });
    const { address } = listener;
    const client: Socket = netConnect({
      ...(address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port }),
      allowHalfOpen: true,
    });
    client.on("error", () => {});
    await new Promise((resolve) => client.once("connect", resolve));
    const connection = new WebServerConnection();
    connection.begin({ role: "responder", keepConnection: false, params: [["REQUEST_METHOD", "GET"]] });
    connection.endStdin(1);
    return { client, connection, made, request: Buffer.concat(connection.takeOutput()), listener };
  }

  test.each(["tcp", "unix"] as const)("a %s web server that ended its sending side gets its answer", async (type) => {
    const slow: ApplicationHandler = async (request) => {
      await later(250);
      request.stdout(text("here"));
      expect(request.signal.aborted).toBe(false);
      return DONE;
    };
    const { client, connection, request, listener } = await serve(slow, type);
    client.end(request);
    const events: WebServerEvent[] = [];
    for await (const chunk of client) events.push(...connection.receive(chunk));
    expect(events.map(({ type: name }) => name)).toEqual(["stdout", "end"]);
    await listener.close();
  });

  test.each(["tcp", "unix"] as const)("a %s web server that is gone aborts its request", async (type) => {
    const aborted = Promise.withResolvers<void>();
    const waiting: ApplicationHandler = (request) =>
      new Promise((resolve) => {
        request.signal.addEventListener("abort", () => {
          aborted.resolve();
          resolve(DONE);
        });
      });
    const { client, request, listener } = await serve(waiting, type);
    client.write(request, () => setTimeout(() => client.destroy(), 20));
    await aborted.promise;
    await listener.close();
  });
});
