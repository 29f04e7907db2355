// `edge-fpm php` as a program of its own: the same scripts as with a native php-cli, and what only shows at the process's
// ends: pipes, status, signals, terminals.

import { spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { readPhpArguments } from "../../src/cli/php-arguments.ts";
import { SmtpServer } from "../mail/smtp-server.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunOptions, run, runProgram } from "./run.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const scratch = makeScratch("cli-php");
afterAll(() => scratch.remove());

const php = (args: readonly string[], options: RunOptions = {}) =>
  run(["php", "--php", "8.2", ...args], { cwd: scratch.path, ...options });

function script(name: string, text: string): string {
  writeFileSync(join(scratch.path, name), text);
  return name;
}

describePeers(["php8.2"], "edge-fpm php beside php8.2", () => {
  const rows: readonly {
    readonly name: string;
    readonly code: string;
    readonly args?: readonly string[];
    readonly stdin?: string;
  }[] = [
    {
      name: "arguments, settings, folder and file",
      code: `var_dump(PHP_SAPI, $argv, $argc, $_SERVER['argv'], $_SERVER['SCRIPT_NAME'], getcwd() === __DIR__, stream_isatty(STDOUT),
        stream_isatty(STDIN), getenv('NO_COLOR'), php_ini_loaded_file() === false ? 0 : 0);
        foreach (['display_errors', 'html_errors', 'implicit_flush', 'max_execution_time', 'max_input_time', 'register_argc_argv',
        'output_buffering', 'error_log', 'variables_order', 'precision'] as $name) echo $name, '=', ini_get($name), "\\n";
        `,
      args: ["--help", "-v", "--", "-d", "x=y", "ünïcode"],
    },
    {
      name: "lines of standard input, to both outputs",
      code: `while (($line = fgets(STDIN)) !== false) { echo strtoupper($line); fwrite(STDERR, strlen($line) . "\\n"); }
        echo file_get_contents('php://stdin'); fprintf(STDOUT, "%s", "end\\n"); exit(3);`,
      stdin: "one\ntwo\nthree",
    },
    {
      name: "warnings and an uncaught exception",
      code: `echo $nothing; ob_start(); echo "kept"; throw new DomainException("no");`,
    },
    { name: "a fatal error", code: `register_shutdown_function(function () { echo "last words"; }); nowhere();` },
    { name: "exit with a text", code: `header('X-A: b'); exit("done\\n");` },
    { name: "a parse error", code: `echo 'a' 'b';` },
  ];

  test.each(rows)("says the same: $name", async ({ code, args = [], stdin = "" }) => {
    const name = script("same.php", `<?php\n${code}\n`);
    const [ours, native] = await Promise.all([
      php([name, ...args], { stdin }),
      runProgram(peerPath("php8.2"), ["-n", name, ...args], { cwd: scratch.path, stdin }),
    ]);
    expect(ours).toEqual(native);
  });

  test.each([
    ["-d", "precision=5", "-r", "echo M_PI, $argv[1];", "x"],
    ["-B", "$sum = 0;", "-R", "$sum += $argn;", "-E", "echo $sum;"],
    ["nowhere.php"],
  ])("takes PHP's own options: %s %s %s %s", async (...args) => {
    const [ours, native] = await Promise.all([
      php(args, { stdin: "1\n2\n" }),
      runProgram(peerPath("php8.2"), ["-n", ...args], { cwd: scratch.path, stdin: "1\n2\n" }),
    ]);
    expect(ours).toEqual(native);
  });
});

describe("edge-fpm php", () => {
  test("takes a script from standard input, a php.ini, and settings over it", async () => {
    script("my.ini", "precision = 3\nmemory_limit = 99M\n");
    const { stdout } = await php(["-c", "my.ini", "-dmemory_limit=77M", "--", "word"], {
      stdin: "<?php echo M_PI, ' ', ini_get('memory_limit'), ' ', $argv[1];",
    });
    expect(stdout).toBe("3.14 77M word");
  });

  test("passes 32 MB of any bytes from one pipe to another", async () => {
    const bytes = randomBytes(32 * 1024 * 1024);
    const code = "while (!feof(STDIN)) echo fread(STDIN, 65536);";
    const child = spawn(process.execPath, [COMMAND, "php", "-r", code]);
    child.stdin.end(bytes);
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of child.stdout) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    expect(size).toBe(bytes.length);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("answers line by line, looks without waiting, and ends when nobody reads", async () => {
    const code =
      "$r = [STDIN]; $w = $e = null; echo stream_select($r, $w, $e, 0), PHP_EOL; while ($l = fgets(STDIN)) echo 'got ', $l;" +
      "fwrite(STDERR, 'end of input'); while (true) echo str_repeat('x', 8192);";
    // The pipes of a shell; those that this process would give are sockets.
    const child = spawn("sh", ["-c", 'cat | "$@" | cat; exit 0', "sh", process.execPath, COMMAND, "php", "-r", code]);
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => {
      output += String(chunk).slice(0, 100);
    });
    child.stderr.on("data", (chunk) => {
      errors += String(chunk);
    });
    await expect.poll(() => output, { timeout: 20_000 }).toBe("0\n");
    child.stdin.write("first\n");
    await expect.poll(() => output, { timeout: 20_000 }).toBe("0\ngot first\n");
    child.stdin.end("second\n");
    await expect.poll(() => output, { timeout: 20_000 }).toMatch(/got second\nx/);
    child.stdout.destroy();
    await once(child, "exit");
    expect(errors).toContain("end of input");
  });

  test("is interrupted in an endless loop, and while it waits for input", async () => {
    const loop = await php(["-r", "echo 'begun'; while (true);"], { signalAt: { text: "begun", signal: "SIGINT" } });
    expect(loop.status).toBe("SIGINT");
    const child = spawn(process.execPath, [COMMAND, "php", "-r", "echo 'waiting'; fgets(STDIN);"]);
    child.stdout.once("data", () => child.kill("SIGTERM"));
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  });

  test("reaches the network, unless it is told not to, and ends although a connection is left open", async () => {
    const server = createServer((_request, response) => response.end("over http"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    try {
      const code = `$kept = stream_socket_client('tcp://127.0.0.1:${port}'); echo @file_get_contents('http://127.0.0.1:${port}/') ?: 'nothing';`;
      expect((await php(["-r", code])).stdout).toBe("over http");
      expect(
        (await php(["--no-network", "-r", `echo @file_get_contents('http://127.0.0.1:${port}/') ?: 'nothing';`]))
          .stdout,
      ).toBe("nothing");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test("sends mails to the server of --smtp, under whatever name sendmail has, and says why one is not sent", async () => {
    const smtp = new SmtpServer({ refuse: /^no@/ });
    const address = await smtp.listen();
    const to = ["--smtp", `smtp://${address}`, "--mail-from", "site@example.org"];
    const send = "var_dump(mail($argv[1], 'hello', 'text'));";
    try {
      expect(await php([...to, "-r", send, "a@example.org"])).toEqual({
        status: 0,
        stdout: "bool(true)\n",
        stderr: "",
      });
      const named = await php([...to, "-d", "sendmail_path=/opt/post -t", "-r", send, "b@example.org"]);
      expect(named.stdout).toBe("bool(true)\n");
      writeFileSync(join(scratch.path, "mail.ini"), 'sendmail_path = "/opt/other -t"\n');
      const many = "for ($i = 0; $i < 101; $i++) if (!mail('c@example.org', 's', '')) echo 'no';";
      expect((await php([...to, "-c", "mail.ini", "-r", many])).stdout).toBe("");
      expect(smtp.mails).toHaveLength(103);
      expect(smtp.mails.map(({ from }) => from)).toEqual(Array(103).fill("site@example.org"));
      expect(smtp.mails[0]).toMatchObject({
        to: ["a@example.org"],
        data: expect.stringMatching(/^Subject: hello\r$/m),
      });
      const refused = await php([...to, "-r", send, "no@example.org"]);
      expect(refused.stdout).toBe("bool(false)\n");
      expect(refused.stderr).toMatch(/^PHP mail\(\): not sent: .*550 no such user.* \[MAIL_REFUSED\]$/m);
    } finally {
      smtp.close();
    }
  }, 60_000);

  test("gives false from mail() where nobody takes mails, and tells what to do", async () => {
    const { stdout } = await php(["-r", "var_dump(mail('a@example.org', 'hello', 'text'));"]);
    expect(stdout).toContain("nobody takes mails here");
    expect(stdout).toContain("bool(false)\n");
    expect(await php(["--smtp", "http://x", "-r", ""])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("is no mail server"),
    });
  });

  test("makes a phar and runs it", async () => {
    const make =
      "$p = new Phar('app.phar'); $p['lib.php'] = '<?php return 6 * 7;'; $p->setStub('<?php Phar::mapPhar(\"app\");" +
      ' echo (require "phar://app/lib.php"), " ", implode(",", $argv); __HALT_COMPILER();\');';
    expect((await php(["-d", "phar.readonly=0", "-r", make])).stderr).toBe("");
    expect((await php(["app.phar", "install", "--no-dev"])).stdout).toBe("42 app.phar,install,--no-dev");
  });

  test("says in one line that the interpreter broke", async () => {
    const { status, stderr } = await php(["-r", "function f($n) { return array_map('f', [$n + 1]); } f(0);"]);
    expect(status).toBe(255);
    expect(stderr).toMatch(
      /^edge-fpm: the interpreter broke: RangeError: .+\nThe script did something .+ PHP_TRAP .+\n$/,
    );
  });

  test("tells what it does not have", async () => {
    const server = await php(["-S", "127.0.0.1:0"]);
    expect([server.status, server.stderr]).toEqual([
      2,
      "edge-fpm: There is no server in this command.\nUse: edge-fpm serve\n",
    ]);
    expect((await run(["php", "--php", "7.4", "-v"])).status).toBe(2);
    expect((await run(["php", "--help"])).stdout).toContain("Usage: edge-fpm php [options] [script.php [args...]]");
  });

  test("sees a terminal as one", () => {
    const python = spawnSync("python3", [
      fileURLToPath(new URL("terminal.py", import.meta.url)),
      "ready",
      "typed\n",
      process.execPath,
      COMMAND,
      "php",
      "-r",
      "echo 'ready'; echo 'got ', fgets(STDIN); var_dump(stream_isatty(STDIN), stream_isatty(STDOUT));",
    ]);
    expect(String(python.stdout)).toContain("typed\r\nbool(true)\r\nbool(true)\r\n");
  });
});

describe("edge-fpm php and a configuration", () => {
  const told =
    "<?php echo PHP_VERSION, ' ', ini_get('precision'), ' ', getenv('FROM_POOL'), ' ', extension_loaded('redis') ? 'redis' : '-';";
  const site = (pools: object, rest: object = {}) => {
    const folder = makeScratch("cli-php-config");
    mkdirSync(join(folder.path, "public/deep"), { recursive: true });
    for (const name of ["public/told.php", "public/deep/told.php"]) writeFileSync(join(folder.path, name), told);
    const config = { root: "public", pools, ...rest };
    writeFileSync(join(folder.path, "edge-fpm.config.mjs"), `export default ${JSON.stringify(config)};\n`);
    return folder;
  };
  const www = { php: "8.2", ini: { precision: "5" }, env: { FROM_POOL: "pool" } };
  const at = async (cwd: string, ...args: string[]) => {
    const { status, stdout, stderr } = await run(["php", ...args], { cwd });
    return status === 0 ? stdout : `${status} ${stderr}`;
  };

  test("takes the pool's settings; options go before them", { timeout: 60_000 }, async () => {
    const { path, remove } = site({ www });
    expect(await at(path, "public/told.php")).toMatch(/^8\.2\.\d+ 5 pool -$/);
    expect(await at(scratch.path, join(path, "public/told.php"))).toMatch(/^8\.2\.\d+ 5 pool -$/);
    // Further below it is not looked for, but can be named.
    expect(await at(scratch.path, "--php", "8.2", join(path, "public/deep/told.php"))).toMatch(/^8\.2\.\d+ 14 {2}-$/);
    const config = join(path, "edge-fpm.config.mjs");
    expect(await at(scratch.path, "--config", config, join(path, "public/deep/told.php"))).toMatch(/ 5 pool -$/);
    expect(await at(path, "-d", "precision=7", "public/told.php")).toMatch(/^8\.2\.\d+ 7 pool -$/);
    expect(await at(path, "--no-config", "--php", "8.2", "public/told.php")).toMatch(/^8\.2\.\d+ 14 {2}-$/);
    remove();
  });

  test("of several pools it takes the script's, or the one that is named", { timeout: 60_000 }, async () => {
    const locations = [{ prefix: "/deep/", fastcgi: { pass: "deep" } }];
    const { path, remove } = site(
      { www, deep: { php: "8.2", ini: { precision: "6" } } },
      { locations, fastcgi: { pass: "www" } },
    );
    expect(await at(path, "public/told.php")).toMatch(
      /^2 edge-fpm: .* has several pools, and which one .* belongs to does not follow\./,
    );
    expect(await at(path, "--pool", "deep", "public/told.php")).toMatch(/^8\.2\.\d+ 6 {2}-$/);
    expect(await at(path, "--pool", "none", "public/told.php")).toMatch(
      /^2 edge-fpm: .* has no pool none\.\nPools: www, deep/,
    );
    remove();
  });

  test("a pool's extensions are loaded", { timeout: 60_000 }, async () => {
    const { path, remove } = site({ www: { php: "8.2", ini: { extension: "redis" } } });
    expect(await at(path, "public/told.php")).toMatch(/ redis$/);
    remove();
  });
});

describe("the arguments of edge-fpm php", () => {
  const none = {
    php: undefined,
    ini: undefined,
    network: true,
    config: undefined,
    noConfig: false,
    pool: undefined,
    script: undefined,
    mail: new Map(),
  };
  test.each([
    { argv: ["a.php", "--php", "8.3"], read: { ...none, script: "a.php", args: ["a.php", "--php", "8.3"] } },
    {
      argv: ["--php=8.3", "-d", "a=b", "a.php"],
      read: { ...none, php: "8.3", script: "a.php", args: ["-d", "a=b", "a.php"] },
    },
    { argv: ["-da=b", "-c", "x.ini", "--", "-v"], read: { ...none, ini: "x.ini", args: ["-da=b", "--", "-v"] } },
    { argv: ["-c=x.ini", "-n", "-r", "-c", "-"], read: { ...none, args: ["-r", "-c", "-"] } },
    { argv: ["--no-network", "-qr", "code", "x"], read: { ...none, network: false, args: ["-qr", "code", "x"] } },
    {
      argv: ["--config", "c.ts", "--pool=w", "-f", "x.php"],
      read: { ...none, config: "c.ts", pool: "w", script: "x.php", args: ["-f", "x.php"] },
    },
    { argv: ["--php-ini=y", "--define", "a=b"], read: { ...none, ini: "y", args: ["--define", "a=b"] } },
    {
      argv: ["--smtp=smtp://h", "--mail-from", "a@b", "x.php", "--smtp"],
      read: {
        ...none,
        mail: new Map([
          ["smtp", "smtp://h"],
          ["mail-from", "a@b"],
        ]),
        script: "x.php",
        args: ["x.php", "--smtp"],
      },
    },
  ])("$argv", ({ argv, read }) => {
    expect(readPhpArguments(argv)).toEqual(read);
  });

  test.each([["--php"], ["-c"], ["-d"], ["-r"], ["--smtp"]])("%s alone lacks its value", (name) => {
    expect(() => readPhpArguments([name])).toThrow(`${name} needs a value.`);
  });
});
