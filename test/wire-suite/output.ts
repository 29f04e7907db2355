// What leaves a script, and when.

import { expect, test } from "vitest";
import type { Context } from "./suite.ts";

export function outputTests(context: Context): void {
  test("headers in their order, none for 200", async () => {
    const { head } = await context.target.php(
      "header('X-B: 2'); header('X-A: 1'); setcookie('a', 'b'); setcookie('c', 'd');",
    );
    const lines = head.split("\r\n").filter((line) => !line.startsWith("X-Powered-By"));
    expect(lines).toEqual([
      "X-B: 2",
      "X-A: 1",
      "Set-Cookie: a=b",
      "Set-Cookie: c=d",
      "Content-type: text/html; charset=UTF-8",
      "",
    ]);
  });

  test.each([
    ["http_response_code(404);", "404 Not Found"],
    ["header('HTTP/1.1 404 Gone fishing');", "404 Gone fishing"],
    ["header('HTTP/1.0 200 Fine');", undefined],
    ["header('Location: /x');", "302 Found"],
    ["header('Location: /x', true, 307);", "307 Temporary Redirect"],
    ["http_response_code(299);", "299"],
    ["header('Status: 410 Gone');", "410 Gone"],
  ])("%s is told as %s", async (code, status) => {
    expect((await context.target.php(code)).header("Status")).toBe(status);
  });

  test("headers_sent() after a flush, with the place of the first output", async () => {
    const { body } = await context.target.php(
      "echo headers_sent() ? 'early' : 'not yet', ';'; flush(); echo headers_sent($file, $line) ? basename($file) . $line : 'no';",
    );
    expect(body).toBe("not yet;script.php1");
  });

  test("what is flushed arrives while the script goes on", async () => {
    const times: number[] = [];
    await context.target.php("for ($i = 0; $i < 3; $i++) { echo $i; flush(); usleep(150000); }", {
      onStdout: () => times.push(performance.now()),
    });
    expect(times.length).toBeGreaterThanOrEqual(3);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(200);
  });

  test("output buffers: nested, with a callback, and flushed at the end", async () => {
    const { body } = await context.target.php(
      "ob_start(fn ($text) => strtoupper($text)); echo 'a'; ob_start(); echo 'b'; ob_end_flush(); echo ob_get_level();",
    );
    expect(body).toBe("AB1");
  });

  test("HEAD: the script runs to its end, no body is sent", async () => {
    const { body, stderr, header } = await context.target.php("echo 'never seen'; flush(); error_log('to its end');", {
      params: { REQUEST_METHOD: "HEAD" },
    });
    expect(body).toBe("");
    expect(header("Content-type")).toBe("text/html; charset=UTF-8");
    expect(stderr).toContain("to its end");
  });

  test("register_shutdown_function() runs after exit(), and its output is sent", async () => {
    const { body } = await context.target.php(
      "register_shutdown_function(function () { echo 'last'; }); echo 'first '; exit;",
    );
    expect(body).toBe("first last");
  });

  test("fastcgi_finish_request() ends the answer, and the script goes on", async () => {
    const file = context.target.write("finished.txt", "");
    const { body } = await context.target.php(
      `echo 'seen'; var_dump(fastcgi_finish_request()); echo 'not seen'; usleep(50000); file_put_contents('${file}', 'went on');`,
    );
    expect(body).toBe("seen");
    expect((await context.target.php(`echo file_get_contents('${file}');`)).body).toBe("went on");
  });

  test("a script that prints for a visitor who left is ended, and its end functions run", async () => {
    const file = context.target.write("left.txt", "");
    const leave = new AbortController();
    const asked = context.target.php(
      `register_shutdown_function(function () { file_put_contents('${file}', connection_status() . ' ' . connection_aborted()); });
       for ($i = 0; $i < 100; $i++) { echo str_repeat('x', 20000); flush(); usleep(20000); }
       file_put_contents('${file}', 'never');`,
      { signal: leave.signal, onStdout: () => leave.abort() },
    );
    await expect(asked).rejects.toThrow();
    await expect
      .poll(async () => (await context.target.php(`echo file_get_contents('${file}');`)).body, { timeout: 10_000 })
      .toBe("1 1");
  });

  test("ignore_user_abort() lets it go on", async () => {
    const file = context.target.write("stayed.txt", "");
    const leave = new AbortController();
    const asked = context.target.php(
      `ignore_user_abort(true);
       for ($i = 0; $i < 10; $i++) { echo str_repeat('x', 20000); flush(); usleep(20000); }
       file_put_contents('${file}', 'to its end ' . connection_aborted());`,
      { signal: leave.signal, onStdout: () => leave.abort() },
    );
    await expect(asked).rejects.toThrow();
    await expect
      .poll(async () => (await context.target.php(`echo file_get_contents('${file}');`)).body, { timeout: 10_000 })
      .toBe("to its end 1");
  });
}
