// The thirteen traps of PHP in WebAssembly, each seen to hang, leak or kill an interpreter, by number and name.

import { readdirSync, utimesSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Responder } from "../../src/php/responder.ts";
import { Fixture } from "./fixture.ts";

let php: Fixture;
beforeAll(async () => {
  php = await Fixture.boot();
});
afterAll(() => php[Symbol.dispose]());

/** Descriptors of this process: every file that PHP leaves open on disk is one of them. */
const openFiles = () => readdirSync("/proc/self/fd").length;

describe("traps of PHP in WebAssembly", () => {
  test("1: 3,500 requests leave no descriptor open and no memory behind", async () => {
    const script = php.scratch.write("count.php", "<?php echo $_GET['n']; fopen(__FILE__, 'r');");
    await php.run(script, { params: { QUERY_STRING: "n=warm" } });
    const memory = php.host.memory;
    const files = openFiles();
    for (let n = 0; n < 3500; n++) {
      const { body, exit } = await php.run(script, { params: { QUERY_STRING: `n=${n}` } });
      if (body !== String(n) || exit !== 0) expect.fail(`request ${n} answered ${JSON.stringify(body)}, exit ${exit}`);
    }
    expect(php.host.memory).toBe(memory);
    expect(Math.abs(openFiles() - files)).toBeLessThan(5);
    const { body } = await php.php(
      "$f = fopen('/internal/locks/probe', 'w'); echo (int) $f > 0 ? 'opened' : 'refused';",
    );
    expect(body).toBe("opened");
  });

  test("2: a request that comes while another one sleeps waits, and each gets its own bytes", async () => {
    const slow = php.scratch.write("slow.php", "<?php echo $_GET['n']; usleep(20000); echo $_GET['n'];");
    const answers = await Promise.all(
      ["a", "b", "c", "d", "e"].map((n) => php.run(slow, { params: { QUERY_STRING: `n=${n}` } })),
    );
    expect(answers.map(({ body }) => body)).toEqual(["aa", "bb", "cc", "dd", "ee"]);
  });

  test("3: opcache works under the SAPI name that php-fpm has", async () => {
    const path = php.scratch.write("cached.php", "<?php echo 'one';");
    utimesSync(path, 1e9, 1e9);
    expect((await php.run(path)).body).toBe("one");
    const status = await php.php(
      "$s = opcache_get_status(); echo PHP_SAPI, ' ', $s['opcache_enabled'] ? 'on' : 'off', ' ', isset($s['scripts'][$_GET['f']]) ? 'cached' : 'not cached';",
      { params: { QUERY_STRING: `f=${path}` } },
    );
    expect(status.body).toBe("fpm-fcgi on cached");
  });

  test("3: every edit shows at the next request, also two within one second", async () => {
    for (let n = 0; n < 20; n++) {
      const path = php.scratch.write("edited.php", `<?php echo ${n};`);
      expect((await php.run(path)).body).toBe(String(n));
    }
  });

  test("4: a visitor who leaves ends a script that prints, and the next request is unharmed", async () => {
    const controller = new AbortController();
    let printed = 0;
    const gone = await php.php(
      "register_shutdown_function(fn() => error_log('status ' . connection_status())); while (true) { echo str_repeat('x', 9000); }",
      {
        signal: controller.signal,
        onStdout: () => {
          if (++printed === 3) controller.abort();
        },
      },
    );
    expect(gone.chunks.length).toBe(3);
    expect(gone.log).toContain("status 1");
    expect((await php.php("echo 'fine';")).body).toBe("fine");
  });

  test("4: a script that ignores the abort goes on to its end", async () => {
    const controller = new AbortController();
    const { log, exit } = await php.php(
      "ignore_user_abort(true); for ($i = 0; $i < 50; $i++) echo str_repeat('x', 9000); error_log('done ' . connection_aborted());",
      { signal: controller.signal, onStdout: () => controller.abort() },
    );
    expect(log).toEqual(["done 1"]);
    expect(exit).toBe(0);
  });

  test("5: a missing script is answered and breaks nothing", async () => {
    const sent: string[] = [];
    const put = (chunk: Uint8Array) => void sent.push(Buffer.from(chunk).toString("latin1"));
    const none = { async *[Symbol.asyncIterator]() {} };
    await new Responder(php.host).respond({
      role: "responder",
      params: [["SCRIPT_FILENAME", `${php.scratch.root}/missing.php`]],
      stdin: none,
      signal: new AbortController().signal,
      stdout: put,
      stderr: put,
    });
    expect(sent.join("")).toContain("Status: 404 Not Found");
    expect(php.host.usable).toBe(true);
    expect((await php.php("echo 'fine';")).body).toBe("fine");
  });

  test.each([
    ["a fatal error", "header('X-Before: 1'); undefined_function();", 500, 255],
    ["an exception", "throw new Exception('nobody catches it');", 500, 255],
    ["exit(3)", "exit(3);", 200, 3],
    ["too much memory", "$a = str_repeat('x', 300 * 1024 * 1024);", 500, 255],
    ["a parse error", "this is not PHP", 500, 255],
    ["endless recursion in PHP", "function f() { return f() . f(); } f();", 500, 255],
  ])("6: %s is answered as php-fpm does and the interpreter lives on", async (_name, code, status, exit) => {
    const answer = await php.php(code);
    expect(answer.status).toBe(status);
    expect(answer.exit).toBe(exit);
    expect(answer.body).toBe("");
    if (exit === 255) expect(answer.log.join()).toMatch(/^PHP (Fatal|Parse) error: {2}/);
    expect((await php.php("echo 'fine';")).body).toBe("fine");
  });

  test("6: with display_errors a script that died after output keeps its status, as with php-fpm", async () => {
    const answer = await php.php("ini_set('display_errors', '1'); echo 'text'; undefined_function();");
    expect(answer.status).toBe(200);
    expect(answer.body).toContain("Fatal error");
  });

  test("6: an interpreter that broke is never used again", async () => {
    using broken = await Fixture.boot();
    // Recursion through native functions exhausts the engine's stack, which PHP cannot catch.
    const dying = broken.php(
      "ini_set('zend.max_allowed_stack_size', '-1'); function r() { array_map('r', [1]); } r();",
    );
    await expect(dying).rejects.toMatchObject({ code: "PHP_TRAP" });
    expect(broken.host.usable).toBe(false);
    await expect(broken.php("echo 1;")).rejects.toMatchObject({ code: "PHP_UNUSABLE" });
  });

  test("7: a connection that fails does not poison later scripts", async () => {
    using online = await Fixture.boot({ network: true });
    const port = await freePort();
    for (let i = 0; i < 3; i++) {
      const failed = await online.php(
        `var_dump(@fsockopen('127.0.0.1', ${port}, $no, $text, 2)); var_dump(@file_get_contents('http://127.0.0.1:${port}/'));`,
      );
      expect(failed.body).toBe("bool(false)\nbool(false)\n");
      expect((await online.php("echo 'fine';")).body).toBe("fine");
    }
  });

  test("8: memory_limit holds, so that one script cannot take hundreds of megabytes", async () => {
    const { body } = await php.php("echo ini_get('memory_limit');");
    expect(body).toBe("128M");
    const before = php.host.memory;
    const answer = await php.php("$a = []; while (true) { $a[] = str_repeat('y', 1024 * 1024); }");
    expect(answer.log.join()).toContain("Allowed memory size of 134217728 bytes exhausted");
    expect(php.host.memory - before).toBeLessThan(256 * 1024 * 1024);
  });

  test("9: without a network curl and fsockopen fail at once", async () => {
    const started = performance.now();
    const { body } = await php.php(`
      var_dump(@fsockopen('192.0.2.1', 80, $number, $text, 20));
      $c = curl_init('http://192.0.2.1/'); curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
      var_dump(curl_exec($c)); var_dump(@file_get_contents('http://192.0.2.1/'));`);
    expect(body).toBe("bool(false)\nbool(false)\nbool(false)\n");
    expect(performance.now() - started).toBeLessThan(5000);
    expect((await php.php("echo 'fine';")).body).toBe("fine");
  });

  test("10: exec, shell_exec, popen, system, passthru and proc_open fail at once", async () => {
    const started = performance.now();
    const { body } = await php.php(`
      exec('ls /', $lines, $code); echo json_encode([$lines, $code !== 0]), "\\n";
      echo json_encode((string) shell_exec('ls')), "\\n";
      $p = popen('ls', 'r'); echo json_encode($p ? (string) fgets($p) : ''), "\\n"; if ($p) pclose($p);
      echo json_encode((string) system('ls', $code)), "\\n";
      passthru('ls', $code); echo json_encode($code !== 0), "\\n";
      $p = proc_open('ls', [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
      echo is_resource($p) ? json_encode([stream_get_contents($pipes[1]), proc_close($p) !== 0]) : '["",true]';`);
    expect(body.split("\n")).toEqual(["[[],true]", '""', '""', '""', "true", '["",true]']);
    expect(performance.now() - started).toBeLessThan(8000);
    expect((await php.php("echo 'fine';")).body).toBe("fine");
  });

  test("10: a script that waits in stream_select() for the output of such a program is told of its end at once", async () => {
    const { body } = await php.php(`
      $p = proc_open('ls', [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
      foreach ($pipes as $pipe) stream_set_blocking($pipe, false);
      $began = microtime(true);
      for ($text = '', $open = [1 => $pipes[1], 2 => $pipes[2]]; $open !== [];) {
        $ready = $open; $none = null;
        stream_select($ready, $none, $none, null);
        foreach ($ready as $fd => $pipe) { $text .= fread($pipe, 100); if (feof($pipe)) unset($open[$fd]); }
      }
      echo json_encode([$text, proc_get_status($p)['running'], proc_close($p), microtime(true) - $began < 5]);`);
    expect(JSON.parse(body)).toEqual(["sh: 1: ls: not found\n", false, 127, true]);
  });

  test("11: a script runs in its own folder, whatever ran before", async () => {
    php.scratch.write("one/part.php", "<?php echo 'part of one';");
    php.scratch.write("two/part.php", "<?php echo 'part of two';");
    const one = php.scratch.write("one/index.php", "<?php include './part.php'; chdir('/');");
    const two = php.scratch.write("two/index.php", "<?php include './part.php';");
    expect((await php.run(one)).body).toBe("part of one");
    expect((await php.run(two)).body).toBe("part of two");
    expect((await php.run(one)).body).toBe("part of one");
  });

  test("12: mail() says false and waits for nothing", async () => {
    const { body } = await php.php("var_dump(@mail('a@example.com', 'subject', 'text'));");
    expect(body).toBe("bool(false)\n");
  });

  test("12: with a network a script reaches a server of its own machine, as a cron loopback does", async () => {
    using online = await Fixture.boot({ network: true });
    const server = await listen((socket) =>
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello from outside")),
    );
    try {
      const { body } = await online.php(`
        echo file_get_contents('http://127.0.0.1:${portOf(server)}/'), "|";
        $c = curl_init('http://localhost:${portOf(server)}/'); curl_setopt($c, CURLOPT_RETURNTRANSFER, true); echo curl_exec($c);`);
      expect(body).toBe("hello from outside|hello from outside");
    } finally {
      server.close();
    }
  });

  test("13: curl and openssl have certificate authorities to trust", async () => {
    const { body } = await php.php(`
      foreach (['curl.cainfo', 'openssl.cafile'] as $name) {
        echo substr_count(file_get_contents(ini_get($name)), 'BEGIN CERTIFICATE') > 50 ? 'many ' : 'none ';
      }`);
    expect(body).toBe("many many ");
  });
});

function listen(onConnection: (socket: import("node:net").Socket) => void): Promise<Server> {
  const server = createServer(onConnection);
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = await listen(() => {});
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
