// The network from scripts, on Node: streams, curl and mysqli against servers of this machine; and what cannot be reached
// fails at once, or when its timeout says.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttp, type IncomingMessage } from "node:http";
import { createServer as createTcp, type Server } from "node:net";
import { createServer as createTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TcpSocket } from "../../src/platform/node/tcp-socket.ts";
import { type Answer, Fixture } from "./fixture.ts";
import { BlackHole, listen } from "./network-servers.ts";

/** Gives warnings as a list beside the value. */
const EVALUATE = `function evaluate(callable $f): string { $w = []; set_error_handler(function ($n, $m) use (&$w) { $w[] = $m; return true; });
  $t = hrtime(true); try { $v = $f(); } catch (Throwable $e) { $v = get_class($e) . ': ' . $e->getMessage(); }
  return json_encode(['value' => $v, 'warnings' => $w, 'ms' => (int) ((hrtime(true) - $t) / 1e6)], JSON_INVALID_UTF8_SUBSTITUTE); }
  function curl(string $url, array $options = []): array { $c = curl_init($url); curl_setopt_array($c, $options + [CURLOPT_RETURNTRANSFER => true]);
    $b = curl_exec($c); return [$b, curl_errno($c), curl_error($c), curl_getinfo($c, CURLINFO_HTTP_CODE)]; }
  function mysql(string $host, int $port, int $timeout = 0): array { mysqli_report(MYSQLI_REPORT_OFF); $m = mysqli_init();
    if ($timeout) $m->options(MYSQLI_OPT_CONNECT_TIMEOUT, $timeout); $m->real_connect($host, 'u', 'p', 'd', $port); return [$m->connect_errno, $m->connect_error]; }`;

interface Result {
  readonly value: unknown;
  readonly warnings: readonly string[];
  readonly ms: number;
}

async function evaluate(php: Fixture, code: string): Promise<Result> {
  const answer: Answer = await php.php(`${EVALUATE} echo evaluate(function () { ${code} });`);
  try {
    return JSON.parse(answer.body) as Result;
  } catch {
    throw new Error(`${answer.body} ${answer.log.join("\n")}`);
  }
}

describe("the network from PHP", () => {
  let php: Fixture;
  let http: number;
  let https: number;
  let echo: number;
  const servers: Server[] = [];
  let certificate: string;

  const answer = async (request: IncomingMessage): Promise<string> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    return JSON.stringify([request.method, request.url, request.headers["x-a"] ?? null, body]);
  };

  beforeAll(async () => {
    php = await Fixture.boot({ php: "8.2", network: true });
    const web = createHttp(async (request, response) => {
      if (request.url?.startsWith("/moved") === true) return response.writeHead(302, { Location: "/there" }).end();
      if (request.url === "/slow") return void setTimeout(() => response.end("late"), 3000).unref();
      if (request.url === "/missing") response.statusCode = 404;
      return response.end(await answer(request));
    });
    http = await listen(web);
    const line = createTcp((socket) => {
      socket.on("error", () => {});
      socket.on("data", (data) => socket.write(String(data).startsWith("PING") ? "+PONG\r\n" : data));
    });
    echo = await listen(line);
    // A key and a certificate of PHP's own making.
    const openssl = "[req]\ndistinguished_name=d\n[d]\n[v3]\nsubjectAltName=DNS:localhost\nbasicConstraints=CA:TRUE\n";
    const settings = php.scratch.write("openssl.cnf", openssl);
    const made = await php.php(`
      $o = ['config' => '${settings}', 'digest_alg' => 'sha256', 'x509_extensions' => 'v3', 'private_key_bits' => 2048];
      $k = openssl_pkey_new($o);
      $c = openssl_csr_sign(openssl_csr_new(['commonName' => 'localhost'], $k, $o), null, $k, 2, $o);
      openssl_x509_export($c, $pem); openssl_pkey_export($k, $key, null, $o); echo json_encode([$pem, $key]);`);
    if (made.log.length > 0) throw new Error(made.log.join("\n"));
    const [cert, key] = JSON.parse(made.body) as [string, string];
    certificate = php.scratch.write("ca.pem", cert);
    const secure = createTls({ cert, key }, (socket) => {
      socket.on("error", () => {});
      socket.once("data", (data) => {
        if (!String(data).startsWith("GET")) return void socket.end(`secret ${String(data)}`);
        return void socket.end("HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
      });
    });
    https = await listen(secure);
    servers.push(web, line, secure);
  });
  afterAll(() => {
    for (const server of servers) server.close();
    php[Symbol.dispose]();
  });

  test("http:// streams: GET, POST with headers, redirects, error statuses", async () => {
    const got = await evaluate(
      php,
      `$post = stream_context_create(['http' => ['method' => 'POST', 'header' => "X-A: 1\\r\\nContent-Type: text/plain", 'content' => 'body']]);
       return [file_get_contents('http://127.0.0.1:${http}/a?b=1'), file_get_contents('http://localhost:${http}/post', false, $post), file_get_contents('http://127.0.0.1:${http}/moved'),
         @file_get_contents('http://127.0.0.1:${http}/missing'), $http_response_header[0]];`,
    );
    expect(got.value).toEqual([
      '["GET","/a?b=1",null,""]',
      '["POST","/post","1","body"]',
      '["GET","/there",null,""]',
      false,
      "HTTP/1.1 404 Not Found",
    ]);
  });

  test("https:// with an authority of one's own; one that is not known is refused", async () => {
    const got = await evaluate(
      php,
      `$own = stream_context_create(['ssl' => ['cafile' => '${certificate}']]);
       return [file_get_contents('https://localhost:${https}/', false, $own), @file_get_contents('https://localhost:${https}/'),
         curl('https://localhost:${https}/', [CURLOPT_CAINFO => '${certificate}'])[0], curl('https://localhost:${https}/')[1]];`,
    );
    expect(got.value).toEqual(["secret", false, "secret", 60]);
  });

  test("TCP and TLS sockets, a protocol of lines", async () => {
    const got = await evaluate(
      php,
      `$s = fsockopen('127.0.0.1', ${echo}, $e, $m, 2); fwrite($s, "PING\\r\\n"); $pong = fgets($s);
       $t = stream_socket_client('tls://localhost:${https}', $e, $m, 2, STREAM_CLIENT_CONNECT, stream_context_create(['ssl' => ['cafile' => '${certificate}']])); fwrite($t, 'hello');
       $b = str_repeat(random_bytes(1000), 1000); fwrite($s, $b); $r = ''; while (strlen($r) < strlen($b)) $r .= fread($s, 65536);
       return [$pong, stream_get_contents($t), md5($r) === md5($b)];`,
    );
    expect(got.value).toEqual(["+PONG\r\n", "secret hello", true]);
  });

  test("curl: methods, redirects, several at once, a proxy that is not there", async () => {
    const got = await evaluate(
      php,
      `$multi = curl_multi_init(); $all = []; for ($i = 0; $i < 5; $i++) { $c = curl_init("http://127.0.0.1:${http}/m$i"); curl_setopt($c, CURLOPT_RETURNTRANSFER, true); curl_multi_add_handle($multi, $c); $all[] = $c; }
       do { curl_multi_exec($multi, $running); if ($running) curl_multi_select($multi, 1); } while ($running);
       return [curl('http://127.0.0.1:${http}/p', [CURLOPT_POSTFIELDS => 'a=1'])[0], curl('http://127.0.0.1:${http}/moved', [CURLOPT_FOLLOWLOCATION => true])[0],
         array_map(fn($c) => json_decode(curl_multi_getcontent($c))[1], $all), curl('http://127.0.0.1:${http}/', [CURLOPT_PROXY => 'http://127.0.0.1:1'])[1]];`,
    );
    expect(got.value).toEqual([
      '["POST","/p",null,"a=1"]',
      '["GET","/there",null,""]',
      ["/m0", "/m1", "/m2", "/m3", "/m4"],
      7,
    ]);
  });

  test("a server that sends more than the script reads must wait, and nothing is lost", async () => {
    const total = 128 * 1024 * 1024;
    let atWakeUp = 0;
    let sent = (): number => 0;
    const flood = createTcp((socket) => {
      socket.on("error", () => {});
      sent = () => socket.bytesWritten - socket.writableLength;
      const piece = Buffer.alloc(1024 * 1024, "edge-fpm");
      let left = total;
      const more = () => {
        while (left > 0) {
          left -= piece.length;
          if (!socket.write(piece)) return void socket.once("drain", more);
        }
        socket.end();
      };
      more();
    });
    const port = await listen(flood);
    servers.push(flood);
    const woken = createHttp((_request, response) => {
      atWakeUp = sent();
      response.end();
    });
    const wakePort = await listen(woken);
    servers.push(woken);
    const got = await evaluate(
      php,
      `$s = fsockopen('127.0.0.1', ${port}); usleep(1500000); file_get_contents('http://127.0.0.1:${wakePort}/');
       $h = hash_init('sha256'); $n = 0; while (!feof($s)) { $d = fread($s, 65536); $n += strlen($d); hash_update($h, $d); }
       return [$n, hash_final($h)];`,
    );
    const whole = createHash("sha256");
    for (let i = 0; i < total / 8; i += 128 * 1024) whole.update("edge-fpm".repeat(128 * 1024));
    expect(got.value).toEqual([total, whole.digest("hex")]);
    // What the kernel takes, and our window.
    expect(atWakeUp).toBeGreaterThan(0);
    expect(atWakeUp).toBeLessThan(total / 2);
  }, 60_000);

  test("a script that sends far more than the peer reads loses the connection, not the memory", async () => {
    const idle = createTcp((socket) => {
      socket.on("error", () => {});
      socket.pause();
    });
    const port = await listen(idle);
    servers.push(idle);
    const usual = TcpSocket.mostUnsent;
    TcpSocket.mostUnsent = 16 * 1024 * 1024;
    const got = await evaluate(
      php,
      `$s = fsockopen('127.0.0.1', ${port}); $n = 0; $d = str_repeat('x', 1 << 20);
       for ($i = 0; $i < 200; $i++) { $w = @fwrite($s, $d); if ($w === false) break; $n += $w; usleep(1000); } return $n >> 20;`,
    );
    TcpSocket.mostUnsent = usual;
    expect(got.value).toBeGreaterThanOrEqual(8);
    expect(got.value).toBeLessThan(100);
  }, 60_000);

  test("a connection that the script closes is closed, whatever has not been read of it or by its peer", async () => {
    let closed = 0;
    const got = [0, 0, 0, 0];
    const server = createTcp((socket) => {
      socket.on("error", () => {});
      socket.on("close", () => {
        closed += 1;
      });
      // The first sends more than is read; the others read what is sent soon, and too late.
      socket.once("data", (chunk) => {
        const what = Number(chunk.subarray(0, 1));
        if (what === 1) return void socket.write(Buffer.alloc(20_000_000));
        const count = (more: Buffer) => {
          got[what] = (got[what] ?? 0) + more.length;
        };
        count(chunk);
        socket.pause();
        socket.on("data", count);
        setTimeout(() => socket.resume(), what === 2 ? 200 : 2500);
      });
    });
    const port = await listen(server);
    servers.push(server);
    const usual = TcpSocket.lingerTimeout;
    TcpSocket.lingerTimeout = 1000;
    const opened = await evaluate(
      php,
      `foreach ([1, 2, 3] as $n) { $s = fsockopen('127.0.0.1', ${port}); fwrite($s, $n . ($n === 1 ? '' : str_repeat('x', 20000000)));
         if ($n === 1) fread($s, 10); usleep(300000); fclose($s); } return true;`,
    );
    expect(opened.value).toBe(true);
    await expect.poll(() => closed, { timeout: 10_000 }).toBe(3);
    expect(got[2]).toBe(20_000_001);
    expect(got[3]).toBeLessThan(20_000_001);
    TcpSocket.lingerTimeout = usual;
  }, 60_000);

  test("a server that is silent is given up when the timeout says", async () => {
    const streams = await evaluate(
      php,
      `ini_set('default_socket_timeout', '1'); return file_get_contents('http://127.0.0.1:${http}/slow');`,
    );
    expect(streams.value).toBe(false);
    expect(streams.ms).toBeGreaterThan(900);
    expect(streams.ms).toBeLessThan(2900);
    const curl = await evaluate(
      php,
      `return curl('http://127.0.0.1:${http}/slow', [CURLOPT_TIMEOUT => 1, CURLOPT_NOSIGNAL => true])[1];`,
    );
    expect(curl.value).toBe(28);
    expect(curl.ms).toBeLessThan(2900);
  });

  test("a refused connection and a name that does not exist fail at once, in streams, curl and mysqli", async () => {
    const closed = createTcp();
    const port = await listen(closed);
    closed.close();
    await once(closed, "close");
    const refused = await evaluate(
      php,
      `return [@file_get_contents('http://127.0.0.1:${port}/'), @fsockopen('127.0.0.1', ${port}, $e, $m), $m, curl('http://127.0.0.1:${port}/')[1], mysql('127.0.0.1', ${port})];`,
    );
    expect(refused.value).toEqual([false, false, "Connection refused", 7, [2002, "Connection refused"]]);
    expect(refused.ms).toBeLessThan(1000);
    const unknown = await evaluate(
      php,
      `return [file_get_contents('http://nowhere.invalid/'), @fsockopen('nowhere.invalid', 80, $e, $m), curl('http://nowhere.invalid/')[1], mysql('nowhere.invalid', 3306)[0], gethostbyname('nowhere.invalid'), gethostbynamel('nowhere.invalid'), gethostbyname('localhost')];`,
    );
    expect(unknown.value).toEqual([false, false, 6, 2002, "nowhere.invalid", false, "127.0.0.1"]);
    expect(unknown.warnings[0]).toContain("getaddrinfo for nowhere.invalid failed");
    expect(unknown.ms).toBeLessThan(1000);
  });

  test("what never answers a handshake ends by PHP's timeout, and by ours where PHP would wait for minutes", async () => {
    using hole = await BlackHole.open();
    if (hole === undefined) throw new Error("this system answers handshakes beyond a full queue");
    const { port } = hole;
    const short = await evaluate(
      php,
      `return [@fsockopen('127.0.0.1', ${port}, $e, $m, 0.5), $m, curl('http://127.0.0.1:${port}/', [CURLOPT_CONNECTTIMEOUT => 1, CURLOPT_NOSIGNAL => true])[1], mysql('127.0.0.1', ${port}, 1)[0]];`,
    );
    expect(short.value).toEqual([false, expect.stringMatching(/timed out/i), 28, 2002]);
    expect(short.ms).toBeLessThan(6000);
    // curl's own limit is 5 minutes, default_socket_timeout a minute; ours is 10 seconds, and shorter here.
    const usual = TcpSocket.connectTimeout;
    expect(usual).toBe(10_000);
    TcpSocket.connectTimeout = 2000;
    const long = await evaluate(php, `return [curl('http://127.0.0.1:${port}/')[1]];`);
    expect(long.value).toEqual([7]);
    TcpSocket.connectTimeout = usual;
    expect(long.ms).toBeLessThan(9000);
  }, 40_000);
});

test("without a network every attempt fails within moments and says why", async () => {
  using php = await Fixture.boot({ php: "8.2", network: false });
  const attempts: readonly (readonly [code: string, value: unknown, warning?: RegExp])[] = [
    ["file_get_contents('http://127.0.0.1:80/')", false, /Network unreachable/],
    ["file_get_contents('https://example.org/')", false, /getaddrinfo for example.org failed/],
    ["fsockopen('127.0.0.1', 80)", false, /Network unreachable/],
    ["stream_socket_client('tcp://example.org:25')", false, /getaddrinfo for example.org failed/],
    ["curl('http://127.0.0.1/')[1]", 7],
    ["curl('https://example.org/')[1]", 6],
    ["mysql('127.0.0.1', 3306)", [2002, "Network unreachable"], /Network unreachable/],
    ["gethostbyname('example.org')", "example.org"],
  ];
  for (const [code, value, warning] of attempts) {
    const got = await evaluate(php, `return ${code};`);
    expect(got.value, code).toEqual(value);
    expect(got.ms, code).toBeLessThan(500);
    if (warning !== undefined) expect(got.warnings.join("; "), code).toMatch(warning);
  }
});
