// The network from PHP in a real page: streams and curl, http and https, against servers of this machine; and what a page
// cannot reach, which fails at once and says why.

import { createHash, randomBytes } from "node:crypto";
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { Server as TcpServer } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineOptions } from "../../playground/engine/index.ts";
import { Authority } from "../../src/platform/browser/network/tls/authority.ts";
import { describePeers } from "../peers/peer.ts";
import { listen } from "../php/network-servers.ts";
import { type Built, makeEngine, openBuilt, openEnginePage, type StaticHost } from "./chromium.ts";

const MEGABYTE = randomBytes(1024 * 1024);

/** Gives warnings beside the value, as JSON. */
const EVALUATE = `function evaluate(callable $f): string { $w = []; set_error_handler(function ($n, $m) use (&$w) { $w[] = $m; return true; });
  $t = hrtime(true); try { $v = $f(); } catch (Throwable $e) { $v = get_class($e) . ': ' . $e->getMessage(); }
  return json_encode(['value' => $v, 'warnings' => $w, 'ms' => (int) ((hrtime(true) - $t) / 1e6)], JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES); }
  function curl(string $url, array $options = []): array { $c = curl_init($url); curl_setopt_array($c, $options + [CURLOPT_RETURNTRANSFER => true]);
    $b = curl_exec($c); return [$b, curl_errno($c), curl_getinfo($c, CURLINFO_HTTP_CODE), curl_error($c)]; }`;

interface Result {
  readonly value: unknown;
  readonly warnings: readonly string[];
  readonly ms: number;
}

async function evaluateIn(page: Page, code: string): Promise<Result> {
  const source = `<?php ${EVALUATE} echo evaluate(function () { ${code} });`;
  const text = await page.evaluate(async (script) => {
    await globalThis.engine.files.change({ "/net.php": script });
    const response = await globalThis.engine.request({ url: "/net.php" });
    const text = await response.text();
    return text.startsWith("{") ? text : `${text} ${JSON.stringify(await response.end)}`;
  }, source);
  if (!text.startsWith("{")) throw new Error(text);
  return JSON.parse(text) as Result;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Access-Control-Allow-Headers", "*");
  response.setHeader("Access-Control-Allow-Methods", "*");
  response.setHeader("Access-Control-Expose-Headers", "*");
  if (request.method === "OPTIONS") return void response.end();
  if (request.url === "/moved") return void response.writeHead(302, { Location: "/there?a=1" }).end();
  if (request.url === "/slow") return void setTimeout(() => response.end("late"), 5000).unref();
  if (request.url === "/missing") response.statusCode = 404;
  if (request.url === "/megabyte") return void response.end(MEGABYTE);
  if (request.url === "/pieces") {
    for (const piece of ["one", "two", "three"]) {
      response.write(piece);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    return void response.end();
  }
  if (request.url === "/endless") return sendEndlessly(response);
  if (request.url === "/broken") {
    response.writeHead(200, { "Content-Length": "1000" }).write("half");
    return void setTimeout(() => response.destroy(), 100);
  }
  let body = "";
  for await (const chunk of request) body += String(chunk);
  response.setHeader("X-Method", request.method ?? "");
  const shown = body.length > 100 ? body.length : body;
  response.end(JSON.stringify([request.method, request.url, request.headers["x-a"] ?? null, shown]));
}

/** What "/endless" has sent, as far as somebody took it. */
const endless = { bytes: 0, closed: false };

function sendEndlessly(response: ServerResponse): void {
  const more = () => {
    for (let room = true; room && !response.destroyed; endless.bytes += MEGABYTE.length)
      room = response.write(MEGABYTE);
  };
  response.on("drain", more);
  response.on("close", () => {
    endless.closed = true;
  });
  more();
}

/** A certificate that nobody knows: Chromium is told not to mind. */
async function certificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { chain, key } = await (await Authority.create()).identity("localhost");
  const pem = (label: string, bytes: Uint8Array) =>
    `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString("base64")}\n-----END ${label}-----\n`;
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  return { key: pem("PRIVATE KEY", pkcs8), cert: chain.map((bytes) => pem("CERTIFICATE", bytes)).join("") };
}

describePeers(["chromium"], "the network from PHP in a page", () => {
  let host: StaticHost;
  let built: Built;
  let browser: Browser;
  let page: Page;
  let http: string;
  let https: string;
  let closedOff: string;
  const servers: (Server | TcpServer)[] = [];
  const seen: string[] = [];

  const evaluate = (code: string) => evaluateIn(page, code);

  beforeAll(async () => {
    built = await openBuilt(["--ignore-certificate-errors"]);
    ({ host, browser } = built);
    ({ page } = await openEnginePage(await browser.newContext(), host));
    await makeEngine(page, { pool: { pm: "static", maxChildren: 1 } });
    const plain = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      void answer(request, response);
    });
    const secure = createSecure(await certificate(), (request, response) => void answer(request, response));
    const private_ = createServer((_request, response) => response.end("private"));
    servers.push(plain, secure, private_);
    http = `http://127.0.0.1:${await listen(plain)}`;
    https = `https://localhost:${await listen(secure as unknown as TcpServer)}`;
    closedOff = `http://127.0.0.1:${await listen(private_)}`;
  }, 120_000);
  afterAll(async () => {
    await built?.close();
    for (const server of servers) server.close();
  });

  test("streams: GET, POST with headers, redirects, error statuses, a megabyte", async () => {
    const { value } = await evaluate(
      `$put = stream_context_create(['http' => ['method' => 'PUT', 'header' => "X-A: 1\\r\\nContent-Type: text/plain\\r\\nUser-Agent: x", 'content' => 'body']]);
       $stay = stream_context_create(['http' => ['follow_location' => 0]]);
       return [file_get_contents('${http}/a?b=1'), $http_response_header[0], file_get_contents('${http}/put', false, $put), file_get_contents('${http}/moved'),
         strlen(file_get_contents('${http}/moved', false, $stay)) > 0, preg_grep('/^location/i', $http_response_header),
         @file_get_contents('${http}/missing'), $http_response_header[0], md5(file_get_contents('${http}/megabyte')), file_get_contents('${http}/broken')];`,
    );
    expect(value).toEqual([
      '["GET","/a?b=1",null,""]',
      "HTTP/1.1 200 OK",
      '["PUT","/put","1","body"]',
      '["GET","/there?a=1",null,""]',
      true,
      { 1: `Location: ${http}/there?a=1` },
      false,
      "HTTP/1.1 404 Not Found",
      createHash("md5").update(MEGABYTE).digest("hex"),
      "half",
    ]);
  });

  test("a redirect costs the server no request more, though the script follows it itself", async () => {
    seen.length = 0;
    await evaluate(
      `return [file_get_contents('${http}/moved'), curl('${http}/moved', [CURLOPT_FOLLOWLOCATION => true])];`,
    );
    expect(seen).toEqual(["GET /moved", "GET /there?a=1", "GET /moved", "GET /there?a=1"]);
  });

  test("curl: methods, large bodies, redirects, HEAD, several at once, a connection that is kept, an answer that breaks off", async () => {
    const { value } = await evaluate(
      `$multi = curl_multi_init(); $all = []; for ($i = 0; $i < 5; $i++) { $c = curl_init("${http}/m$i"); curl_setopt($c, CURLOPT_RETURNTRANSFER, true); curl_multi_add_handle($multi, $c); $all[] = $c; }
       do { curl_multi_exec($multi, $running); if ($running) curl_multi_select($multi, 1); } while ($running);
       $c = curl_init(); curl_setopt($c, CURLOPT_RETURNTRANSFER, true); $kept = [];
       foreach (['/k1', '/k2'] as $path) { curl_setopt($c, CURLOPT_URL, "${http}$path"); $kept[] = json_decode(curl_exec($c))[1]; }
       [$moved, , $status] = curl('${http}/moved'); $r = curl('${http}/moved', [CURLOPT_FOLLOWLOCATION => true]);
       return [curl('${http}/p', [CURLOPT_POSTFIELDS => 'a=1'])[0], curl('${http}/p', [CURLOPT_POSTFIELDS => str_repeat('x', 3000000)])[0], $status, $r[0],
         curl('${http}/h', [CURLOPT_NOBODY => true])[2], array_map(fn($c) => json_decode(curl_multi_getcontent($c))[1], $all), $kept, curl('${http}/broken')[1]];`,
    );
    expect(value).toEqual([
      '["POST","/p",null,"a=1"]',
      '["POST","/p",null,3000000]',
      302,
      '["GET","/there?a=1",null,""]',
      200,
      ["/m0", "/m1", "/m2", "/m3", "/m4"],
      ["/k1", "/k2"],
      18,
    ]);
  });

  test("https, verified: streams and curl, by name and by address, with an application's own list of authorities", async () => {
    const own = `-----BEGIN CERTIFICATE-----\n${btoa("another authority")}\n-----END CERTIFICATE-----\n`;
    await page.evaluate((pem) => globalThis.engine.files.change({ "/own/ca-bundle.crt": pem }), own);
    const { value, warnings } = await evaluate(
      `$own = '/www/own/ca-bundle.crt'; $tls = fn($o) => stream_context_create(['ssl' => $o]); $at = '${https.replace("localhost", "127.0.0.1")}';
       $s = stream_socket_client('tls://localhost:1', $e, $m, 2); fwrite($s, "PING\\r\\n");
       return [file_get_contents('${https}/s'), file_get_contents("$at/a"), curl('${https}/c')[0], curl("$at/d")[0], curl('${https}/o', [CURLOPT_CAINFO => $own])[0],
         file_get_contents('${https}/t', false, $tls(['cafile' => $own, 'crypto_method' => STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT])), md5(file_get_contents('${https}/megabyte')),
         @file_get_contents('${https}/n', false, $tls(['peer_name' => 'another.example'])), file_get_contents($own) !== '', fgets($s)];`,
    );
    expect(value).toEqual([
      '["GET","/s",null,""]',
      '["GET","/a",null,""]',
      '["GET","/c",null,""]',
      '["GET","/d",null,""]',
      '["GET","/o",null,""]',
      '["GET","/t",null,""]',
      createHash("md5").update(MEGABYTE).digest("hex"),
      // The name that the script wants to see is the name that it sends.
      '["GET","/n",null,""]',
      true,
      "HTTP/1.1 400 PHP in a page reaches HTTP and HTTPS servers only\r\n",
    ]);
    expect(warnings).toEqual([]);
  });

  test("what the server does not let a page read, and what is not there, is said at once", async () => {
    const { value, warnings, ms } = await evaluate(
      `[$body, $error, $status] = curl('${closedOff}/'); [$gone, , $none] = curl('http://127.0.0.1:1/');
       return [file_get_contents('${closedOff}/'), $error, $status, $body, $none, $gone, file_get_contents('http://nowhere.invalid/'), curl('http://nowhere.invalid/')[1],
         gethostbyname('nowhere.invalid'), gethostbyname('localhost'), ip2long(gethostbyname('example.org')) >> 17 === ip2long('198.18.0.0') >> 17];`,
    );
    expect(value).toEqual([
      false,
      0,
      502,
      expect.stringContaining("Access-Control-Allow-*"),
      502,
      expect.stringContaining("The server cannot be reached"),
      false,
      6,
      "nowhere.invalid",
      "127.0.0.1",
      true,
    ]);
    expect(warnings[0]).toContain("HTTP/1.1 502 The server does not let this page read its answer (CORS)");
    expect(warnings[1]).toContain("getaddrinfo for nowhere.invalid failed");
    expect(ms).toBeLessThan(3000);
  });

  test("one read gives all that has come in pieces", async () => {
    const { value } = await evaluate(
      `$s = fsockopen('127.0.0.1', ${new URL(http).port}); fwrite($s, "GET /pieces HTTP/1.0\r\n\r\n"); usleep(600000); return fread($s, 8192);`,
    );
    expect(value).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\nonetwothree$/s);
  });

  test("another protocol than HTTP fails at once, and a server's greeting is not waited for", async () => {
    const { value, ms } = await evaluate(
      `$redis = fsockopen('127.0.0.1', 6379, $e, $m, 2); fwrite($redis, "PING\\r\\n");
       $smtp = @fsockopen('127.0.0.1', 25, $e, $m, 2); $silent = fsockopen('127.0.0.1', 9999, $e, $n, 2); stream_set_timeout($silent, 30);
       return [fgets($redis), $smtp, $m, fgets($silent)];`,
    );
    const said = "HTTP/1.1 400 PHP in a page reaches HTTP and HTTPS servers only\r\n";
    expect(value).toEqual([said, false, "Connection refused", said]);
    expect(ms).toBeLessThan(10_000);
  });

  test("a server that is silent is given up when the timeout says", async () => {
    const streams = await evaluate(`ini_set('default_socket_timeout', '1'); return file_get_contents('${http}/slow');`);
    expect(streams.value).toBe(false);
    expect(streams.ms).toBeLessThan(4000);
    const curl = await evaluate(`return curl('${http}/slow', [CURLOPT_TIMEOUT => 1, CURLOPT_NOSIGNAL => true])[1];`);
    expect(curl.value).toBe(28);
    expect(curl.ms).toBeLessThan(4000);
  });

  test("what a script does not read is not fetched without bound", async () => {
    const { value } = await evaluate(
      `$f = fopen('${http}/endless', 'r'); $n = 0; while ($n < 300000) $n += strlen(fread($f, 8192)); usleep(1500000); $n += strlen(fread($f, 8192)); fclose($f); return $n > 300000;`,
    );
    expect(value).toBe(true);
    await expect.poll(() => endless.closed, { timeout: 10_000 }).toBe(true);
    // Chromium holds 64 MB by itself; without an end to it, these seconds of a loopback bring several times that.
    expect(endless.bytes).toBeLessThan(128 * 1024 * 1024);
  });
});

/** Serves what another host of this machine serves, over TLS. */
async function secureFront(target: string): Promise<TcpServer> {
  const { port } = new URL(target);
  const front = createSecure(await certificate(), (request, response) => {
    forward({ port, path: request.url, host: "127.0.0.1" }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    }).end();
  });
  return front as unknown as TcpServer;
}

describePeers(["chromium"], "the network from PHP in a page from elsewhere", () => {
  let host: StaticHost;
  let built: Built;
  let browser: Browser;
  let front: TcpServer;
  let frontPort: number;
  let server: Server;
  let port: number;
  let secure: TcpServer;
  let securePort: number;

  beforeAll(async () => {
    built = await openBuilt(["--ignore-certificate-errors", "--host-resolver-rules=MAP *.example 127.0.0.1"]);
    ({ host, browser } = built);
    front = await secureFront(host.url);
    frontPort = await listen(front);
    server = createServer((request, response) => void answer(request, response));
    port = await listen(server);
    secure = createSecure(
      await certificate(),
      (request, response) => void answer(request, response),
    ) as unknown as TcpServer;
    securePort = await listen(secure);
  }, 120_000);
  afterAll(async () => {
    await built?.close();
    for (const one of [front, server, secure]) one?.close();
  });

  const run = async (origin: string, options: EngineOptions, code: string): Promise<Result> => {
    const url = `${origin}${new URL(host.url).pathname}`;
    const { page } = await openEnginePage(await browser.newContext({ ignoreHTTPSErrors: true }), { ...host, url });
    await makeEngine(page, { pool: { pm: "static", maxChildren: 1 }, ...options });
    const result = await evaluateIn(page, code);
    await page.context().close();
    return result;
  };

  test("over https: http is not loaded, but on its own port, as https, and of this machine", async () => {
    const { value } = await run(
      `https://page.example:${frontPort}`,
      {},
      `return [curl('http://plain.example:${port}/a')[0], curl('http://plain.example/b')[0], curl('http://127.0.0.1:${port}/c')[0], curl('https://plain.example:${securePort}/d')[0]];`,
    );
    expect(value).toEqual([
      expect.stringContaining("mixed content"),
      expect.stringContaining("https://plain.example does not answer"),
      '["GET","/c",null,""]',
      '["GET","/d",null,""]',
    ]);
  });

  test("over http: there is no https", async () => {
    const { value, warnings, ms } = await run(
      `http://page.example:${new URL(host.url).port}`,
      {},
      `return [file_get_contents('http://plain.example:${port}/a'), file_get_contents('https://plain.example:${securePort}/b')];`,
    );
    expect(value).toEqual(['["GET","/a",null,""]', false]);
    expect(warnings.length).toBeGreaterThan(0);
    expect(ms).toBeLessThan(5000);
  });

  test.each([
    ["without promise integration", { asyncMode: "asyncify" }],
    ["that wants none", { network: false }],
  ] as const)("%s: there is none, which is said at once", async (_what, options) => {
    const { value, ms } = await run(
      new URL(host.url).origin,
      options,
      `return [@file_get_contents('http://127.0.0.1:${port}/a'), @fsockopen('127.0.0.1', ${port}, $e, $m), $m, curl('http://127.0.0.1:${port}/')[1], curl('http://plain.example/')[1], gethostbyname('plain.example')];`,
    );
    expect(value).toEqual([false, false, expect.stringMatching(/unreachable/i), 7, 6, "plain.example"]);
    expect(ms).toBeLessThan(5000);
  });

  test("in another version of PHP", async () => {
    const { value } = await run(
      new URL(host.url).origin,
      { php: "8.2" },
      `return [file_get_contents('http://127.0.0.1:${port}/a'), curl('https://localhost:${securePort}/b')[0]];`,
    );
    expect(value).toEqual(['["GET","/a",null,""]', '["GET","/b",null,""]']);
  });
});
