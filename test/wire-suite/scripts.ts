// Which script runs, and what is answered when none does.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Context } from "./suite.ts";

export function scriptTests(context: Context): void {
  test("a missing script: 404, and a line for the log", async () => {
    const answer = await context.target.ask({ script: "missing.php" });
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 404, body: "File not found.\n" });
    expect(answer.header("Content-type")).toBe("text/html; charset=UTF-8");
    expect(answer.stderr).toBe("Primary script unknown");
  });

  test("no SCRIPT_FILENAME at all, and one that leads up", async () => {
    const none = await context.target.ask({ script: "x.php", params: { SCRIPT_FILENAME: undefined } });
    expect(none.status).toBe(404);
    context.target.write("up.php", "echo 'ran';");
    const up = await context.target.ask({
      script: "up.php",
      params: { SCRIPT_FILENAME: `${context.target.folder}/../www/up.php` },
    });
    expect({ status: up.status, body: up.body }).toEqual({ status: 404, body: "File not found.\n" });
  });

  test("an extension that must not run: 403", async () => {
    context.target.write("page.txt", "<?php echo 'ran';");
    const answer = await context.target.ask({ script: "page.txt" });
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 403, body: "Access denied.\n" });
    expect(answer.stderr).toContain("has been denied (see security.limit_extensions)");
  });

  test("a folder with the name of a script: 404", async () => {
    mkdirSync(join(context.target.folder, "folder.php"), { recursive: true });
    const answer = await context.target.ask({ script: "folder.php" });
    expect(answer.status).toBe(404);
  });

  test("Apache's mod_proxy_fcgi prefix", async () => {
    context.target.write("apache.php", "echo $_SERVER['SCRIPT_FILENAME'] === __FILE__ ? 'same' : 'other';");
    const answer = await context.target.ask({
      script: "apache.php",
      params: { SCRIPT_FILENAME: `proxy:fcgi://localhost:9000${context.target.folder}/apache.php?x=1` },
    });
    expect(answer.body).toBe("same");
  });

  const method = context.lacks("method-optional");
  test.skipIf(method.skip)(`a request without REQUEST_METHOD runs its script${method.note}`, async () => {
    const { body } = await context.target.php("echo isset($_SERVER['REQUEST_METHOD']) ? 'there' : 'none';", {
      params: { REQUEST_METHOD: undefined },
    });
    expect(body).toBe("none");
  });

  test("only the script itself is among the included files", async () => {
    const { body } = await context.target.php("echo json_encode(get_included_files() === [__FILE__]);");
    expect(body).toBe("true");
  });

  test("sessions last from one request to the next", async () => {
    const code = "session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n'];";
    const first = await context.target.php(code);
    const cookie = /PHPSESSID=[^;]+/.exec(first.header("Set-Cookie") ?? "")?.[0];
    expect(first.body).toBe("1");
    expect((await context.target.php(code, { params: { HTTP_COOKIE: cookie } })).body).toBe("2");
  });

  test("fibers switch", async () => {
    const { body } = await context.target.php(
      "$f = new Fiber(fn () => Fiber::suspend('in') . '!'); echo $f->start(); $f->resume('out'); echo $f->getReturn();",
    );
    expect(body).toBe("inout!");
  });
}
