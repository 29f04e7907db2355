// Requests that two servers in a row could read differently. Each is followed by a second request on the same connection:
// whoever answers that one as well has taken it for something it may not be.

import { describe, expect, test } from "vitest";
import { describePeers } from "../../peers/peer.ts";
import { raw } from "./raw.ts";
import { useServers } from "./servers.ts";
import { makeSecretSite } from "./site.ts";

const servers = useServers(makeSecretSite);

const NEXT = "GET /plain.txt?smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const post = (headers: string, body = "", version = "1.1") =>
  `POST /show.php HTTP/${version}\r\nHost: a\r\n${headers}\r\n${body}`;
const get = (headers: string, target = "/show.php") => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;
const chunked = (body: string, coding = "chunked") => post(`Transfer-Encoding: ${coding}\r\n`, body);
const CHUNKS = "3\r\nabc\r\n0\r\n\r\n";

/** Name, bytes, and what nginx 1.22 says; where that is no refusal, ours is stricter on purpose. */
type Case = readonly [name: string, bytes: string, nginx: number];

const REFUSED: readonly Case[] = [
  ["a length beside chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
  ["chunked beside a length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400],
  ["the same length twice", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400],
  ["two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400],
  ["a list of lengths", post("Content-Length: 3, 3\r\n", "abc"), 400],
  ["a length with a plus", post("Content-Length: +3\r\n", "abc"), 400],
  ["a length with a minus", post("Content-Length: -3\r\n", "abc"), 400],
  ["a length in hexadecimal", post("Content-Length: 0x3\r\n", "abc"), 400],
  ["a length with a space inside", post("Content-Length: 3 3\r\n", "abc"), 400],
  ["a length behind a vertical tab", post("Content-Length: \x0b3\r\n", "abc"), 400],
  ["no length in the header", post("Content-Length:\r\n", "abc"), 400],
  ["a length with a fraction", post("Content-Length: 3.0\r\n", "abc"), 400],
  ["a length with an exponent", post("Content-Length: 1e1\r\n", "abc"), 400],
  ["a length above 64 bits", post("Content-Length: 18446744073709551619\r\n", "abc"), 400],

  ["xchunked", chunked(CHUNKS, "xchunked"), 501],
  ["chunked behind a vertical tab", chunked(CHUNKS, "\x0bchunked"), 501],
  ["chunked, identity", chunked(CHUNKS, "chunked, identity"), 501],
  ["identity", chunked("", "identity"), 501],
  ["identity beside a length", post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", "abc"), 501],
  ["gzip, chunked", chunked(CHUNKS, "gzip, chunked"), 501],
  ["chunked, chunked", chunked(CHUNKS, "chunked, chunked"), 501],
  [", chunked", chunked(CHUNKS, ", chunked"), 501],
  ["chunked in quotes", chunked(CHUNKS, '"chunked"'), 501],
  ["chunked with a parameter", chunked(CHUNKS, "chunked;q=1"), 501],
  ["an empty coding", chunked(CHUNKS, ""), 501],
  ["an empty coding beside a length", post("Transfer-Encoding:\r\nContent-Length: 3\r\n", "abc"), 501],
  ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKS), 400],
  ["identity, then chunked", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", CHUNKS), 400],
  ["chunked, then something", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", CHUNKS), 400],
  ["chunked with a NUL", chunked(CHUNKS, "chunked\0"), 400],
  ["chunked in HTTP/1.0", post("Transfer-Encoding: chunked\r\n", CHUNKS, "1.0"), 400],
  [
    "chunked in HTTP/1.0 on a kept connection",
    post("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", CHUNKS, "1.0"),
    400,
  ],
  ["chunked on a folded line", post("Transfer-Encoding:\r\n chunked\r\n", CHUNKS), 400],

  ["a folded header", get("Host: a\r\nX: a\r\n b\r\n"), 400],
  ["a first header that is folded", get(" Host: a\r\nX: b\r\n"), 400],
  ["line feeds alone", "GET /show.php HTTP/1.1\nHost: a\n\n", 200],
  ["a line feed alone behind the request line", "GET /show.php HTTP/1.1\nHost: a\r\n\r\n", 200],
  ["a line feed alone behind a header", get("Host: a\nX: 1\r\n"), 200],
  ["a line feed alone at the end", "GET /show.php HTTP/1.1\r\nHost: a\r\n\n", 200],
  ["a carriage return alone between headers", get("Host: a\rX: 1\r\n"), 400],
  ["a carriage return alone in a value", get("Host: a\r\nX: 1\r2\r\n"), 400],
  ["two carriage returns", get("Host: a\r\r\n"), 200],
  ["a NUL in a value", get("Host: a\r\nX: 1\x002\r\n"), 400],
  ["a NUL in a name", get("Host: a\r\nX\0: 1\r\n"), 400],
  ["a control character in a value", get("Host: a\r\nX: 1\x012\r\n"), 200],
  ["a space before the colon", get("Host: a\r\nX : 1\r\n"), 400],
  ["a space before a length's colon", post("Content-Length : 3\r\n", "abc"), 400],
  ["a tab before the colon", get("Host: a\r\nX\t: 1\r\n"), 400],
  ["a space in a name", get("Host: a\r\nX Y: 1\r\n"), 400],
  ["a parenthesis in a name", get("Host: a\r\nX(: 1\r\n"), 200],
  ["a byte above 127 in a name", get("Host: a\r\nX\xe9: 1\r\n"), 200],
  ["no name", get("Host: a\r\n: 1\r\n"), 400],
  ["no colon", get("Host: a\r\nXabc\r\n"), 200],

  ["a chunk that ends in a line feed alone", chunked("3\r\nabc\n0\r\n\r\n"), 200],
  ["a size that ends in a line feed alone", chunked("3\nabc\r\n0\r\n\r\n"), 200],
  ["an extension that ends in a line feed alone", chunked("3;a\nabc\r\n0\r\n\r\n"), 200],
  ["a carriage return in an extension", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400],
  ["bytes behind a chunk", chunked("3\r\nabcXX\r\n0\r\n\r\n"), 400],
  ["a chunk longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400],
  ["a space behind a size", chunked("3 \r\nabc\r\n0\r\n\r\n"), 200],
  ["a space before a size", chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400],
  ["a size with 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400],
  ["a size with a plus", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400],
  ["a size above 64 bits", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), 400],
  ["a length among the trailers", chunked("3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"), 200],
  ["a malformed trailer", chunked("3\r\nabc\r\n0\r\nX Y: 5\r\n\r\n"), 200],

  ["a tab in the request line", "GET\t/show.php\tHTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a space behind the version", "GET /show.php HTTP/1.1 \r\nHost: a\r\n\r\n", 200],
  ["a small version", "GET /show.php http/1.1\r\nHost: a\r\n\r\n", 400],
  ["HTTP/1.2", "GET /show.php HTTP/1.2\r\nHost: a\r\n\r\n", 200],
  ["HTTP/1.10", "GET /show.php HTTP/1.10\r\nHost: a\r\n\r\n", 200],
  ["HTTP/1,1", "GET /show.php HTTP/1,1\r\nHost: a\r\n\r\n", 400],
  ["a method that is no token", "G@T /show.php HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a small method", "get /show.php HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a method that nobody knows", "FOO /show.php HTTP/1.1\r\nHost: a\r\n\r\n", 200],
  ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["TLS on a plain port", "\x16\x03\x01\x02\0\x01\0\r\n\r\n", 400],
  ["a control character in the target", get("Host: a\r\n", "/show.php\x01"), 400],
  ["a byte above 127 in the target", get("Host: a\r\n", "/show.php?\xe9"), 200],
  ["another scheme", get("Host: a\r\n", "ftp://a/show.php"), 200],
  ["an absolute target of another host", get("Host: a\r\n", "http://b/show.php"), 200],
  ["an absolute target with a user", get("Host: a\r\n", "http://u@a/show.php"), 400],
  ["an absolute target and no Host", get("", "http://a/show.php"), 400],
  ["a target that is no path", get("Host: a\r\n", "show.php"), 400],

  ["no Host", get("X: 1\r\n"), 400],
  ["an empty Host", get("Host:\r\n"), 400],
  ["two Hosts", get("Host: a\r\nHost: b\r\n"), 400],
  ["the same Host twice", get("Host: a\r\nHost: a\r\n"), 400],
  ["a Host with a path", get("Host: a/b\r\n"), 400],
  ["a Host with a space", get("Host: a b\r\n"), 400],
  ["a list of Hosts", get("Host: a, b\r\n"), 400],
  ["a Host with a user", get("Host: a@b\r\n"), 200],
  ["a Host with a quote", get('Host: a"><script>\r\n'), 200],
  ["a Host with a port that is none", get("Host: a:99999\r\n"), 200],
  ["a Host with a port in letters", get("Host: a:80x\r\n"), 200],
  ["a Host of dots", get("Host: ..\r\n"), 400],
  ["a Host with a percent sign", get("Host: a%00\r\n"), 200],
  ["a Host with a byte above 127", get("Host: a\xe9\r\n"), 200],
];

describe("refused with 400 and the end of the connection", () => {
  test.each(REFUSED)("%s", async (_name, bytes) => {
    const answer = await raw(servers.port, bytes + NEXT);
    expect(answer.statuses, answer.text).toEqual([400]);
    expect(answer.closed).toBe(true);
    expect(answer.text).toMatch(/\r\nConnection: close\r\n/i);
    expect(answer.text).not.toContain("plain");
  });

  test.each([
    ["an HTTP/0.9 request", "GET /show.php\r\n\r\n", 505],
    ["HTTP/2.0", "GET /show.php HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405],
  ])("%s has a status of its own", async (_name, bytes, status) => {
    const answer = await raw(servers.port, bytes + NEXT);
    expect(answer.statuses).toEqual([status]);
    expect(answer.closed).toBe(true);
  });

  test("a refused request is not followed by the ones that came with it", async () => {
    const answer = await raw(servers.port, get("Host: a b\r\n") + NEXT + NEXT + NEXT);
    expect(answer.statuses).toEqual([400]);
  });

  test.each([
    ["by us", get("Host: a b\r\n")],
    ["by the parser", get("Host: a\r\nX Y: 1\r\n")],
    ["because of its body", chunked("zz\r\n")],
  ])("the ones before one that is refused %s are answered first", async (_name, bad) => {
    for (const first of ["/plain.txt", "/show.php"]) {
      const good = `GET ${first} HTTP/1.1\r\nHost: a\r\n\r\n`;
      const answer = await raw(servers.port, good + good + bad + NEXT);
      expect(answer.statuses, first).toEqual([200, 200, 400]);
      expect(answer.closed).toBe(true);
    }
  });

  test("garbage behind the last request of a connection does not take the place of its answer", async () => {
    for (const garbage of ["\0\0\0", "GET / HTTP/1.1\r\nX Y: 1\r\n\r\n", NEXT]) {
      const answer = await raw(servers.port, post("Connection: close\r\nContent-Length: 3\r\n", "abc") + garbage);
      expect([answer.statuses, answer.closed]).toEqual([[200], true]);
    }
  });

  test("a malformed body is 400 though the connection would end anyway", async () => {
    const answer = await raw(servers.port, post("Connection: close\r\nTransfer-Encoding: chunked\r\n", "zz\r\n"));
    expect([answer.statuses, answer.closed]).toEqual([[400], true]);
  });

  test("what follows Connection: close is nobody's", async () => {
    for (const head of [
      post("Connection: close\r\nContent-Length: 3\r\n", "abc"),
      `POST /show.php HTTP/1.1\r\nConnection: close\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
      "GET /plain.txt HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
      "GET /plain.txt HTTP/1.0\r\n\r\n",
    ]) {
      const answer = await raw(servers.port, head + NEXT);
      expect([answer.statuses, answer.closed], head).toEqual([[200], true]);
    }
  });

  test("a body that nobody asked for is not the next request", async () => {
    const inner = "GET /plain.txt?inner HTTP/1.1\r\nHost: a\r\n\r\n";
    const answer = await raw(
      servers.port,
      `GET /plain.txt HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}${NEXT}`,
    );
    expect(answer.statuses).toEqual([200, 200]);
  });

  test("what follows an upgrade that is not granted is nobody's", async () => {
    for (const upgrade of ["websocket", "h2c", "TLS/1.0"]) {
      const head = post(`Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\nContent-Length: 3\r\n`);
      for (const pieces of [[`${head}abc${NEXT}`], [`${head}abcGET /pl`, "ain.txt HTTP/1.1\r\nHost: a\r\n\r\n"]]) {
        const answer = await raw(servers.port, ...pieces);
        expect(answer.statuses, upgrade).toEqual([200]);
        expect(answer.text).toContain('"body":"abc"');
        expect(answer.closed).toBe(true);
      }
    }
  });

  test("a chunk that never ends is body for as long as bodies are taken", async () => {
    const answer = await raw(servers.port, chunked(`ffffffffffffffff\r\n${NEXT}`), NEXT);
    expect(answer.statuses).toEqual([]);
  });
});

describe("taken, as nginx takes it", () => {
  test.each([
    ["a plain length", post("Content-Length: 3\r\n", "abc")],
    ["spaces around a length", post("Content-Length:   3  \r\n", "abc")],
    ["leading zeros of a length", post("Content-Length: 0003\r\n", "abc")],
    ["chunked in capitals", chunked(CHUNKS, "CHUNKED")],
    ["spaces around chunked", chunked(CHUNKS, "  chunked  ")],
    ["an extension of a chunk", chunked('3;a=b;c="d"\r\nabc\r\n0\r\n\r\n')],
    ["leading zeros of a size", chunked("00000003\r\nabc\r\n0\r\n\r\n")],
    ["an empty line before the request", `\r\n${post("Content-Length: 3\r\n", "abc")}`],
    ["an absolute target of the same host", post("Content-Length: 3\r\n", "abc").replace("/show", "http://A/show")],
  ])("%s", async (_name, bytes) => {
    for (const port of [servers.port, servers.nginxPort]) {
      if (port === 0) continue;
      const answer = await raw(port, bytes + NEXT);
      expect(answer.statuses, answer.text).toEqual([200, 200]);
      expect(answer.text).toContain('"body":"abc"');
    }
  });

  test("names with an underscore cannot pass for framing, nor for what a proxy vouches for", async () => {
    const answer = await raw(
      servers.port,
      post("Content_Length: 3\r\nTransfer_Encoding: chunked\r\nX_Forwarded_For: 6.6.6.6\r\nConnection: close\r\n"),
    );
    expect(answer.statuses).toEqual([200]);
    expect(answer.text).not.toMatch(/6\.6\.6\.6|HTTP_TRANSFER_ENCODING|HTTP_CONTENT_LENGTH/);
  });

  test("trailers are not headers", async () => {
    const answer = await raw(
      servers.port,
      post(
        "Transfer-Encoding: chunked\r\nTrailer: X-Role\r\nConnection: close\r\n",
        "3\r\nabc\r\n0\r\nX-Role: admin\r\n\r\n",
      ),
    );
    expect(answer.statuses).toEqual([200]);
    expect(answer.text).not.toContain("admin");
  });

  test("a request may come byte by byte", async () => {
    const bytes = post("Transfer-Encoding: chunked\r\nConnection: close\r\n", CHUNKS);
    const answer = await raw(servers.port, ...bytes);
    expect(answer.statuses).toEqual([200]);
    expect(answer.text).toContain('"body":"abc"');
  });
});

describePeers(["nginx", "php-fpm8.2"], "nginx, asked the same", () => {
  test.each(REFUSED)("%s", async (_name, bytes, status) => {
    const [seen] = (await raw(servers.nginxPort, bytes + NEXT)).statuses;
    // A body that ends in the wrong place makes PHP wait, and nginx too: that is its answer.
    expect(seen).toBe(status);
  });
});

describe("Expect: 100-continue", () => {
  test("without a body leaves nothing unanswered on a connection that stays open", async () => {
    const answer = await raw(servers.port, post("Expect: 100-continue\r\n") + NEXT);
    expect([answer.statuses, answer.closed]).toEqual([[100, 200], true]);
    const later = await raw(servers.port, post("Expect: 100-continue\r\n"), NEXT);
    expect(later.statuses).toEqual([100, 200, 200]);
  });

  test("with a body that is wanted is granted, and the next request is one", async () => {
    const answer = await raw(servers.port, `${post("Expect: 100-continue\r\nContent-Length: 3\r\n")}`, `abc${NEXT}`);
    expect(answer.statuses).toEqual([100, 200, 200]);
    expect(answer.text).toContain('"body":"abc"');
  });

  test("with a body that is not wanted: what follows may be it, and is nobody's request", async () => {
    const head = "POST /plain.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    const answer = await raw(servers.port, `${head}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}${NEXT}`);
    expect(answer.statuses).toEqual([405]);
    expect(answer.closed).toBe(true);
  });
});
