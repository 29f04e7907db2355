import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CgiHead, CgiHeadParser } from "../../src/cgi/index.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (chunk: Uint8Array) => String.fromCharCode(...chunk);

/** Feeds chunks; returns head and everything behind it. */
function parse(chunks: Iterable<Uint8Array>, limit?: number): { head: CgiHead; body: string } {
  const parser = new CgiHeadParser(limit);
  let body: string | undefined;
  for (const chunk of chunks) {
    if (body !== undefined) body += text(chunk);
    else {
      const rest = parser.push(chunk);
      if (rest !== undefined) body = text(rest);
      // What the parser keeps is its own: the caller may use the chunk again.
      if (rest === undefined) chunk.fill(0x58);
    }
  }
  parser.end();
  if (parser.head === undefined || body === undefined) throw new Error("no head");
  return { head: parser.head, body };
}

const whole = (output: string, limit?: number) => parse([bytes(output)], limit);

/** Output, and what it means. Each is read whole, byte by byte and cut at every place. */
const GOOD: [name: string, output: string, head: Partial<CgiHead>, body: string][] = [
  [
    "a page of php-fpm",
    "X-Powered-By: PHP/8.2\r\nContent-type: text/html; charset=UTF-8\r\n\r\n<p>hi</p>",
    {
      status: 200,
      headers: [
        ["X-Powered-By", "PHP/8.2"],
        ["Content-type", "text/html; charset=UTF-8"],
      ],
    },
    "<p>hi</p>",
  ],
  ["line feeds alone", "A: 1\nB: 2\n\nbody\n\n", { status: 200 }, "body\n\n"],
  ["mixed line ends", "A: 1\r\nB: 2\n\r\nbody", { status: 200 }, "body"],
  ["no body", "A: 1\r\n\r\n", { status: 200 }, ""],
  ["a status with a reason", "Status: 404 Not Found\r\n\r\nx", { status: 404, reason: "Not Found", headers: [] }, "x"],
  ["a status in lower case, alone", "status:201\n\n", { status: 201, headers: [] }, ""],
  [
    "many cookies, in order",
    "Set-Cookie: a=1; path=/\r\nSet-Cookie: b=2\r\nset-cookie: c=x:y=z\r\n\r\n",
    {
      headers: [
        ["Set-Cookie", "a=1; path=/"],
        ["Set-Cookie", "b=2"],
        ["set-cookie", "c=x:y=z"],
      ],
    },
    "",
  ],
  ["a value with colons", "X: a:b: c\n\n", { headers: [["X", "a:b: c"]] }, ""],
  [
    "an empty value",
    "X:\nY: \t \n\n",
    {
      headers: [
        ["X", ""],
        ["Y", ""],
      ],
    },
    "",
  ],
  ["bytes above 127", "X: \u00e9\u00ff\n\n\u00ff", { headers: [["X", "\u00e9\u00ff"]] }, "\u00ff"],
  ["a redirect to another place", "Location: https://example.test/\r\n\r\n", { status: 302 }, ""],
  ["a redirect to another host, without scheme", "Location: //example.test/\r\n\r\n", { status: 302 }, ""],
  ["a redirect with a status", "Status: 301 Moved\nLocation: /x\n\n", { status: 301 }, ""],
  ["a local redirect", "Location: /x?y=1\n\n", { status: 302, localRedirect: "/x?y=1" }, ""],
  ["a body that looks like headers", "A: 1\n\nB: 2\n\n", { headers: [["A", "1"]] }, "B: 2\n\n"],
];

const BAD: [name: string, output: string, code: string][] = [
  ["nothing", "", "CGI_NO_HEADER"],
  ["a body only", "hello world", "CGI_NO_HEADER"],
  ["a blank line first", "\nhello", "CGI_NO_HEADER"],
  ["a blank line first, with CR", "\r\nhello", "CGI_NO_HEADER"],
  ["headers that never end", "A: 1\r\nB: 2\r\n", "CGI_NO_HEADER"],
  ["a line without colon", "hello\n\n", "CGI_BAD_HEADER"],
  ["a status line of HTTP", "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", "CGI_BAD_HEADER"],
  ["a space in a name", "A B: 1\n\n", "CGI_BAD_HEADER"],
  ["a space before the colon", "A : 1\n\n", "CGI_BAD_HEADER"],
  ["a folded header", "A: 1\n B: 2\n\n", "CGI_BAD_HEADER"],
  ["a header folded with a tab", "A: 1\n\tB\n\n", "CGI_BAD_HEADER"],
  ["an empty name", ": 1\n\n", "CGI_BAD_HEADER"],
  ["a NUL in a name", "A\0: 1\n\n", "CGI_BAD_HEADER"],
  ["a NUL in a value", "A: 1\0\n\n", "CGI_BAD_HEADER"],
  ["a carriage return in a value", "A: 1\rSet-Cookie: evil\n\n", "CGI_BAD_HEADER"],
  ["a carriage return in a name", "A\r: 1\n\n", "CGI_BAD_HEADER"],
  ["an escape character", "A: \x1b[0m\n\n", "CGI_BAD_HEADER"],
  ["a status that is no number", "Status: OK\n\n", "CGI_BAD_STATUS"],
  ["an empty status", "Status:\n\n", "CGI_BAD_STATUS"],
  ["a status below 200", "Status: 100 Continue\n\n", "CGI_BAD_STATUS"],
  ["a status above 599", "Status: 999\n\n", "CGI_BAD_STATUS"],
  ["a status of four digits", "Status: 2000\n\n", "CGI_BAD_STATUS"],
  ["two statuses", "Status: 200\nStatus: 500\n\n", "CGI_BAD_STATUS"],
];

describe("CgiHeadParser", () => {
  for (const [name, output, head, body] of GOOD) {
    test(`reads ${name}: whole, byte by byte, cut anywhere`, () => {
      const result = whole(output);
      expect(result.body).toBe(body);
      expect(result.head).toMatchObject(head);
      if (head.localRedirect === undefined) expect(result.head).not.toHaveProperty("localRedirect");

      expect(parse([...output].map(bytes))).toEqual(result);
      for (let cut = 0; cut <= output.length; cut++) {
        expect(parse([bytes(output.slice(0, cut)), bytes(output.slice(cut))])).toEqual(result);
      }
    });
  }

  for (const [name, output, code] of BAD) {
    test(`refuses ${name}: whole, byte by byte, cut anywhere`, () => {
      const error = expect.objectContaining({ name: "CgiError", code });
      expect(() => whole(output)).toThrow(error);
      expect(() => parse([...output].map(bytes))).toThrow(error);
      for (let cut = 0; cut <= output.length; cut++) {
        expect(() => parse([bytes(output.slice(0, cut)), bytes(output.slice(cut))])).toThrow(error);
      }
    });
  }

  test("means the same however the output is cut", () => {
    const outcome = (chunks: Uint8Array[]) => {
      try {
        return parse(chunks, 200);
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    const piece = fc.constantFrom("A: 1", "Status: 404 x", "Location: /x", "\r\n", "\n", "\r", ":", " ", "b", "\0");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(80), { maxLength: 5 }), (pieces, cuts) => {
        const output = pieces.join("");
        const places = [0, ...cuts.filter((cut) => cut <= output.length).sort((a, b) => a - b), output.length];
        const chunks = places.slice(1).map((end, i) => bytes(output.slice(places[i], end)));
        expect(outcome(chunks)).toEqual(outcome([bytes(output)]));
      }),
      { numRuns: 3000 },
    );
  });

  test("honours the offset of a subarray", () => {
    const pool = bytes("\n\nA: 1\n\nbody");
    const parser = new CgiHeadParser();
    expect(text(parser.push(pool.subarray(2)) ?? bytes("none"))).toBe("body");
  });

  test("returns a view of the chunk, without copying the body", () => {
    const chunk = bytes("A: 1\n\nbody");
    expect(new CgiHeadParser().push(chunk)?.buffer).toBe(chunk.buffer);
  });

  describe("limit of the header block", () => {
    const block = `A: ${"x".repeat(93)}\r\n\r\n`;
    const limit = expect.objectContaining({ code: "CGI_HEADER_LIMIT" });

    test("a block of exactly the limit passes, one byte less does not", () => {
      expect(block.length).toBe(100);
      expect(whole(`${block}body`, 100).body).toBe("body");
      expect(parse([...`${block}body`].map(bytes), 100).body).toBe("body");
      expect(() => whole(`${block}body`, 99)).toThrow(limit);
      expect(() => parse([...`${block}body`].map(bytes), 99)).toThrow(limit);
    });

    test("endless output without a blank line is refused at the limit, not kept", () => {
      const parser = new CgiHeadParser(1000);
      const feed = () => {
        for (let i = 0; i < 100; i++) parser.push(bytes("x".repeat(64)));
      };
      expect(feed).toThrow(limit);
      expect(() => new CgiHeadParser(1000).push(new Uint8Array(10_000_000))).toThrow(limit);
    });

    test("a large body in the chunk that ends the header block is no header", () => {
      const parser = new CgiHeadParser(1000);
      parser.push(bytes("A: 1\r\n"));
      const body = parser.push(bytes(`\r\n${"x".repeat(100_000)}`));
      expect(body?.length).toBe(100_000);
    });

    test("thousands of tiny headers are refused", () => {
      expect(() => whole(`${"a:\n".repeat(5000)}\n`)).toThrow(limit);
    });
  });
});
