import { describe, expect, test } from "vitest";
import {
  concat,
  encodeEndRequest,
  encodeRecord,
  encodeStream,
  type FastCgiRecord,
  type Pair,
  RecordType,
} from "../../src/codec/index.ts";
import { WebServerConnection } from "../../src/connection/index.ts";
import { codeOf, hex, pieces } from "../codec/wire.ts";
import { bytesOf, records } from "./wired.ts";

const request = { role: "responder", keepConnection: true, params: [["A", "b"]] as Pair[] } as const;

/** A connection with one request begun and its STDIN ended. */
function waiting(): WebServerConnection {
  const connection = new WebServerConnection();
  connection.endStdin(connection.begin(request));
  connection.takeOutput();
  return connection;
}

function output(type: "stdout" | "stderr", requestId: number, text: string): Uint8Array {
  return encodeRecord({ type, requestId, content: bytesOf(text) } as FastCgiRecord);
}

const end = { type: "end", requestId: 1, applicationStatus: 0, protocolStatus: "request-complete" };

describe("what the web server sends", () => {
  test("a request that cannot be encoded leaves nothing behind, neither bytes nor a taken id", () => {
    const connection = new WebServerConnection();
    const before = connection.begin(request);
    const large: Pair = ["L", "x".repeat(40_000)];
    const params: Pair[] = [large, large, ["A", "\u20ac"]];
    expect(codeOf(() => connection.begin({ ...request, params }))).toBe("FCGI_INVALID_CALL");
    expect(codeOf(() => connection.begin({ ...request, params: [large, ["L", "x".repeat(70_000)]] }))).toBe(
      "FCGI_LIMIT",
    );
    const after = connection.begin({ ...request, params: [["AB", "c"]] });
    expect([before, after]).toEqual([1, 2]);
    expect(concat(connection.takeOutput())).toEqual(
      hex(`
        01 01 0001 0008 00 00  0001 01 0000000000
        01 04 0001 0004 04 00  01014162 00000000
        01 04 0001 0000 00 00
        01 01 0002 0008 00 00  0001 01 0000000000
        01 04 0002 0005 03 00  0201414263 000000
        01 04 0002 0000 00 00
      `),
    );
  });

  test("BEGIN_REQUEST, PARAMS, their end, STDIN and its end, without padding on empty records", () => {
    const connection = new WebServerConnection();
    const id = connection.begin({ ...request, keepConnection: false });
    connection.writeStdin(id, hex(""));
    connection.writeStdin(id, bytesOf("body"));
    connection.endStdin(id);
    expect(concat(connection.takeOutput())).toEqual(
      hex(`
        01 01 0001 0008 00 00  0001 00 0000000000
        01 04 0001 0004 04 00  01014162 00000000
        01 04 0001 0000 00 00
        01 05 0001 0004 04 00  626f6479 00000000
        01 05 0001 0000 00 00
      `),
    );
  });

  test("a request without params has only their end", () => {
    const connection = new WebServerConnection();
    connection.begin({ ...request, params: [] });
    expect(records(connection.takeOutput()).map((record) => record.type)).toEqual(["begin-request", "params"]);
  });

  test("large content goes out as it lies, in records of at most 65,528 bytes", () => {
    const connection = new WebServerConnection();
    const body = new Uint8Array(200_001).fill(7);
    const id = connection.begin(request);
    connection.writeStdin(id, body);
    const chunks = connection.takeOutput();
    // The rest of 3,417 bytes is small enough to be copied.
    const views = chunks.filter((chunk) => chunk.buffer === body.buffer);
    expect(views.map((chunk) => chunk.length)).toEqual([65528, 65528, 65528]);
    const parts = records(chunks).flatMap((record) => (record.type === "stdin" ? [record.content] : []));
    expect(concat(parts)).toEqual(body);
  });

  test("the lowest free id", () => {
    const connection = new WebServerConnection();
    expect([1, 2, 3].map(() => connection.begin(request))).toEqual([1, 2, 3]);
    connection.endStdin(2);
    connection.receive(encodeEndRequest(2, 0));
    expect([connection.begin(request), connection.begin(request)]).toEqual([2, 4]);
  });

  test("ids in turn when they are spread, and the lowest free one when all of those are taken", () => {
    const connection = new WebServerConnection({ spreadIds: 3 });
    const ids: number[] = [];
    for (let n = 0; n < 4; n++) {
      const id = connection.begin(request);
      ids.push(id);
      connection.endStdin(id);
      connection.receive(encodeEndRequest(id, 0));
    }
    expect(ids).toEqual([1, 2, 3, 1]);
    expect([1, 2, 3, 4, 5].map(() => connection.begin(request))).toEqual([2, 3, 1, 4, 5]);
  });

  test("at most 65,535 requests at a time", () => {
    const connection = new WebServerConnection();
    for (let i = 0; i < 65535; i++) connection.begin({ ...request, params: [] });
    expect(codeOf(() => connection.begin(request))).toBe("FCGI_INVALID_CALL");
    connection.endStdin(40000);
    connection.receive(encodeEndRequest(40000, 0));
    expect(connection.begin(request)).toBe(40000);
  });

  test("fewer requests at a time when so limited", () => {
    const connection = new WebServerConnection({ limits: { maxRequests: 1 } });
    connection.begin(request);
    expect(codeOf(() => connection.begin(request))).toBe("FCGI_INVALID_CALL");
  });

  test("nothing of a request whose params cannot be sent, and its id stays free", () => {
    const connection = new WebServerConnection();
    expect(codeOf(() => connection.begin({ ...request, params: [["A", "x".repeat(70_000)]] }))).toBe("FCGI_LIMIT");
    expect(codeOf(() => connection.begin({ ...request, params: [["A", "\u20ac"]] }))).toBe("FCGI_INVALID_CALL");
    expect(connection.takeOutput()).toEqual([]);
    expect([connection.active, connection.begin(request)]).toEqual([0, 1]);
  });

  test("calls that the state forbids are refused", () => {
    const connection = waiting();
    expect(codeOf(() => connection.writeStdin(1, bytesOf("x")))).toBe("FCGI_INVALID_CALL");
    expect(codeOf(() => connection.endStdin(1))).toBe("FCGI_INVALID_CALL");
    expect(codeOf(() => connection.writeData(1, bytesOf("x")))).toBe("FCGI_INVALID_CALL");
    expect(codeOf(() => connection.endData(1))).toBe("FCGI_INVALID_CALL");
    expect(codeOf(() => connection.writeStdin(2, bytesOf("x")))).toBe("FCGI_INVALID_CALL");
    expect(connection.takeOutput()).toEqual([]);
  });

  test("an abort of a request that is over does nothing", () => {
    const connection = waiting();
    connection.receive(encodeEndRequest(1, 0));
    connection.abort(1);
    connection.abort(9);
    expect(connection.takeOutput()).toEqual([]);
  });

  test("an abort after END_REQUEST frees the id without a word", () => {
    const connection = new WebServerConnection();
    const id = connection.begin(request);
    connection.takeOutput();
    connection.receive(encodeEndRequest(id, 0));
    connection.abort(id);
    expect(connection.takeOutput()).toEqual([]);
    expect(connection.begin(request)).toBe(id);
  });
});

describe("habits of applications", () => {
  test("php-fpm: STDERR, STDOUT, END_REQUEST with stale reserved bytes, no empty record", () => {
    const bytes = concat([
      output("stderr", 1, "PHP message"),
      output("stdout", 1, "Content-type: text/html\r\n\r\nhi"),
      hex("01 03 0001 0008 00 00  00000000 00 7f3a10"),
    ]);
    for (const size of [1, 5, bytes.length]) {
      const connection = waiting();
      const events = pieces(bytes, size).flatMap((piece) => [...connection.receive(piece)]);
      expect(events).toMatchObject([{ type: "stderr" }, { type: "stdout" }, end]);
      expect(connection.end()).toEqual([]);
    }
  });

  test("libfcgi: empty STDOUT and STDERR records before END_REQUEST", () => {
    const bytes = concat([output("stdout", 1, "x"), hex("0106000100000000 0107000100000000"), encodeEndRequest(1, 0)]);
    expect(waiting().receive(bytes)).toMatchObject([{ type: "stdout" }, end]);
  });

  test("60,000 bytes on STDERR come as chunks", () => {
    const connection = waiting();
    const events = encodeStream(RecordType.STDERR, 1, new Uint8Array(150_000)).flatMap((c) => [
      ...connection.receive(c),
    ]);
    const lengths = events.map((event) => (event.type === "stderr" ? event.content.length : 0));
    expect(lengths.reduce((a, b) => a + b)).toBe(150_000);
  });

  test("a protocol status other than complete, known or not, is passed on", () => {
    expect(waiting().receive(encodeEndRequest(1, 7, "overloaded"))).toEqual([
      { ...end, applicationStatus: 7, protocolStatus: "overloaded" },
    ]);
    expect(waiting().receive(encodeEndRequest(1, 0, 200))).toEqual([{ ...end, protocolStatus: 200 }]);
  });

  test("records after END_REQUEST are ignored", () => {
    const bytes = concat([encodeEndRequest(1, 0), output("stdout", 1, "late"), encodeEndRequest(1, 9)]);
    expect(waiting().receive(bytes)).toEqual([end]);
    // Also while our own side still has STDIN open.
    const connection = new WebServerConnection();
    connection.begin(request);
    expect(connection.receive(bytes)).toEqual([end]);
    expect(connection.active).toBe(0);
  });

  test("bytes of ids that are not open never reach anybody", () => {
    const connection = waiting();
    expect(
      connection.receive(concat([output("stdout", 2, "foreign"), encodeEndRequest(2, 0), hex("0163000200000000")])),
    ).toEqual([]);
    expect(connection.receive(concat([output("stdout", 0, "foreign"), hex("0103000000000000")]))).toEqual([]);
    expect(connection.active).toBe(1);
  });

  test("GET_VALUES_RESULT and UNKNOWN_TYPE at any time", () => {
    const connection = new WebServerConnection();
    expect(connection.receive(hex("010a000000040400 02006162 00000000"))).toEqual([
      { type: "values", values: [["ab", ""]] },
    ]);
    expect(connection.receive(hex("010b000000080000 6300000000000000"))).toEqual([
      { type: "unknown-type", unknownType: 99 },
    ]);
  });

  test("an end of the bytes with requests open tells which", () => {
    const connection = waiting();
    connection.begin(request);
    connection.begin(request);
    connection.receive(encodeEndRequest(2, 0));
    expect(connection.end()).toEqual([1, 3]);
  });
});

describe("what breaks the connection", () => {
  test.each([
    ["a short END_REQUEST", hex("0103000100040000 00000000"), "FCGI_BAD_BODY"],
    ["an empty END_REQUEST", hex("0103000100000000"), "FCGI_BAD_BODY"],
    ["a record that only web servers send", hex("0105000100000000"), "FCGI_UNEXPECTED_RECORD"],
    ["an unknown type for an open request", hex("0163000100000000"), "FCGI_UNEXPECTED_RECORD"],
    ["a malformed GET_VALUES_RESULT", hex("010a000000020000 0505"), "FCGI_BAD_BODY"],
    ["HTTP", bytesOf("HTTP/1.1 400 Bad Request\r\n\r\n"), "FCGI_BAD_VERSION"],
  ])("%s: %3$s, and it stays broken", (_what, bytes, code) => {
    for (const size of [1, bytes.length]) {
      const connection = waiting();
      expect(codeOf(() => pieces(bytes, size).map((piece) => connection.receive(piece)))).toBe(code);
      expect(codeOf(() => connection.receive(encodeEndRequest(1, 0)))).toBe(code);
      expect(codeOf(() => connection.end())).toBe(code);
    }
  });

  test("more values than the limit", () => {
    const connection = new WebServerConnection({ limits: { maxValues: 2 } });
    expect(connection.receive(hex("010a000000040000 00000000"))).toHaveLength(1);
    expect(codeOf(() => connection.receive(hex("010a000000060000 000000000000")))).toBe("FCGI_LIMIT");
  });

  test("an end inside a record", () => {
    const connection = waiting();
    connection.receive(output("stdout", 1, "cut").subarray(0, 10));
    expect(codeOf(() => connection.end())).toBe("FCGI_UNEXPECTED_END");
  });
});
