// What a script is given and what it gives back: bytes, order, headers, settings.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fixture } from "./fixture.ts";

let php: Fixture;
beforeAll(async () => {
  php = await Fixture.boot({
    ini: {
      text: "user_agent = from-the-user\nauto_prepend_file = none\n",
      settings: { "date.timezone": "Europe/Paris" },
    },
  });
});
afterAll(() => php[Symbol.dispose]());

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe("request bodies", () => {
  test("every byte value arrives", async () => {
    const { body } = await php.php("echo bin2hex(file_get_contents('php://input'));", { body: ALL_BYTES });
    expect(body).toBe(Buffer.from(ALL_BYTES).toString("hex"));
  });

  test("10 MB arrive and leave unchanged", async () => {
    const large = new Uint8Array(10 * 1024 * 1024);
    for (let i = 0; i < large.length; i++) large[i] = (i * 31 + (i >> 8)) & 0xff;
    const { body } = await php.php("readfile('php://input');", { body: large });
    expect(Buffer.from(body, "latin1").equals(Buffer.from(large))).toBe(true);
  });

  test("forms fill $_POST and uploads fill $_FILES with the bytes sent", async () => {
    const form = await php.php("echo json_encode($_POST);", {
      body: Buffer.from("a=1&b[]=2&b[]=%C3%A9"),
      params: { CONTENT_TYPE: "application/x-www-form-urlencoded" },
    });
    expect(form.body).toBe('{"a":"1","b":["2","\\u00e9"]}');
    const parts = Buffer.concat([
      Buffer.from('--B\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\nContent-Type: a/b\r\n\r\n'),
      ALL_BYTES,
      Buffer.from("\r\n--B--\r\n"),
    ]);
    const upload = await php.php(
      "$f = $_FILES['f']; echo $f['name'], ' ', $f['type'], ' ', $f['error'], ' ', md5_file($f['tmp_name']);",
      { body: parts, params: { CONTENT_TYPE: "multipart/form-data; boundary=B" } },
    );
    const { createHash } = await import("node:crypto");
    expect(upload.body).toBe(`x.bin a/b 0 ${createHash("md5").update(ALL_BYTES).digest("hex")}`);
  });

  test("a body without CONTENT_LENGTH in the request before does not show in the next one", async () => {
    await php.php("echo 1;", { body: Buffer.from("secret") });
    expect((await php.php("var_dump(file_get_contents('php://input'), $_POST);")).body).toBe(
      'string(0) ""\narray(0) {\n}\n',
    );
  });
});

describe("output", () => {
  test("every byte value leaves", async () => {
    const { body } = await php.php("for ($i = 0; $i < 256; $i++) echo chr($i);");
    expect(body).toBe(Buffer.from(ALL_BYTES).toString("latin1"));
  });

  test("leaves at flush(), also while the script computes, and in order", async () => {
    const { events } = await php.php(
      "echo 'a'; echo 'b'; flush(); $t = microtime(true); while (microtime(true) - $t < 0.01); echo 'c'; usleep(100); echo 'd';",
    );
    expect(events).toEqual(["headers", "stdout:ab", "stdout:c", "stdout:d"]);
  });

  test("flush() before any output sends the headers alone", async () => {
    const { events, lines } = await php.php("header('X-Early: 1'); flush(); header('X-Late: 1'); echo 'x';");
    expect(events).toEqual(["headers", "stdout:x"]);
    expect(lines).toContain("X-Early: 1");
    expect(lines).not.toContain("X-Late: 1");
  });

  test("output buffers hold back what was printed until they end", async () => {
    const { events } = await php.php(
      "ob_start(); echo 'a'; flush(); usleep(10); echo 'b'; ob_end_flush(); flush(); echo 'c';",
    );
    expect(events).toEqual(["headers", "stdout:ab", "stdout:c"]);
  });

  test("fastcgi_finish_request() flushes all buffers, hides what follows, and says false the second time", async () => {
    const { body, events, log } =
      await php.php(`ob_start(); ob_start(); echo 'seen'; $a = fastcgi_finish_request(); echo 'unseen'; flush();
      usleep(100); $b = fastcgi_finish_request(); error_log(json_encode([$a, $b]));`);
    expect(body).toBe("seen");
    expect(events.slice(0, 3)).toEqual(["headers", "stdout:seen", "finish"]);
    expect(log).toEqual(["[true,false]"]);
  });

  test("fastcgi_finish_request() without output sends the headers", async () => {
    const { events, lines, status } = await php.php(
      "http_response_code(202); header('X-A: b'); fastcgi_finish_request();",
    );
    expect(events).toEqual(["headers", "finish"]);
    expect(lines).toContain("X-A: b");
    expect(status).toBe(202);
  });

  test("HEAD runs the script to its end and gives no body", async () => {
    const { body, lines, log } = await php.php("header('X-A: b'); echo 'body'; error_log('ended');", {
      params: { REQUEST_METHOD: "HEAD" },
    });
    expect(body).toBe("");
    expect(lines).toContain("X-A: b");
    expect(log).toEqual(["ended"]);
  });

  test("messages of the log are told from what a script writes to php://stderr", async () => {
    const { log, stderr } = await php.php(
      "error_log('short'); error_log(str_repeat('long ', 100)); error_log(\"two\\nlines\"); file_put_contents('php://stderr', \"plain\\n\"); usleep(10); trigger_error('oops', E_USER_WARNING);",
    );
    expect(log.slice(0, 3)).toEqual(["short", "long ".repeat(100), "two\nlines"]);
    expect(log[3]).toMatch(/^PHP Warning: {2}oops in .* on line 1$/);
    expect(stderr).toBe("plain\n");
  });
});

describe("headers", () => {
  test("keep their order, every Set-Cookie, and their bytes", async () => {
    const { lines } = await php.php(
      `setcookie('a', '1'); setcookie('b', '2'); header("X-Bytes: \\xe9\\xff\\"\\\\"); header("X-Tab: a\\tb"); header('X-Empty:'); header('x-lower: 1');`,
    );
    expect(lines.slice(1)).toEqual([
      "Set-Cookie: a=1",
      "Set-Cookie: b=2",
      'X-Bytes: \xe9\xff"\\',
      "X-Tab: a\tb",
      "X-Empty:",
      "x-lower: 1",
      "Content-type: text/html; charset=UTF-8",
    ]);
    expect(lines[0]).toMatch(/^X-Powered-By: PHP\/8\.\d+\.\d+$/);
  });

  test("a long header block arrives whole", async () => {
    const { lines } = await php.php("for ($i = 0; $i < 200; $i++) header(\"X-$i: \" . str_repeat('v', 100));");
    expect(lines).toHaveLength(202);
    expect(lines[200]).toBe(`X-199: ${"v".repeat(100)}`);
  });

  test("the status is the one that the script chose", async () => {
    expect((await php.php("header('Location: /x');")).status).toBe(302);
    expect((await php.php("http_response_code(404);")).status).toBe(404);
    expect((await php.php("header('HTTP/1.1 503 Busy');")).status).toBe(503);
  });
});

describe("$_SERVER", () => {
  test("holds the params with their bytes, in their order", async () => {
    const params = { X_LATIN: "\xe9\xff\x80", X_UTF8: "\xc3\xa9", "X_N\xc3\xa4me": "n", X_LONG: "v".repeat(20_000) };
    const { body } = await php.php(
      "foreach ($_SERVER as $k => $v) if ($k[0] === 'X') echo $k, ' ', strlen($v), ' ', bin2hex(substr($v, 0, 4)), \"\\n\";",
      { params },
    );
    expect(body).toBe("X_LATIN 3 e9ff80\nX_UTF8 2 c3a9\nX_N\xc3\xa4me 1 6e\nX_LONG 20000 76767676\n");
  });

  test("has what php-fpm derives, and nothing of the host", async () => {
    const { body } = await php.php(
      "unset($_SERVER['REQUEST_TIME'], $_SERVER['REQUEST_TIME_FLOAT'], $_SERVER['PATH']); echo json_encode($_SERVER, JSON_UNESCAPED_SLASHES);",
      {
        params: {
          SCRIPT_FILENAME: "/f",
          SCRIPT_NAME: "/s.php",
          PATH_INFO: "/info",
          HTTP_PROXY: "http://evil",
          HTTP_AUTHORIZATION: `Basic ${btoa("user:pass:word")}`,
        },
      },
    );
    expect(JSON.parse(body)).toEqual({
      USER: "tester",
      HOME: "/home/tester",
      FCGI_ROLE: "RESPONDER",
      SCRIPT_FILENAME: "/f",
      SCRIPT_NAME: "/s.php",
      REQUEST_METHOD: "GET",
      QUERY_STRING: "",
      SERVER_SOFTWARE: "test",
      SERVER_PORT: "80",
      PATH_INFO: "/info",
      HTTP_AUTHORIZATION: "Basic dXNlcjpwYXNzOndvcmQ=",
      PHP_SELF: "/s.php/info",
      PHP_AUTH_USER: "user",
      PHP_AUTH_PW: "pass:word",
    });
  });

  test("a digest is passed on", async () => {
    const { body } = await php.php("echo $_SERVER['PHP_AUTH_DIGEST'];", {
      params: { HTTP_AUTHORIZATION: 'Digest username="a"' },
    });
    expect(body).toBe('username="a"');
  });

  test("getallheaders() and apache_request_headers() give the request's headers", async () => {
    const { body } = await php.php(
      "echo json_encode([getallheaders(), apache_request_headers() === getallheaders()]);",
      {
        params: { HTTP_X_ONE_TWO: "1", HTTP_HOST: "h", CONTENT_TYPE: "a/b", SERVER_NAME: "no" },
      },
    );
    expect(JSON.parse(body)).toEqual([{ "X-One-Two": "1", Host: "h", "Content-Type": "a/b" }, true]);
  });

  test("getenv() knows the params of this request, and not those of the one before", async () => {
    const code =
      "echo json_encode([getenv('HTTP_X_ONE'), getenv('HTTP_X'), getenv('REQUEST_METHOD'), getenv('USER')]);";
    const params = { HTTP_X_ONE: "1", HTTP_PROXY: "evil" };
    expect((await php.php(code, { params })).body).toBe('["1",false,"GET","tester"]');
    expect((await php.php(code)).body).toBe('[false,false,"GET","tester"]');
    expect((await php.php("var_dump(getenv('HTTP_PROXY'));", { params })).body).toBe("bool(false)\n");
  });

  test("fpm_get_status() says false where there is no pool", async () => {
    expect((await php.php("var_dump(fpm_get_status());")).body).toBe("bool(false)\n");
  });

  test("cookies and the query string are parsed", async () => {
    const { body } = await php.php("echo json_encode([$_GET, $_COOKIE, $_REQUEST]);", {
      params: { QUERY_STRING: "a=1&b%5B%5D=x", HTTP_COOKIE: "k=v; l=%20" },
    });
    expect(JSON.parse(body)).toEqual([
      { a: "1", b: ["x"] },
      { k: "v", l: " " },
      { a: "1", b: ["x"] },
    ]);
  });
});

describe("settings", () => {
  const show = "echo ini_get('memory_limit'), ' ', ini_get('upload_max_filesize'), ' ', ini_get('display_errors');";

  test("the user's php.ini and single settings count", async () => {
    expect((await php.php("echo ini_get('user_agent'), ' ', date_default_timezone_get();")).body).toBe(
      "from-the-user Europe/Paris",
    );
  });

  test("PHP_VALUE and PHP_ADMIN_VALUE count for their request and never for the next one", async () => {
    const before = (await php.php(show)).body;
    const params = { PHP_VALUE: "memory_limit=55M\nupload_max_filesize = 3M", PHP_ADMIN_VALUE: "display_errors = On" };
    for (let i = 0; i < 3; i++) {
      expect((await php.php(show, { params })).body).toBe("55M 3M 1");
      expect((await php.php(show)).body).toBe(before);
    }
  });

  test("a script cannot change what PHP_ADMIN_VALUE set, until the next request", async () => {
    const code = "var_dump(ini_set('memory_limit', '60M')); echo ini_get('memory_limit');";
    const locked = await php.php(code, { params: { PHP_ADMIN_VALUE: "memory_limit=70M" } });
    expect(locked.body).toBe("bool(false)\n70M");
    expect((await php.php(code)).body).toBe('string(4) "128M"\n60M');
  });

  test("what a script changes by ini_set is gone in the next request", async () => {
    await php.php("ini_set('precision', '3'); set_time_limit(5);");
    expect((await php.php("echo ini_get('precision'), ini_get('max_execution_time');")).body).toBe("140");
  });

  test("the user's own auto_prepend_file works, from php.ini and for one request", async () => {
    using other = await Fixture.boot();
    const first = other.scratch.write("first.php", "<?php $from = 'first';");
    const params = { PHP_VALUE: `auto_prepend_file=${first}` };
    expect((await other.php("echo $from ?? 'none';", { params })).body).toBe("first");
    expect((await other.php("echo $from ?? 'none', implode(array_keys(get_defined_vars()));")).body).not.toContain(
      "EDGE",
    );
    const path = php.scratch.write("always.php", "<?php $from = 'always';");
    using configured = await Fixture.boot({
      mounts: [php.scratch.root, other.scratch.root],
      ini: { text: `auto_prepend_file = "${path}"` },
    });
    const script = php.scratch.write("prepended.php", "<?php echo $from;");
    expect((await configured.run(script)).body).toBe("always");
  });

  test("the user's disable_functions are kept", async () => {
    using strict = await Fixture.boot({ ini: { text: "disable_functions = exec, phpinfo\n" } });
    const { body } = await strict.php(
      "var_dump(function_exists('exec'), function_exists('phpinfo'), function_exists('flush'));",
    );
    expect(body).toBe("bool(false)\nbool(false)\nbool(true)\n");
  });
});

describe("open_basedir", () => {
  const code = (inside: string) =>
    `echo json_encode([file_exists('${inside}'), @file_exists('/etc/passwd'), is_writable(sys_get_temp_dir())]);`;

  test.each([
    ["php.ini", { text: 'open_basedir = "ROOT"' }],
    ["a setting that is locked", { adminSettings: { open_basedir: "ROOT" } }],
  ])("of %s keeps scripts in, and lets our own files and temporary ones be", async (_, ini) => {
    const place = php.scratch.root;
    using inside = await Fixture.boot({
      mounts: [place, "/etc"],
      ini: JSON.parse(JSON.stringify(ini).replace("ROOT", place)),
    });
    const script = php.scratch.write("inside.php", `<?php ${code(place)}`);
    expect((await inside.run(script)).body).toBe("[true,false,true]");
  });

  test("of one request is gone in the next one", async () => {
    const params = { PHP_ADMIN_VALUE: `open_basedir=${php.scratch.root}` };
    expect((await php.php(code(php.scratch.root), { params })).body).toBe("[true,false,true]");
    expect((await php.php("echo ini_get('open_basedir');")).body).toBe("");
  });
});

describe("the file system", () => {
  test("names in UTF-8 work, as scripts and as files", async () => {
    const path = php.scratch.write(
      "grüße/šķript.php",
      "<?php echo basename(__FILE__), filesize(__DIR__ . '/datei-ü');",
    );
    php.scratch.write("grüße/datei-ü", "12345");
    const { body } = await php.run(path);
    expect(Buffer.from(body, "latin1").toString("utf8")).toBe("šķript.php5");
  });

  test("a file keeps its inode number, so that SQLite knows its database again", async () => {
    const { body } =
      await php.php(`$f = __FILE__; $a = fileinode($f); clearstatcache(); echo $a === fileinode($f) ? 'same' : 'other';
      $d = new PDO('sqlite:' . __DIR__ . '/x.sqlite', options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
      $d->exec('create table t (n)'); for ($i = 0; $i < 5; $i++) { $d->beginTransaction(); $d->exec("insert into t values ($i)"); $d->commit(); }
      echo $d->query('select count(*) from t')->fetchColumn();`);
    expect(body).toBe("same5");
  });

  test("lookup tells files from directories", () => {
    expect(php.host.lookup(php.scratch.root)).toBe("directory");
    expect(php.host.lookup(`${php.scratch.root}/script-1.php`)).toBe("file");
    expect(php.host.lookup(`${php.scratch.root}/nothing`)).toBeUndefined();
  });
});

describe("PHP 8.2", () => {
  test("runs on the same host", async () => {
    using old = await Fixture.boot({ php: "8.2" });
    expect(old.host.version).toMatch(/^8\.2\./);
    const { body, log } = await old.php(
      "echo PHP_VERSION, opcache_get_status()['opcache_enabled'] ? ' cached' : ''; flush(); error_log('x'); fastcgi_finish_request();",
    );
    expect(body).toBe(`${old.host.version} cached`);
    expect(log).toEqual(["x"]);
  });
});
