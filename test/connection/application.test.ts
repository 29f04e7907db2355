import { describe, expect, test } from "vitest";
import { concat, encodeAbortRequest, encodeParams, encodeRecord } from "../../src/codec/index.ts";
import { ApplicationConnection, type ApplicationEvent, type ApplicationOptions } from "../../src/connection/index.ts";
import { codeOf, hex, pieces } from "../codec/wire.ts";
import { begin, bytesOf, data, params, paramsEnd, records, stdin, textOf } from "./wired.ts";

/** Feeds chunks and returns all events. */
function feed(connection: ApplicationConnection, ...chunks: Uint8Array[]): ApplicationEvent[] {
  return chunks.flatMap((chunk) => [...connection.receive(chunk)]);
}

/** A connection with request 1 open, its params complete. */
function opened(options: ApplicationOptions = {}): ApplicationConnection {
  const connection = new ApplicationConnection(options);
  feed(connection, begin(1), params(1, [["A", "b"]]), paramsEnd(1));
  return connection;
}

function ended(requestId: number, protocolStatus: string, applicationStatus = 0) {
  return { type: "end-request", requestId, applicationStatus, protocolStatus };
}

/** Output that refuses a request: a line on STDERR, then END_REQUEST with status 1. */
function expectRefusal(connection: ApplicationConnection, reason: RegExp, protocolStatus = "request-complete"): void {
  const [line, end, ...rest] = records(connection.takeOutput());
  expect(line?.type === "stderr" ? textOf(line.content) : "").toMatch(reason);
  expect(end).toMatchObject({ type: "end-request", applicationStatus: 1, protocolStatus });
  expect(rest).toEqual([]);
}

describe("the application's answers of its own", () => {
  test("an unknown role: UNKNOWN_ROLE, and further records of that id are ignored", () => {
    const connection = new ApplicationConnection();
    expect(feed(connection, begin(5, 9), params(5, [["A", "b"]]), paramsEnd(5), stdin(5, "x"), stdin(5))).toEqual([]);
    expect(records(connection.takeOutput())).toEqual([ended(5, "unknown-role")]);
    expect([connection.active, connection.closeWanted]).toEqual([0, false]);
  });

  test("a role that is not played: UNKNOWN_ROLE", () => {
    const connection = new ApplicationConnection({ roles: ["responder"] });
    feed(connection, begin(1, "filter"));
    expect(records(connection.takeOutput())).toEqual([ended(1, "unknown-role")]);
  });

  test("a second request when multiplexing is off: CANT_MPX_CONN, and the first goes on", () => {
    const connection = opened({ multiplex: false });
    expect(feed(connection, begin(2), params(2, [["A", "b"]]), paramsEnd(2), stdin(1))).toEqual([
      { type: "stdin-end", requestId: 1 },
    ]);
    expect(records(connection.takeOutput())).toEqual([ended(2, "cannot-multiplex")]);
    connection.endRequest(1, 0);
    expect(feed(connection, begin(2), paramsEnd(2))).toMatchObject([{ type: "request", requestId: 2 }]);
  });

  test("GET_VALUES tells that multiplexing is off", () => {
    const connection = new ApplicationConnection({ multiplex: false });
    const [content = hex("")] = encodeParams([
      ["FCGI_MPXS_CONNS", ""],
      ["FCGI_MAX_REQS", ""],
    ]);
    feed(connection, encodeRecord({ type: "get-values", requestId: 0, content }));
    expect(records(connection.takeOutput())).toEqual([
      {
        type: "get-values-result",
        requestId: 0,
        content: concat(
          encodeParams([
            ["FCGI_MPXS_CONNS", "0"],
            ["FCGI_MAX_REQS", "1"],
          ]),
        ),
      },
    ]);
  });

  test("a name asked a thousand times is answered once", () => {
    const connection = new ApplicationConnection();
    const names = Array.from({ length: 1000 }, () => ["FCGI_MPXS_CONNS", ""] as const);
    const [content = hex("")] = encodeParams(names);
    feed(connection, encodeRecord({ type: "get-values", requestId: 0, content }));
    expect(concat(connection.takeOutput()).length).toBe(8 + 24);
  });

  test("more requests than the limit: OVERLOADED", () => {
    const connection = new ApplicationConnection({ limits: { maxRequests: 2 } });
    feed(connection, begin(1), begin(2), begin(3, "responder", false));
    expect(records(connection.takeOutput())).toEqual([ended(3, "overloaded")]);
    expect([connection.active, connection.closeWanted]).toEqual([2, false]);
  });

  test("a rejected request without KEEP_CONN wants the connection closed", () => {
    const connection = new ApplicationConnection();
    feed(connection, begin(1, 77, false));
    expect(connection.closeWanted).toBe(true);
  });

  test.each([12, 99, 255])("an unknown management record of type %i: UNKNOWN_TYPE", (type) => {
    const connection = new ApplicationConnection();
    feed(connection, encodeRecord({ type: "other", requestId: 0, typeCode: type, content: bytesOf("what") }));
    expect(records(connection.takeOutput())).toEqual([{ type: "unknown-type", requestId: 0, unknownType: type }]);
  });

  test("answers that nobody asked for are ignored, so that two applications cannot talk for ever", () => {
    const connection = new ApplicationConnection();
    feed(connection, hex("010b000000080000 6300000000000000"), hex("010a000000000000"));
    expect(connection.takeOutput()).toEqual([]);
  });

  test("an abort before the params are complete: END_REQUEST, and the application hears nothing", () => {
    const connection = new ApplicationConnection();
    expect(feed(connection, begin(1), params(1, [["A", "b"]]), encodeAbortRequest(1), paramsEnd(1), stdin(1))).toEqual(
      [],
    );
    expect(records(connection.takeOutput())).toEqual([ended(1, "request-complete")]);
    expect(connection.active).toBe(0);
  });
});

describe("a request that is refused", () => {
  test.each([
    ["STDIN before the end of params", stdin(1, "x"), {}, /stdin came before the end of params/],
    ["an empty STDIN before the end of params", stdin(1), {}, /stdin came before/],
    ["DATA before the end of params", data(1, "x"), {}, /data came before/],
    ["a name of 2 GiB", hex("0104000100040000ffffffff"), {}, /2147483647 bytes announced for a name, at most 8192/],
    ["params that end inside a pair", hex("0104000100020000 0505 0104000100000000"), {}, /end inside pair 1/],
    ["a long name", params(1, [["NAME", "v"]]), { maxParamNameLength: 3 }, /4 bytes announced for a name, at most 3/],
    [
      "too many params",
      params(1, [
        ["A", ""],
        ["B", ""],
      ]),
      { maxParams: 1 },
      /more than 1 name-value pairs/,
    ],
    ["too long params", params(1, [["A", "v".repeat(10)]]), { maxParamsBytes: 12 }, /13 bytes announced/],
  ] as const)("%s: a line on STDERR and status 1, other requests unharmed", (_what, bytes, limits, reason) => {
    const connection = new ApplicationConnection({ limits });
    feed(connection, begin(2), begin(1));
    expect(feed(connection, ...pieces(bytes, 1))).toEqual([]);
    expectRefusal(connection, reason);
    expect(feed(connection, paramsEnd(1), stdin(1, "late"), stdin(1))).toEqual([]);
    expect(feed(connection, paramsEnd(2))).toMatchObject([{ type: "request", requestId: 2 }]);
    expect(connection.active).toBe(1);
  });

  test("params of all requests beyond the limit of the connection: OVERLOADED, until others end", () => {
    const limits = { maxConnectionParamsBytes: 2000 };
    const connection = new ApplicationConnection({ limits });
    const large = params(1, [["A", "v".repeat(1200)]]);
    feed(connection, begin(1), large, paramsEnd(1), begin(2), params(2, [["A", "v".repeat(1200)]]), paramsEnd(2));
    expectRefusal(connection, /the params of all requests on this connection exceed 2000 bytes/, "overloaded");
    connection.endRequest(1, 0);
    connection.takeOutput();
    expect(feed(connection, begin(2), params(2, [["A", "v".repeat(1200)]]), paramsEnd(2))).toHaveLength(1);
  });

  test("many tiny params count as objects, not only as bytes", () => {
    const connection = new ApplicationConnection({ limits: { maxConnectionParamsBytes: 2000 } });
    const tiny = params(
      1,
      Array.from({ length: 100 }, () => ["", ""] as const),
    );
    expect(tiny.length).toBeLessThan(300);
    expect(feed(connection, begin(1), tiny, paramsEnd(1))).toEqual([]);
    expectRefusal(connection, /exceed 2000 bytes/, "overloaded");
  });
});

describe("what breaks the connection", () => {
  test.each([
    ["BEGIN_REQUEST for an active id", begin(1), "FCGI_UNEXPECTED_RECORD"],
    ["a short BEGIN_REQUEST", hex("0101000200020000 0001"), "FCGI_BAD_BODY"],
    ["BEGIN_REQUEST with id 0", begin(0), "FCGI_UNEXPECTED_RECORD"],
    ["STDIN with id 0", stdin(0, "x"), "FCGI_UNEXPECTED_RECORD"],
    ["params after their end", params(1, [["C", "d"]]), "FCGI_UNEXPECTED_RECORD"],
    ["a second end of params", paramsEnd(1), "FCGI_UNEXPECTED_RECORD"],
    ["STDIN after its end", concat([stdin(1), stdin(1, "x")]), "FCGI_UNEXPECTED_RECORD"],
    ["a second end of STDIN", concat([stdin(1), stdin(1)]), "FCGI_UNEXPECTED_RECORD"],
    ["DATA for a responder", data(1, "x"), "FCGI_UNEXPECTED_RECORD"],
    ["STDOUT for an active id", hex("0106000100000000"), "FCGI_UNEXPECTED_RECORD"],
    ["END_REQUEST for an active id", hex("0103000100080000 0000000000000000"), "FCGI_UNEXPECTED_RECORD"],
    ["an unknown type for an active id", hex("0163000100000000"), "FCGI_UNEXPECTED_RECORD"],
    ["malformed GET_VALUES", hex("0109000000020000 0505"), "FCGI_BAD_BODY"],
    ["HTTP", bytesOf("GET / HTTP/1.1\r\n\r\n"), "FCGI_BAD_VERSION"],
  ])("%s: %3$s, and it stays broken", (_what, bytes, code) => {
    for (const size of [1, bytes.length]) {
      const connection = opened();
      expect(codeOf(() => feed(connection, ...pieces(bytes, size)))).toBe(code);
      expect(codeOf(() => connection.receive(stdin(1)))).toBe(code);
      expect(codeOf(() => connection.end())).toBe(code);
      expect(connection.abandon()).toEqual([{ type: "abort", requestId: 1 }]);
    }
  });

  test("a request begun in the chunk that breaks the connection is owed nothing", () => {
    const connection = new ApplicationConnection();
    const chunk = concat([begin(1), paramsEnd(1), begin(1)]);
    expect(codeOf(() => connection.receive(chunk))).toBe("FCGI_UNEXPECTED_RECORD");
    expect(connection.abandon()).toEqual([]);
    expect(connection.active).toBe(0);
  });
});

describe("what is ignored", () => {
  test("records for ids that are not active, a leftover empty STDIN before BEGIN_REQUEST among them", () => {
    const connection = new ApplicationConnection();
    const junk = [stdin(1), stdin(1, "x"), data(1), encodeAbortRequest(1), paramsEnd(1), hex("0163000100000000")];
    expect(feed(connection, ...junk, begin(1), paramsEnd(1))).toMatchObject([{ type: "request" }]);
    expect(connection.takeOutput()).toEqual([]);
  });

  test("padding, on an empty record too", () => {
    const connection = new ApplicationConnection();
    const bytes = concat([begin(1), hex("0104000100000800 0000000000000000 0105000100000100 ff"), stdin(2)]);
    for (const size of [1, bytes.length]) {
      const types = feed(new ApplicationConnection(), ...pieces(bytes, size)).map((event) => event.type);
      expect(types).toEqual(["request", "stdin-end"]);
    }
    expect(connection.active).toBe(0);
  });

  test("input of an aborted request, and a second abort", () => {
    const connection = opened();
    expect(feed(connection, encodeAbortRequest(1), stdin(1, "x"), stdin(1), encodeAbortRequest(1))).toEqual([
      { type: "abort", requestId: 1 },
    ]);
    connection.writeStdout(1, bytesOf("dropped"));
    expect(connection.takeOutput()).toEqual([]);
    expect(codeOf(() => connection.receive(begin(1)))).toBe("FCGI_UNEXPECTED_RECORD");
  });

  test("input after the application has ended the request, even when the id comes again", () => {
    const connection = opened();
    connection.endRequest(1, 0);
    expect(feed(connection, stdin(1, "rest"), stdin(1), begin(1), paramsEnd(1))).toMatchObject([{ type: "request" }]);
  });
});

describe("calls of the application", () => {
  test("for a request that is not open are refused", () => {
    const connection = new ApplicationConnection();
    feed(connection, begin(1));
    for (const id of [1, 2]) {
      expect(codeOf(() => connection.writeStdout(id, bytesOf("x")))).toBe("FCGI_INVALID_CALL");
      expect(codeOf(() => connection.writeStderr(id, bytesOf("x")))).toBe("FCGI_INVALID_CALL");
      expect(codeOf(() => connection.endRequest(id, 0))).toBe("FCGI_INVALID_CALL");
    }
  });

  test("with a status that is no unsigned 32-bit number leave the request open", () => {
    const connection = opened();
    expect(codeOf(() => connection.endRequest(1, -1))).toBe("FCGI_INVALID_CALL");
    connection.endRequest(1, 0);
    expect(codeOf(() => connection.endRequest(1, 0))).toBe("FCGI_INVALID_CALL");
  });

  test("only STDOUT, STDERR and END_REQUEST go out for a request, and no empty records: nginx takes no others", () => {
    const connection = opened();
    connection.writeStdout(1, new Uint8Array(0));
    connection.writeStdout(1, bytesOf("Content-type: text/plain\r\n\r\n"));
    connection.writeStderr(1, bytesOf("note"));
    connection.endRequest(1, 0);
    expect(records(connection.takeOutput()).map((record) => record.type)).toEqual(["stdout", "stderr", "end-request"]);
  });

  test("may reuse a small buffer at once", () => {
    const connection = opened();
    const buffer = bytesOf("one");
    connection.writeStdout(1, buffer);
    buffer.fill(0);
    expect(records(connection.takeOutput())).toEqual([{ type: "stdout", requestId: 1, content: bytesOf("one") }]);
  });
});

describe("the end of the bytes", () => {
  test("aborts what can never be complete, and leaves what can still be answered", () => {
    const connection = opened();
    feed(connection, begin(2), paramsEnd(2), stdin(2), begin(3));
    expect(connection.end()).toEqual([{ type: "abort", requestId: 1 }]);
    expect(connection.active).toBe(2);
    connection.writeStdout(2, bytesOf("still wanted"));
    connection.endRequest(2, 0);
    expect(records(connection.takeOutput())).toHaveLength(2);
  });

  test("inside a record is an error", () => {
    const connection = opened();
    connection.receive(stdin(1, "xyz").subarray(0, 9));
    expect(codeOf(() => connection.end())).toBe("FCGI_UNEXPECTED_END");
    expect(connection.abandon()).toEqual([{ type: "abort", requestId: 1 }]);
  });
});
