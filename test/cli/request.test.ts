// `edge-fpm request`, against our own fpm and against a real php-fpm.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressPlain, addressUrl, type FastCgiAddress } from "../peers/address.ts";
import { runEdgeFpm, startFpm } from "../peers/edge-fpm.ts";
import { describePeers } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { freePort } from "../peers/ports.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run, runProgram } from "./run.ts";
import { writeScripts } from "./scripts.ts";

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("request");
  writeScripts(scratch.path);
});
afterAll(() => scratch.remove());

const md5 = (data: string | Uint8Array) => createHash("md5").update(data).digest("hex");

function suite(start: () => Promise<{ address: FastCgiAddress; stop(): Promise<void> }>): void {
  let application: { address: FastCgiAddress; stop(): Promise<void> };
  beforeAll(async () => {
    application = await start();
  });
  afterAll(() => application?.stop());

  const script = (name: string) => join(scratch.path, name);
  const request = (...args: string[]) => run(["request", addressPlain(application.address), ...args]);

  test("prints the body alone, and the header block with --include", async () => {
    const plain = await request(script("hello.php"), "-q", "who=Ada");
    expect(plain).toEqual({ status: 0, stdout: "hello Ada", stderr: "" });
    const whole = await request(script("echo.php"), "-i");
    expect(whole.stdout).toMatch(/^(?:[\w-]+: .*\r\n)*X-Answer: yes\r\n(?:[\w-]+: .*\r\n)*\r\n\{/);
  });

  test("takes an address with its scheme and a script relative to the present folder", async () => {
    const args = ["request", addressUrl(application.address), "./hello.php"];
    expect((await run(args, { cwd: scratch.path })).stdout).toBe("hello nobody");
  });

  test("sends method, headers, path info, root and params", async () => {
    const { stdout } = await request(
      ...["hello/../echo.php", "--root", scratch.path, "-X", "PUT", "-q", "a=1&b[]=2", "--path-info", "/extra/path"],
      ...["-H", "User-Agent:  a tester ", "-H", "content-type: text/x-one", "-p", "EXTRA=a=ä", "-p", "EXTRA=last ä"],
    );
    expect(JSON.parse(stdout)).toMatchObject({
      method: "PUT",
      query: { a: "1", b: ["2"] },
      agent: "a tester",
      type: "text/x-one",
      path: "/extra/path",
      script: "/echo.php",
      root: scratch.path,
      extra: "last ä",
    });
  });

  test("sends a body from the command line, a file and standard input", async () => {
    const form = JSON.parse((await request(script("echo.php"), "-d", "a=1&b=zwei")).stdout);
    expect(form).toMatchObject({ method: "POST", post: { a: "1", b: "zwei" }, length: "10" });
    expect(form.type).toBe("application/x-www-form-urlencoded");

    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    const file = join(scratch.path, "body.bin");
    writeFileSync(file, bytes);
    const typed = ["--type", "application/octet-stream"];
    const fromFile = JSON.parse((await request(script("echo.php"), "-d", `@${file}`, ...typed)).stdout);
    expect(fromFile).toMatchObject({ body: md5(bytes), length: "300000", type: "application/octet-stream" });

    const args = ["request", addressPlain(application.address), script("echo.php"), "-d", "@-", ...typed];
    expect(JSON.parse((await run(args, { stdin: bytes })).stdout)).toMatchObject({ body: md5(bytes) });
    expect(JSON.parse((await run(args, { stdin: "" })).stdout)).toMatchObject({ body: md5(""), method: "POST" });
  });

  test("a body that cannot be read is an error before anything is sent", async () => {
    const { status, stderr } = await request(script("echo.php"), "-d", "@/no/such/body");
    expect(stderr).toMatch(/^edge-fpm: Cannot read \/no\/such\/body: ENOENT/);
    expect(status).toBe(1);
  });

  test("a script that is not there is the application's 404, told on stderr", async () => {
    const { stdout, stderr } = await request(script("nothing.php"), "-i");
    expect(stdout).toMatch(/^Status: 404 Not Found\r\n/);
    expect(stderr).toContain("Primary script unknown");
  });

  test("--timeout ends a request that takes too long", async () => {
    const { status, stderr } = await request(script("sleep.php"), "-q", "ms=3000", "--timeout", "1");
    expect(stderr).toMatch(/^edge-fpm: No whole answer from \S+ within 1 s\.\n--timeout allows more\.\n$/);
    expect(status).toBe(1);
  });

  test("Ctrl-C ends it, and the application goes on", async () => {
    const program = runEdgeFpm(["request", addressPlain(application.address), script("begin.php"), "-q", "ms=3000"]);
    await program.waitFor(/begun/);
    expect(await program.stop("SIGINT")).toEqual({ code: null, signal: "SIGINT" });
    expect((await request(script("hello.php"))).stdout).toBe("hello nobody");
  });

  test("a reader that has enough, such as head, ends it without a complaint", async () => {
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const line = `"${process.execPath}" "${main}" request "$0" "$1" | head -n 1`;
    const piped = await runProgram("sh", ["-c", line, addressPlain(application.address), script("lines.php")]);
    expect(piped).toEqual({ status: 0, stdout: "line 0\n", stderr: "" });
  });
}

describe("against edge-fpm fpm over TCP", () => {
  suite(() => startFpm(scratch.path, { kind: "tcp", port: 0 }));
});
describe("the exit status", () => {
  test("is the status that the script exits with", async () => {
    const fpm = await startFpm(scratch.path, { kind: "tcp", port: 0 }, { children: 1 });
    try {
      const answer = await run(["request", addressPlain(fpm.address), join(scratch.path, "exit.php")]);
      expect(answer).toEqual({ status: 7, stdout: "bye", stderr: "" });
    } finally {
      await fpm.stop();
    }
  });

  test("is 1 when the child was lost, and the page says why", async () => {
    const fpm = await startFpm(
      scratch.path,
      { kind: "tcp", port: 0 },
      { children: 1, args: ["--terminate-timeout", "1"] },
    );
    try {
      const answer = await run(["request", addressPlain(fpm.address), join(scratch.path, "forever.php"), "-i"]);
      expect(answer.stdout).toMatch(/^Status: 504 /);
      expect(answer.stderr).toContain("request_terminate_timeout is 1");
      expect(answer.status).toBe(1);
    } finally {
      await fpm.stop();
    }
  });
});

describePeers(["php-fpm8.2"], "against php-fpm over a Unix socket", () => {
  suite(() => startPhpFpm({ listen: "unix" }));
});

describe("without an application", () => {
  test("nobody listens", async () => {
    const { status, stderr } = await run(["request", `127.0.0.1:${await freePort()}`, "/x.php"]);
    expect(stderr).toMatch(
      /^edge-fpm: cannot connect to tcp:\S+: nothing accepts connections there .*is the application running\?\n$/,
    );
    expect(status).toBe(1);
  });

  test("there is no such socket", async () => {
    const { status, stderr } = await run(["request", "/no/such.sock", "/x.php"]);
    expect(stderr).toMatch(/^edge-fpm: cannot connect to unix:\/no\/such\.sock: there is no such socket file/);
    expect(status).toBe(1);
  });

  const withServer = async (answer: string | undefined, use: (address: string) => Promise<void>) => {
    const server: Server = createServer((socket) => {
      socket.on("error", () => {});
      if (answer === undefined) socket.destroy();
      else socket.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    try {
      await use(`127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`);
    } finally {
      server.close();
    }
  };

  test("something that speaks HTTP", async () => {
    await withServer("HTTP/1.1 400 Bad Request\r\n\r\n", async (address) => {
      const { status, stdout, stderr } = await run(["request", address, "/x.php"]);
      expect(stderr).toMatch(/^edge-fpm: .*version/);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    });
  });

  test("something that hangs up", async () => {
    await withServer(undefined, async (address) => {
      const { status, stderr } = await run(["request", address, "/x.php"]);
      expect(stderr).toMatch(/^edge-fpm: .*before END_REQUEST/);
      expect(status).toBe(1);
    });
  });
});
