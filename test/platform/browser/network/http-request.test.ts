import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  RequestError,
  type RequestEvent,
  RequestParser,
} from "../../../../src/platform/browser/network/http-request.ts";

const LIMITS = { head: 200, body: 50 };

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

/** Feeds the pieces, each as a part of a larger buffer; events as short lines. */
function parse(pieces: readonly string[], limits = LIMITS): string[] {
  const parser = new RequestParser(limits);
  const lines: string[] = [];
  try {
    for (const piece of pieces) {
      lines.push(...parser.feed(bytesOf(`<<${piece}>>`).subarray(2, 2 + piece.length)).map(show));
    }
    if (!parser.idle) lines.push("more");
  } catch (error) {
    lines.push(error instanceof RequestError ? `${error.status}: ${error.message}` : String(error));
  }
  return lines;
}

function show(event: RequestEvent): string {
  if (event.type === "continue") return "continue";
  const { method, target, minorVersion, headers, body, keepAlive } = event.request;
  const fields = headers.map(([name, value]) => `${name}=${value}`).join(",");
  return `${method} ${target} 1.${minorVersion} [${fields}] "${Buffer.from(body).toString("latin1")}" ${keepAlive ? "keep" : "close"}`;
}

const WELL_FORMED: readonly (readonly [what: string, text: string, events: readonly string[]])[] = [
  [
    "a GET as PHP writes it",
    "GET /a?b=\xe9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ['GET /a?b=\xe9 1.1 [Host=a,Connection=close] "" close'],
  ],
  ["HTTP/1.0, which is not kept", "GET / HTTP/1.0\r\n\r\n", ['GET / 1.0 [] "" close']],
  [
    "HTTP/1.0 that asks to be kept",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    ['GET / 1.0 [Connection=Keep-Alive] "" keep'],
  ],
  [
    "a body of a length, and the next request behind it",
    "POST /p HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\0\xffGET / HTTP/1.1\r\n\r\n",
    ['POST /p 1.1 [Content-Length=4] "\r\n\0\xff" keep', 'GET / 1.1 [] "" keep'],
  ],
  [
    "chunks with extensions and trailers",
    "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ['PUT / 1.1 [Transfer-Encoding=Chunked] "abc0123456789" keep', 'GET / 1.1 [] "" keep'],
  ],
  [
    "a client that waits before its body",
    "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok",
    ["continue", 'POST / 1.1 [Content-Length=2,Expect=100-continue] "ok" keep'],
  ],
  [
    "bare line ends, empty lines before, spaces around values",
    "\r\n\nGET / HTTP/1.1\nA: \t b \nB:\n\n",
    ['GET / 1.1 [A=b,B=] "" keep'],
  ],
];

const NO_HTTP = "400: PHP in a page reaches HTTP and HTTPS servers only";

const HOSTILE: readonly (readonly [what: string, text: string, said: string])[] = [
  ["Redis", "PING\r\n", NO_HTTP],
  ["Redis, as its clients write it", "*1\r\n$4\r\nPING\r\n", NO_HTTP],
  ["PostgreSQL", "\0\0\0\x08\x04\xd2\x16\x2f", NO_HTTP],
  ["a method that never ends", "A".repeat(40), NO_HTTP],
  ["HTTP/0.9", "GET /\r\n", NO_HTTP],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\n", "505: only HTTP/1.0 and HTTP/1.1 are spoken here"],
  ["a request for a proxy", "GET http://a/ HTTP/1.1\r\n\r\n", "400: the request asks for no path of a server"],
  ["a tunnel", "CONNECT a:443 HTTP/1.1\r\n\r\n", "400: the request asks for no path of a server"],
  ["a folded header", "GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n", "400: a header of the request is malformed"],
  ["a header without a colon", "GET / HTTP/1.1\r\nA\r\n\r\n", "400: a header of the request is malformed"],
  ["a space before the colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", "400: a header of the request is malformed"],
  ["a zero in a value", "GET / HTTP/1.1\r\nA: \0\r\n\r\n", "400: a header of the request is malformed"],
  [
    "a head that is too large",
    `GET / HTTP/1.1\r\nA: ${"x".repeat(200)}`,
    "431: the head of the request is larger than 200 bytes",
  ],
  [
    "a body that is too large",
    "POST / HTTP/1.1\r\nContent-Length: 51\r\n\r\n",
    "413: the body of the request is larger than 50 bytes",
  ],
  [
    "a length beyond numbers",
    `POST / HTTP/1.1\r\nContent-Length: ${"9".repeat(20)}\r\n\r\n`,
    "400: the length of the request is no number",
  ],
  ["a negative length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400: the length of the request is no number"],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "400: the length of the request is no number",
  ],
  [
    "a length and chunks",
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "400: the request tells its length in two ways",
  ],
  [
    "another coding",
    "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "501: the transfer coding gzip,chunked is unknown",
  ],
];

const CHUNKED = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
const HOSTILE_CHUNKS: readonly (readonly [what: string, text: string, said: string])[] = [
  ["no size", "\r\n", "400: the size of a chunk is no number"],
  ["a negative size", "-1\r\n", "400: the size of a chunk is no number"],
  ["a size beyond the limit", "33\r\n", "413: the body of the request is larger than 50 bytes"],
  [
    "sizes beyond it together",
    `20\r\n${"x".repeat(32)}\r\n20\r\n`,
    "413: the body of the request is larger than 50 bytes",
  ],
  ["a chunk longer than its size", "1\r\nab\r\n", "400: a chunk is longer than it said"],
  ["a line without an end", `1;${"x".repeat(2000)}`, "400: the line of a chunk is longer than 1024 bytes"],
  ["trailers without an end", `0\r\n${"A: b\r\n".repeat(40)}`, "431: the head of the request is larger than 200 bytes"],
];

describe("requests of HTTP/1", () => {
  describe.each(WELL_FORMED)("%s", (_what, text, events) => {
    test("whole, and byte by byte", () => {
      expect(parse([text])).toEqual(events);
      expect(parse([...text])).toEqual(events);
    });
    test("cut at every place", () => {
      for (let at = 0; at <= text.length; at++) {
        expect(parse([text.slice(0, at), text.slice(at)])).toEqual(events);
      }
    });
  });

  test.each([...HOSTILE, ...HOSTILE_CHUNKS.map(([what, text, said]) => [what, CHUNKED + text, said] as const)])(
    "refuses %s, however it comes",
    (_what, text, said) => {
      expect(parse([text]).at(-1)).toBe(said);
      expect(parse([...text]).at(-1)).toBe(said);
    },
  );

  test("takes nothing after what it refused", () => {
    const parser = new RequestParser();
    expect(() => parser.feed(bytesOf("PING\r\n"))).toThrow("HTTP and HTTPS");
    expect(() => parser.feed(bytesOf("GET / HTTP/1.1\r\n\r\n"))).toThrow("broken");
  });

  test("gives the same for any bytes in any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary-ascii", maxLength: 40 }), { maxLength: 6 }), (pieces) => {
        const whole = parse([pieces.join("")]);
        expect(parse(pieces)).toEqual(whole);
      }),
    );
  });

  test("holds a body of many chunks of one byte", () => {
    const [line = ""] = parse([CHUNKED, "1\r\nx\r\n".repeat(50), "0\r\n\r\n"]);
    expect(line).toContain(`"${"x".repeat(50)}"`);
  });
});
