// The answers of php-fpm, as seen on the wire with 8.2.36, given by the responder over a real interpreter.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Pair, Role } from "../../src/codec/index.ts";
import { PhpError } from "../../src/php/errors.ts";
import { Responder, type ResponderEnd, type ResponderOptions } from "../../src/php/responder.ts";
import type { PhpRuntime } from "../../src/php/runtime.ts";
import { Fixture } from "./fixture.ts";

let php: Fixture;
beforeAll(async () => {
  php = await Fixture.boot();
  php.scratch.write("hello.php", "<?php header('X-A: 1'); echo 'hello';");
  php.scratch.write(
    "info.php",
    "<?php foreach (['SCRIPT_FILENAME', 'ORIG_SCRIPT_FILENAME', 'SCRIPT_NAME', 'PATH_INFO', 'PATH_TRANSLATED', 'PHP_SELF'] as $n) echo $n, '=', $_SERVER[$n] ?? '-', \"\\n\";",
  );
  php.scratch.write("input.php", "<?php echo file_get_contents('php://input');");
  php.scratch.write("text.txt", "text");
  php.scratch.write("page.phtml", "<?php echo 'page';");
  mkdirSync(join(php.scratch.root, "folder"));
  mkdirSync(join(php.scratch.root, "folder.php"));
});
afterAll(() => php[Symbol.dispose]());

interface Answer {
  readonly out: string;
  readonly err: string;
  readonly end: ResponderEnd;
}

interface AskOptions extends ResponderOptions {
  readonly params?: Record<string, string>;
  readonly stdin?: readonly string[];
  readonly role?: Role | number;
  readonly runtime?: PhpRuntime;
}

async function ask(script: string, options: AskOptions = {}): Promise<Answer> {
  const { params = {}, stdin = [], role = "responder", runtime = php.host, ...responder } = options;
  let out = "";
  let err = "";
  const pairs: Pair[] = Object.entries({
    SCRIPT_FILENAME: script.startsWith("/") ? `${php.scratch.root}${script}` : script,
    REQUEST_METHOD: "GET",
    ...params,
  });
  const end = await new Responder(runtime, responder).respond({
    role,
    params: pairs,
    stdin: (async function* () {
      for (const part of stdin) yield Buffer.from(part);
    })(),
    signal: new AbortController().signal,
    stdout(chunk) {
      out += Buffer.from(chunk).toString("latin1");
    },
    stderr(chunk) {
      err += Buffer.from(chunk).toString("latin1");
    },
  });
  return { out, err, end };
}

const COMPLETE = { applicationStatus: 0, protocolStatus: "request-complete" };
const HEAD = () => `X-Powered-By: PHP/${php.host.version}\r\nContent-type: text/html; charset=UTF-8\r\n\r\n`;

describe("which script runs", () => {
  test("an existing one, and 200 has no Status line", async () => {
    expect(await ask("/hello.php")).toEqual({
      out: `X-Powered-By: PHP/${php.host.version}\r\nX-A: 1\r\nContent-type: text/html; charset=UTF-8\r\n\r\nhello`,
      err: "",
      end: COMPLETE,
    });
  });

  test.each([
    ["a missing script", "/nope.php"],
    ["a missing file of another kind", "/nope.txt"],
    ["a path with ..", "/folder/../hello.php"],
    ["a path that ends in a slash", "/folder/"],
    ["a relative path", "hello.php"],
    ["no path at all", ""],
    ["a path with a NUL", "/hello.php\0.txt"],
  ])("%s is not found", async (_name, script) => {
    const { out, err, end } = await ask(script);
    expect(out).toBe(`Status: 404 Not Found\r\n${HEAD()}File not found.\n`);
    expect(err).toBe("Primary script unknown");
    expect(end).toEqual(COMPLETE);
  });

  test("a directory that looks like a script is no input file", async () => {
    const { out, err } = await ask("/folder.php");
    expect(out).toBe(`Status: 404 Not Found\r\n${HEAD()}No input file specified.\n`);
    expect(err).toMatch(/^Unable to open primary script: /);
  });

  test.each(["/text.txt", "/text.txt/info.php", "/folder", "/page.phtml"])(
    "%s is denied by security.limit_extensions",
    async (script) => {
      const { out, err } = await ask(script);
      expect(out).toBe(`Status: 403 Forbidden\r\n${HEAD()}Access denied.\n`);
      const file = `${php.scratch.root}${script.replace("/info.php", "")}`;
      expect(err).toBe(`Access to the script '${file}' has been denied (see security.limit_extensions)`);
    },
  );

  test("a script that may not be read is denied before it can break the interpreter", async () => {
    const runtime: PhpRuntime = {
      run: () => Promise.reject(new Error("never called")),
      lookup: () => "unreadable",
      memory: 1,
      usable: true,
      version: php.host.version,
    };
    const { out, err } = await ask("/x.php", { runtime });
    expect(out).toContain("Status: 403 Forbidden");
    expect(err).toBe(`Unable to open primary script: ${php.scratch.root}/x.php (Permission denied)`);
  });

  describe("that open_basedir leaves out", () => {
    const refused = (script: string, { out, err }: Answer) => {
      expect(out).toMatch(/^Status: 404 Not Found\r\n[\s\S]*\r\n\r\nNo input file specified.\n$/);
      expect(err).toBe(`Unable to open primary script: ${php.scratch.root}${script} (Operation not permitted)`);
    };

    test.each([
      ["php.ini", "8.2", { text: "open_basedir = ROOT/folder" }],
      ["php.ini", "8.4", { text: "open_basedir = ROOT/folder" }],
      ["php_admin_value", "8.4", { adminSettings: { open_basedir: "ROOT/folder" } }],
    ])("by %s of PHP %s: 404, and the interpreter goes on", async (_, version, ini) => {
      const { root } = php.scratch;
      const inside = php.scratch.write("folder/in.php", "<?php echo 'in';");
      using other = await Fixture.boot({
        php: version,
        mounts: [root],
        ini: JSON.parse(JSON.stringify(ini).replace("ROOT", root)),
      });
      for (let i = 0; i < 2; i++) {
        refused("/hello.php", await ask("/hello.php", { runtime: other.host }));
        refused("/hello.php", await ask("/hello.php/info", { runtime: other.host }));
        expect((await ask(inside.slice(root.length), { runtime: other.host })).out).toMatch(/in$/);
      }
    });

    test("by PHP_ADMIN_VALUE or .user.ini: of this request, and no setting of it stays", async () => {
      const value = `open_basedir=${php.scratch.root}/folder\nprecision=3`;
      refused("/hello.php", await ask("/hello.php", { params: { PHP_ADMIN_VALUE: value } }));
      php.scratch.write("own/.user.ini", `open_basedir=${php.scratch.root}/folder`);
      php.scratch.write("own/x.php", "<?php");
      refused("/own/x.php", await ask("/own/x.php", { params: { DOCUMENT_ROOT: php.scratch.root } }));
      php.scratch.write("settings.php", "<?php echo ini_get('precision'), '|', ini_get('open_basedir');");
      expect((await ask("/settings.php")).out).toMatch(/\n14\|$/);
    });
  });

  test("other extensions run when they are allowed, all of them when the list is empty", async () => {
    expect((await ask("/page.phtml", { extensions: [".phtml"] })).out).toMatch(/page$/);
    expect((await ask("/text.txt", { extensions: [] })).out).toMatch(/text$/);
  });

  test("a script in the middle of the path gets the rest as PATH_INFO", async () => {
    const { out } = await ask("/info.php/a/b", {
      params: { SCRIPT_NAME: "/info.php/a/b", PATH_INFO: "/info.php/a/b", DOCUMENT_ROOT: "/root" },
    });
    const { root } = php.scratch;
    expect(out.slice(HEAD().length)).toBe(
      `SCRIPT_FILENAME=${root}/info.php\nORIG_SCRIPT_FILENAME=${root}/info.php/a/b\nSCRIPT_NAME=/info.php\nPATH_INFO=/a/b\nPATH_TRANSLATED=/root/a/b\nPHP_SELF=/info.php/a/b\n`,
    );
  });

  test("without cgi.fix_pathinfo such a path is a file of another kind", async () => {
    expect((await ask("/info.php/a/b", { fixPathInfo: false })).out).toContain("403 Forbidden");
  });

  test("Apache's proxy prefix is taken off", async () => {
    const { out } = await ask(`proxy:fcgi://127.0.0.1:9000${php.scratch.root}/hello.php?a=b`);
    expect(out).toMatch(/hello$/);
  });
});

describe("the answer", () => {
  test("a script's errors go to STDERR in php-fpm's words", async () => {
    php.scratch.write(
      "errors.php",
      "<?php trigger_error('one', E_USER_WARNING); error_log(\"two\\nlines\\n\"); echo 'x'; error_log('three');",
    );
    const { err } = await ask("/errors.php");
    const path = `${php.scratch.root}/errors.php`;
    expect(err).toBe(
      `PHP message: PHP Warning:  one in ${path} on line 1; PHP message: two\nlines\n; PHP message: three`,
    );
  });

  test("a fatal error is a 500 that keeps the headers set before", async () => {
    php.scratch.write("fatal.php", "<?php header('X-Before: 1'); nothing();");
    const { out, err, end } = await ask("/fatal.php");
    expect(out).toBe(
      `Status: 500 Internal Server Error\r\nX-Powered-By: PHP/${php.host.version}\r\nX-Before: 1\r\nContent-type: text/html; charset=UTF-8\r\n\r\n`,
    );
    expect(err).toContain("PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function nothing()");
    expect(end).toEqual({ ...COMPLETE, applicationStatus: 255 });
  });

  test.each([
    ["http_response_code(404);", "Status: 404 Not Found\r\n"],
    ["http_response_code(599);", "Status: 599\r\n"],
    ["header('Location: /x');", "Status: 302 Found\r\n"],
  ])("%s gives %j", async (code, line) => {
    php.scratch.write(`status-${line.length}.php`, `<?php ${code}`);
    expect((await ask(`/status-${line.length}.php`)).out.startsWith(line)).toBe(true);
  });

  test("a script's own Status header stays the only one; a 304 has no content type", async () => {
    php.scratch.write("own.php", "<?php header('Status: 404 Nope'); http_response_code(599);");
    expect((await ask("/own.php")).out).toBe(
      `X-Powered-By: PHP/${php.host.version}\r\nStatus: 404 Nope\r\nContent-type: text/html; charset=UTF-8\r\n\r\n`,
    );
    php.scratch.write("same.php", "<?php http_response_code(304); header('ETag: \"x\"');");
    expect((await ask("/same.php")).out).toBe(
      `Status: 304 Not Modified\r\nX-Powered-By: PHP/${php.host.version}\r\nETag: "x"\r\n\r\n`,
    );
  });

  test("HEAD has headers and no body, for an answer of the responder's own too", async () => {
    const params = { REQUEST_METHOD: "HEAD" };
    expect((await ask("/hello.php", { params })).out).toMatch(/\r\n\r\n$/);
    expect((await ask("/nope.php", { params })).out).toBe(`Status: 404 Not Found\r\n${HEAD()}`);
  });

  test("an authorizer's script runs, and sees that it is one", async () => {
    php.scratch.write("role.php", "<?php echo $_SERVER['FCGI_ROLE'];");
    expect((await ask("/role.php")).out).toMatch(/\r\n\r\nRESPONDER$/);
    const params = { FCGI_ROLE: "claimed" };
    expect((await ask("/role.php", { role: "authorizer", params })).out).toMatch(/\r\n\r\nAUTHORIZER$/);
  });

  test("other roles are refused", async () => {
    for (const role of ["filter", 7] as const) {
      const { out, end } = await ask("/hello.php", { role });
      expect(end).toEqual({ applicationStatus: 0, protocolStatus: "unknown-role" });
      expect(out).toBe("");
    }
  });
});

describe("request bodies", () => {
  const post = (length: string, stdin: readonly string[], options: ResponderOptions = {}) =>
    ask("/input.php", { params: { REQUEST_METHOD: "POST", CONTENT_LENGTH: length }, stdin, ...options });

  test("arrive in pieces", async () => {
    expect((await post("6", ["ab", "cd", "ef"])).out).toMatch(/\r\n\r\nabcdef$/);
  });

  test("longer than declared are cut, without a length are empty", async () => {
    expect((await post("3", ["ab", "cdef", "never read"])).out).toMatch(/\r\n\r\nabc$/);
    expect((await post("", ["abc"])).out).toMatch(/\r\n\r\n$/);
  });

  test("shorter than declared are a bad request, never a hang", async () => {
    const { out, err } = await post("10", ["abc"]);
    expect(out).toBe(`Status: 400 Bad Request\r\n${HEAD()}Bad request.\n`);
    expect(err).toBe("STDIN ended after 3 of the 10 bytes that CONTENT_LENGTH declares");
  });

  test.each(["-1", "abc", "1e3", "0x10", "99999999999999999999"])("a length of %j is a bad request", async (length) => {
    expect((await post(length, ["x"])).out).toContain("Status: 400 Bad Request");
  });

  test("above the limit are refused before they are read", async () => {
    const { out, err } = await post("1001", [], { maxBodyLength: 1000 });
    expect(out).toContain("Status: 413 Request Entity Too Large");
    expect(err).toBe("request body of 1001 bytes exceeds the limit of 1000 bytes");
  });
});

describe("what the master is told", () => {
  test("memory when it changes, and that a script goes on after its answer", async () => {
    const told: Pair[] = [];
    const responder = new Responder(php.host, { announce: (values) => told.push(...values) });
    php.scratch.write("later.php", "<?php echo 'a'; fastcgi_finish_request(); usleep(30000);");
    const respond = () =>
      responder.respond({
        role: "responder",
        params: [["SCRIPT_FILENAME", `${php.scratch.root}/later.php`]],
        stdin: (async function* () {})(),
        signal: new AbortController().signal,
        stdout() {},
        stderr() {},
      });
    expect(await respond()).toEqual(COMPLETE);
    expect(told).toEqual([["EDGE_FPM_RUNNING", "1"]]);
    await responder.idle();
    await expect
      .poll(() => told)
      .toEqual([
        ["EDGE_FPM_RUNNING", "1"],
        ["EDGE_FPM_MEMORY", String(php.host.memory)],
        ["EDGE_FPM_RUNNING", "0"],
      ]);
  });

  test("an interpreter without room for the request answers 503 and stays; a broken one rejects", async () => {
    const failing = (error: PhpError): PhpRuntime => ({
      run: () => Promise.reject(error),
      lookup: () => "file",
      memory: 1,
      usable: true,
      version: php.host.version,
    });
    const full = await ask("/x.php", { runtime: failing(new PhpError("PHP_NO_MEMORY", "no room")) });
    expect(full.out).toContain("Status: 503 Service Unavailable");
    expect(full.err).toBe("no room");
    const broken = ask("/x.php", { runtime: failing(new PhpError("PHP_TRAP", "trap")) });
    await expect(broken).rejects.toMatchObject({ code: "PHP_TRAP" });
  });
});
