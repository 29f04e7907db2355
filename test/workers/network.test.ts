// The network from scripts in real workerd, where the platform's sockets reach this machine.

import { writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createTcp, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { BlackHole, listen } from "../php/network-servers.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const SCRIPT = `<?php $w = []; set_error_handler(function ($n, $m) use (&$w) { $w[] = $m; return true; });
function curl(string $url, array $options = []): array { $c = curl_init($url); curl_setopt_array($c, $options + [CURLOPT_RETURNTRANSFER => true]); return [curl_exec($c), curl_errno($c)]; }
$t = hrtime(true); $v = eval(file_get_contents('php://input'));
echo json_encode(['value' => $v, 'warnings' => $w, 'ms' => (int) ((hrtime(true) - $t) / 1e6)]);`;

describe("the network from PHP at the edge", () => {
  const site = makeScratch("edge-network");
  const servers: Server[] = [];
  let workers: RunningWorkers;
  let web: number;
  let lines: number;

  beforeAll(async () => {
    writeFileSync(join(site.path, "eval.php"), SCRIPT);
    const server = createHttp(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      if (request.url === "/moved") return void response.writeHead(302, { Location: "/there" }).end();
      if (request.url === "/slow") return void setTimeout(() => response.end("late"), 3000).unref();
      return void response.end(`${request.method} ${request.url} ${body}`);
    });
    web = await listen(server);
    const line = createTcp((socket) => {
      socket.on("error", () => {});
      socket.on("data", (data) => {
        // As much of Redis's protocol as a PING is.
        const text = String(data);
        if (text === "*1\r\n$4\r\nPING\r\n") socket.write("+PONG\r\n");
        else socket.write(data);
      });
    });
    lines = await listen(line);
    servers.push(server, line);
    workers = await startWorkers({ root: site.path, php: "8.2", pool: { maxChildren: 1 } });
  }, 60_000);
  afterAll(async () => {
    for (const server of servers) server.close();
    await workers?.stop();
    site.remove();
  });

  async function run(code: string): Promise<{ value: unknown; warnings: readonly string[]; ms: number }> {
    const answer = await http(workers.baseUrl, { method: "POST", path: "/eval.php", body: code });
    try {
      return JSON.parse(answer.text());
    } catch {
      throw new Error(`${answer.status} ${answer.text()} ${workers.log()}`);
    }
  }

  test("http by streams and curl", async () => {
    const got = await run(`$post = stream_context_create(['http' => ['method' => 'POST', 'content' => 'body']]);
      return [file_get_contents('http://127.0.0.1:${web}/a'), file_get_contents('http://localhost:${web}/p', false, $post), file_get_contents('http://127.0.0.1:${web}/moved'),
        curl('http://127.0.0.1:${web}/c', [CURLOPT_POSTFIELDS => 'a=1'])[0]];`);
    expect(got.value).toEqual(["GET /a ", "POST /p body", "GET /there ", "POST /c a=1"]);
  });

  test("a protocol over a TCP socket", async () => {
    const got = await run(
      `$s = fsockopen('127.0.0.1', ${lines}, $e, $m, 2); fwrite($s, "*1\\r\\n\\$4\\r\\nPING\\r\\n"); $pong = fgets($s);
      $b = str_repeat(random_bytes(1000), 500); fwrite($s, $b); $r = ''; while (strlen($r) < strlen($b)) $r .= fread($s, 65536); return [$pong, $r === $b];`,
    );
    expect(got.value).toEqual(["+PONG\r\n", true]);
  });

  test("a refused connection and a name that does not exist fail at once; a silent server by its timeout", async () => {
    const closed = createTcp();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const refused = await run(
      `return [@file_get_contents('http://127.0.0.1:${port}/'), @fsockopen('127.0.0.1', ${port}, $e, $m), $m, curl('http://127.0.0.1:${port}/')[1], curl('http://127.0.0.1:${port}/')[1]];`,
    );
    expect(refused.value).toEqual([false, false, "Connection refused", 7, 7]);
    // A connection waits ten seconds where nobody answers.
    expect(refused.ms).toBeLessThan(5000);
    const unknown = await run(
      "return [file_get_contents('http://nowhere.invalid/'), @fsockopen('nowhere.invalid', 80), curl('http://nowhere.invalid/')[1], gethostbyname('nowhere.invalid')];",
    );
    expect(unknown.value).toEqual([false, false, 6, "nowhere.invalid"]);
    expect(unknown.warnings[0]).toContain("getaddrinfo for nowhere.invalid failed");
    expect(unknown.ms).toBeLessThan(5000);
    const slow = await run(
      `ini_set('default_socket_timeout', '1'); return [file_get_contents('http://127.0.0.1:${web}/slow'), curl('http://127.0.0.1:${web}/slow', [CURLOPT_TIMEOUT => 1, CURLOPT_NOSIGNAL => true])[1]];`,
    );
    expect(slow.value).toEqual([false, 28]);
    expect(slow.ms).toBeLessThan(6000);
  }, 30_000);

  test("of many refused connections none is waited for", async () => {
    const many = `$slowest = 0; for ($i = 0; $i < 50; $i++) { $s = hrtime(true); $c = curl('http://127.0.0.1:1/', [CURLOPT_TIMEOUT => 5, CURLOPT_CONNECTTIMEOUT => 5])[1];
      if ($c !== 7) return $c; $slowest = max($slowest, (hrtime(true) - $s) / 1e6); } return (int) $slowest;`;
    for (let page = 0; page < 10; page++) expect((await run(many)).value).toBeLessThan(2000);
  }, 60_000);

  test("what never answers a handshake ends by PHP's timeout", async () => {
    using hole = await BlackHole.open();
    if (hole === undefined) throw new Error("this system answers handshakes beyond a full queue");
    const got = await run(
      `return [@fsockopen('127.0.0.1', ${hole.port}, $e, $m, 0.5), curl('http://127.0.0.1:${hole.port}/', [CURLOPT_CONNECTTIMEOUT => 1, CURLOPT_NOSIGNAL => true])[1]];`,
    );
    expect(got.value).toEqual([false, 28]);
    expect(got.ms).toBeLessThan(6000);
  }, 30_000);

  test("there is no database extension but SQLite's", async () => {
    const got = await run(
      "return array_map('extension_loaded', ['mysqli', 'pdo_mysql', 'pgsql', 'pdo_pgsql', 'pdo_sqlite']);",
    );
    expect(got.value).toEqual([false, false, false, false, true]);
  });
});
