// What holds for every input of the two connections: the same events however the bytes are cut, nothing but
// RemoteProtocolError for hostile bytes, memory within the limits.

import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import {
  concat,
  encodeAbortRequest,
  encodeEndRequest,
  encodeRecord,
  type FastCgiRecord,
  RemoteProtocolError,
} from "../../src/codec/index.ts";
import {
  ApplicationConnection,
  type ApplicationEvent,
  WebServerConnection,
  type WebServerEvent,
} from "../../src/connection/index.ts";
import { pieces } from "../codec/wire.ts";
import { type Property, property } from "../fuzz/property.ts";
import { begin, bytesOf, data, params, paramsEnd, stdin, Wired } from "./wired.ts";

const request = { role: "responder", keepConnection: true, params: [["A", "b"]] } as const;

function output(type: "stdout" | "stderr", requestId: number, text: string): Uint8Array {
  return encodeRecord({ type, requestId, content: bytesOf(text) } as FastCgiRecord);
}

/** A record of any type at all. */
function anyRecord(id: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.integer({ min: 0, max: 255 }), id, fc.uint8Array({ maxLength: 20 }))
    .map(([typeCode, requestId, content]) => encodeRecord({ type: "other", typeCode, requestId, content }));
}

const fewIds = fc.integer({ min: 0, max: 3 });

/** What a web server may send, in no order, and what it may not. */
const webServerPiece = fc.oneof(
  fc.tuple(fewIds, fc.constantFrom("responder" as const, "filter" as const, 9), fc.boolean()).map((a) => begin(...a)),
  fewIds.map((id) => params(id, [["A", "b"]])),
  fewIds.map(paramsEnd),
  fewIds.map((id) => stdin(id, "x")),
  fewIds.map((id) => stdin(id)),
  fewIds.map((id) => data(id, "y")),
  fewIds.map((id) => data(id)),
  fewIds.map(encodeAbortRequest),
  anyRecord(fewIds),
);

const applicationPiece = fc.oneof(
  fc.tuple(fc.constantFrom("stdout" as const, "stderr" as const), fewIds).map(([type, id]) => output(type, id, "x")),
  fewIds.map((id) => encodeEndRequest(id, 0)),
  anyRecord(fc.integer({ min: 0, max: 4 })),
  fc.uint8Array({ maxLength: 12 }),
);

/** What the work comes to: a value, or the message of a RemoteProtocolError. Anything else is thrown on. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof RemoteProtocolError) return error.message;
    throw error;
  }
}

function applicationOutcome(chunks: readonly Uint8Array[]) {
  return outcome(() => {
    const connection = new ApplicationConnection();
    const events: ApplicationEvent[] = [];
    for (const chunk of chunks) events.push(...connection.receive(chunk));
    events.push(...connection.end());
    return { events, output: concat(connection.takeOutput()), active: connection.active };
  });
}

function webServerOutcome(chunks: readonly Uint8Array[]) {
  return outcome(() => {
    const connection = new WebServerConnection();
    for (let i = 0; i < 3; i++) connection.begin(request);
    const events: WebServerEvent[] = [];
    for (const chunk of chunks) events.push(...connection.receive(chunk));
    return { events, open: connection.end(), active: connection.active };
  });
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that live objects hold. One collection leaves buffers behind whose owners it has just found dead. */
function held(): number {
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Connections that live at the same time while their memory is measured. */
const CROWD = 40;

/** Params of one connection, and a record that is cut (64 KiB); beyond, the objects. */
const LIMITS = { maxRequests: 4, maxParamsBytes: 8 * 1024, maxParams: 64, maxConnectionParamsBytes: 16 * 1024 };
const MOST_HELD = 16 * 1024 + 64 * 1024 + 64 * 1024;

export const CONNECTION_PROPERTIES: readonly Property[] = [
  property(
    "records in any order give an application events, answers or a RemoteProtocolError, whatever the cut",
    [fc.array(webServerPiece, { maxLength: 20 }), fc.integer({ min: 2, max: 40 })],
    (all, size) => {
      const bytes = concat(all);
      const whole = applicationOutcome([bytes]);
      assert.deepEqual(applicationOutcome(pieces(bytes, size)), whole);
      assert.deepEqual(applicationOutcome(pieces(bytes, 1)), whole);
    },
    300,
  ),

  property(
    "records in any order give a web server events or a RemoteProtocolError, whatever the cut",
    [fc.array(applicationPiece, { maxLength: 12 }), fc.integer({ min: 2, max: 40 })],
    (all, size) => {
      const bytes = concat(all);
      const whole = webServerOutcome([bytes]);
      assert.deepEqual(webServerOutcome(pieces(bytes, size)), whole);
      assert.deepEqual(webServerOutcome(pieces(bytes, 1)), whole);
    },
    300,
  ),

  property(
    "two connections wired together carry the same for any cuts",
    [
      fc.array(fc.record({ body: fc.uint8Array({ maxLength: 300 }), answer: fc.uint8Array({ maxLength: 300 }) }), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.infiniteStream(fc.integer({ min: 1, max: 90 })),
    ],
    (all, sizes) => {
      const wired = new Wired({}, () => sizes.next().value);
      const ids = all.map(() => wired.webServer.begin(request));
      all.forEach(({ body }, i) => {
        wired.webServer.writeStdin(ids[i] ?? 0, body);
        wired.webServer.endStdin(ids[i] ?? 0);
      });
      const inputs = wired.toApplication();
      all.forEach(({ body, answer }, i) => {
        const parts = inputs.flatMap((one) => (one.type === "stdin" && one.requestId === ids[i] ? [one.content] : []));
        assert.deepEqual(concat(parts), body);
        wired.application.writeStdout(ids[i] ?? 0, answer);
        wired.application.endRequest(ids[i] ?? 0, i);
      });
      const outputs = wired.toWebServer();
      all.forEach(({ answer }, i) => {
        const parts = outputs.flatMap((one) =>
          one.type === "stdout" && one.requestId === ids[i] ? [one.content] : [],
        );
        assert.deepEqual(concat(parts), answer);
      });
      assert.equal(outputs.filter(({ type }) => type === "end").length, all.length);
    },
  ),

  property(
    "a crowd of hostile web servers fills no more memory than the limits allow",
    [
      fc.array(
        fc.oneof(
          webServerPiece,
          // Pairs that announce much, and send much of it.
          fc
            .tuple(fewIds, fc.integer({ min: 0, max: 65_000 }), fc.integer({ min: 0, max: 255 }))
            .map(([requestId, length, fill]) =>
              encodeRecord({ type: "params", requestId, content: new Uint8Array(length).fill(fill) }),
            ),
        ),
        { minLength: 5, maxLength: 40 },
      ),
      fc.integer({ min: 1, max: 20 }),
    ],
    (all, repeated) => {
      const once = concat(all);
      const crowd = Array.from({ length: CROWD }, () => new ApplicationConnection({ limits: LIMITS }));
      const before = held();
      for (const connection of crowd) {
        outcome(() => {
          // Its own buffer each time, as from a socket: what is kept of it is the connection's.
          for (let i = 0; i < repeated; i++) connection.receive(once.slice());
        });
        // What it answers is for its link to send, or to stop reading for.
        connection.takeOutput();
      }
      const grown = held() - before;
      assert.ok(crowd.every(({ active }) => active <= LIMITS.maxRequests));
      assert.ok(grown <= CROWD * MOST_HELD, `${CROWD} connections hold ${grown} bytes`);
    },
    10,
  ),
];
