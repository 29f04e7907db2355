// Bytes that no web server should send, to the real command: the specified answer or a clear end, while others are served.

import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  encodeAbortRequest,
  encodeBeginRequest,
  encodeEndRequest,
  encodeParams,
  encodeRecord,
  type FastCgiRecord,
} from "../../src/codec/index.ts";
import { type System, startSystem } from "./site.ts";
import { ask, beginning, endOf, openLink, RawConnection, whole } from "./wire.ts";

let system: System;
let raw: RawConnection;
beforeAll(async () => {
  system = await startSystem({ children: 1, args: ["--verbose"] });
});
afterAll(() => system?.stop());
afterEach(async () => {
  raw.close();
  // Whatever came before, the next visitor is served.
  const link = await openLink(system.fpm.address);
  expect((await ask(link, system.path("hello"), "who=next")).body).toBe("hello next");
  link.close();
});

function connect(): RawConnection {
  raw = new RawConnection(system.fpm.address);
  return raw;
}

const text = (words: string) => new TextEncoder().encode(words);
const header = (version: number, type: number, id: number, length: number) =>
  Uint8Array.of(version, type, id >> 8, id & 255, length >> 8, length & 255, 0, 0);

describe("the connection is ended", () => {
  test.each<[string, () => Uint8Array]>([
    ["an HTTP request", () => text("GET / HTTP/1.1\r\nHost: here\r\n\r\n")],
    ["random bytes", () => Uint8Array.from([7, ...randomBytes(10_000)])],
    ["version 2", () => header(2, 1, 1, 8)],
    ["version 0", () => new Uint8Array(64)],
    ["a BEGIN_REQUEST that is too short", () => Buffer.concat([header(1, 1, 1, 4), Buffer.alloc(4)])],
    ["STDOUT for a request", () => Buffer.concat([beginning(1, "/x"), header(1, 6, 1, 0)])],
    ["BEGIN_REQUEST with id 0", () => Buffer.concat([header(1, 1, 0, 8), Buffer.alloc(8)])],
    [
      "BEGIN_REQUEST for an active id",
      () => Buffer.concat([beginning(1, "/x"), encodeBeginRequest(1, "responder", true)]),
    ],
    ["PARAMS after their end", () => Buffer.concat([beginning(1, "/x"), endOf("params", 1)])],
    ["STDIN after its end", () => Buffer.concat([beginning(1, "/x"), endOf("stdin", 1), endOf("stdin", 1)])],
  ])("after %s", async (_name, bytes) => {
    connect().send(bytes());
    await raw.closed();
    expect(system.fpm.log()).toMatch(/FastCGI: /);
  });

  test.each<[string, () => Uint8Array]>([
    ["a header", () => header(1, 1, 1, 8).subarray(0, 5)],
    ["a record", () => Buffer.concat([header(1, 4, 1, 60_000), Buffer.alloc(100)])],
    ["params", () => Buffer.concat([encodeBeginRequest(1, "responder", true), header(1, 4, 1, 20), Buffer.alloc(20)])],
    ["a body", () => beginning(1, system.path("digest"), "id=1", 100)],
  ])("when the peer ends its side inside %s", async (_name, bytes) => {
    connect().send(bytes());
    raw.finish();
    await raw.closed();
  });
});

describe("the request is refused, the connection goes on", () => {
  const goesOn = async () => {
    raw.send(whole(9, system.path("hello"), "who=same"));
    expect(await raw.end(9)).toMatchObject({ protocolStatus: "request-complete", applicationStatus: 0 });
    expect(raw.stdout(9)).toMatch(/hello same$/);
  };

  test("a name length of 2 GB in PARAMS", async () => {
    const content = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, ...text("x"));
    connect().send(encodeBeginRequest(1, "responder", true), encodeRecord({ type: "params", requestId: 1, content }));
    expect((await raw.end(1)).applicationStatus).not.toBe(0);
    expect(raw.stderr(1)).toMatch(/refused/);
    await goesOn();
  });

  test("more params than allowed", async () => {
    const pairs = Array.from({ length: 5_000 }, (_, n) => [`NAME_${n}`, "x"] as const);
    const blocks = encodeParams(pairs).map((content) => encodeRecord({ type: "params", requestId: 1, content }));
    connect().send(encodeBeginRequest(1, "responder", true), ...blocks, endOf("params", 1), endOf("stdin", 1));
    expect((await raw.end(1)).applicationStatus).not.toBe(0);
    expect(raw.stderr(1)).toMatch(/refused/);
    await goesOn();
  });

  test("params that end inside a pair", async () => {
    const content = Uint8Array.of(5, 5, ...text("SCR"));
    connect().send(
      encodeBeginRequest(1, "responder", true),
      encodeRecord({ type: "params", requestId: 1, content }),
      endOf("params", 1),
    );
    expect((await raw.end(1)).applicationStatus).not.toBe(0);
    await goesOn();
  });

  test("STDIN before the end of PARAMS", async () => {
    connect().send(encodeBeginRequest(1, "responder", true), endOf("stdin", 1));
    expect((await raw.end(1)).applicationStatus).not.toBe(0);
    expect(raw.stderr(1)).toMatch(/stdin came before the end of params/);
    await goesOn();
  });

  test("a role that nobody plays", async () => {
    connect().send(encodeBeginRequest(1, 77, true));
    expect(await raw.end(1)).toMatchObject({ protocolStatus: "unknown-role" });
    await goesOn();
  });

  test("no script at all: 404 as php-fpm has it", async () => {
    connect().send(whole(1, "/no/such/script.php"));
    await raw.end(1);
    expect(raw.stdout(1)).toMatch(/^Status: 404 /);
    expect(raw.stderr(1)).toContain("Primary script unknown");
    await goesOn();
  });
});

describe("what is not known is ignored or answered", () => {
  test("a management record of an unknown type is answered UNKNOWN_TYPE", async () => {
    connect().send(header(1, 200, 0, 0));
    const isAnswer = (record: FastCgiRecord): record is FastCgiRecord & { type: "unknown-type" } =>
      record.type === "unknown-type";
    expect(await raw.find(isAnswer)).toMatchObject({ unknownType: 200 });
  });

  test("GET_VALUES is answered with what was asked for and is known", async () => {
    const [content = new Uint8Array(0)] = encodeParams([
      ["FCGI_MPXS_CONNS", ""],
      ["NO_SUCH", ""],
    ]);
    connect().send(encodeRecord({ type: "get-values", requestId: 0, content }));
    const isAnswer = (record: FastCgiRecord): record is FastCgiRecord & { type: "get-values-result" } =>
      record.type === "get-values-result";
    const answer = await raw.find(isAnswer);
    expect(Buffer.from(answer.content).toString("latin1")).toBe("\x0f\x01FCGI_MPXS_CONNS1");
  });

  test("records for ids that never began are dropped, also an abort and an empty STDIN before BEGIN_REQUEST", async () => {
    connect().send(
      endOf("stdin", 1),
      encodeAbortRequest(2),
      encodeRecord({ type: "stdin", requestId: 3, content: text("x") }),
      encodeEndRequest(4, 0, "request-complete"),
      whole(1, system.path("hello"), "who=after"),
    );
    await raw.end(1);
    expect(raw.stdout(1)).toMatch(/hello after$/);
    expect(raw.records.every((record) => record.requestId === 1)).toBe(true);
  });

  test("every byte in a chunk of its own makes no difference", async () => {
    connect();
    for (const byte of whole(1, system.path("hello"), "who=bytes")) raw.send(Uint8Array.of(byte));
    await raw.end(1);
    expect(raw.stdout(1)).toMatch(/hello bytes$/);
  });
});

test("many slow senders hold no child: another connection and another request on the same one are served", async () => {
  const slow = Array.from({ length: 20 }, () => new RawConnection(system.fpm.address));
  const bytes = beginning(1, system.path("digest"), "id=1", 1_000_000);
  let sent = 0;
  const timer = setInterval(() => {
    for (const connection of slow) connection.send(bytes.subarray(sent, sent + 1));
    sent += 1;
  }, 50);
  try {
    // A slow body beside quick requests on the same connection.
    connect().send(beginning(1, system.path("digest"), "id=1", 1_000_000));
    raw.send(encodeRecord({ type: "stdin", requestId: 1, content: text("a first byte") }));
    for (let id = 2; id < 12; id++) {
      raw.send(whole(id, system.path("hello"), `who=${id}`));
      await raw.end(id);
      expect(raw.stdout(id)).toMatch(new RegExp(`hello ${id}$`));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    raw.send(encodeAbortRequest(1));
    await raw.end(1);
    expect(sent).toBeGreaterThan(5);
  } finally {
    clearInterval(timer);
    for (const connection of slow) connection.close();
  }
});
