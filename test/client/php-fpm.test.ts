// The client against a real php-fpm.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, type ClientOptions, connect } from "../../src/client/index.ts";
import { addressUrl } from "../peers/address.ts";
import { describePeers } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";

const SCRIPTS = {
  "hello.php":
    "<?php setcookie('a', '1'); setcookie('b', '2'); http_response_code(202); error_log('careful');" +
    "echo json_encode(array_intersect_key($_SERVER, array_flip(['REQUEST_METHOD', 'REQUEST_URI', 'QUERY_STRING'," +
    "'SCRIPT_NAME', 'PATH_INFO', 'HTTP_HOST', 'HTTP_COOKIE', 'SERVER_NAME', 'SERVER_PORT', 'EXTRA'])));",
  "echo.php": "<?php header('Content-Type: application/octet-stream'); readfile('php://input');",
  "stream.php": '<?php echo "first\\n"; flush(); while (!file_exists($_GET[\'go\'])) usleep(5000); echo "last\\n";',
  "endless.php": "<?php ignore_user_abort(false); for (;;) { echo str_repeat('x', 1000); flush(); usleep(2000); }",
  "token.php": "<?php echo $_GET['token'];",
  "sleep.php": "<?php sleep(5); echo 'late';",
  "short.php": "<?php header('Content-Length: 10'); echo 'abc';",
};

for (const listen of ["tcp", "unix"] as const) {
  describePeers(["php-fpm8.2"], `a client of php-fpm over ${listen}`, () => {
    let scratch: Scratch;
    let fpm: PhpFpm;
    beforeAll(async () => {
      scratch = makeScratch("client");
      for (const [name, code] of Object.entries(SCRIPTS)) writeFileSync(join(scratch.path, name), code);
      fpm = await startPhpFpm({ listen, children: 4, poolLines: ["pm.status_path = /status", "ping.path = /ping"] });
    });
    afterAll(async () => {
      await fpm?.stop();
      scratch?.remove();
    });

    async function withClient<T>(options: ClientOptions, use: (client: Client) => Promise<T>): Promise<T> {
      const client = connect(addressUrl(fpm.address), options);
      try {
        return await use(client);
      } finally {
        await client.close({ abort: true });
      }
    }
    const root = () => ({ documentRoot: scratch.path });

    test("tells the script what a web server would, and takes status, cookies, STDERR and exit status", async () => {
      await withClient({}, async (client) => {
        const { response, head, end } = await client.request("http://example.org:8080/hello.php/info?a=1&b=%C3%A9", {
          ...root(),
          headers: { cookie: "c=3" },
          params: { EXTRA: "é" },
        });
        expect(response.status).toBe(202);
        expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
        expect(head.headers.filter(([name]) => name === "Set-Cookie")).toHaveLength(2);
        expect(await response.json()).toEqual({
          REQUEST_METHOD: "GET",
          REQUEST_URI: "/hello.php/info?a=1&b=%C3%A9",
          QUERY_STRING: "a=1&b=%C3%A9",
          SCRIPT_NAME: "/hello.php",
          PATH_INFO: "/info",
          HTTP_HOST: "example.org:8080",
          HTTP_COOKIE: "c=3",
          SERVER_NAME: "example.org",
          SERVER_PORT: "8080",
          EXTRA: "é",
        });
        expect(await end).toEqual({
          applicationStatus: 0,
          protocolStatus: "request-complete",
          stderr: expect.stringContaining("careful"),
        });
      });
    });

    test("a scriptFilename names the script, whatever the URL", async () => {
      await withClient({}, async (client) => {
        const scriptFilename = join(scratch.path, "token.php");
        expect(await (await client.fetch("/some/where?token=x", { scriptFilename })).text()).toBe("x");
      });
    });

    test.each(["bytes", "a Request", "a stream with a Content-Length", "a stream without one", "a Blob"])(
      "posts 10 MB as %s, and gets them back",
      async (kind) => {
        const body = new Uint8Array(10_000_000).map((_, index) => (index * 31) >> 3);
        const stream = () => new Blob([body]).stream();
        const post = { method: "POST", ...root() };
        await withClient({}, async (client) => {
          const url = "http://localhost/echo.php";
          const send = {
            bytes: () => client.fetch(url, { ...post, body }),
            "a Request": () => client.fetch(new Request(url, { method: "POST", body }), root()),
            "a stream with a Content-Length": () =>
              client.fetch(url, { ...post, body: stream(), headers: { "content-length": String(body.length) } }),
            "a stream without one": () => client.fetch(url, { ...post, body: stream() }),
            "a Blob": () => client.fetch(url, { ...post, body: new Blob([body]) }),
          }[kind] as () => Promise<Response>;
          const response = await send();
          expect(response.status).toBe(200);
          expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
        });
      },
    );

    test("refuses to gather more than maxGathered of a body without a length, and says what to do", async () => {
      await withClient({ maxGathered: 1000 }, async (client) => {
        const body = new Blob([new Uint8Array(2000)]).stream();
        await expect(client.fetch("/echo.php", { method: "POST", body, ...root() })).rejects.toMatchObject({
          code: "CLIENT_BODY_LENGTH",
          message: expect.stringContaining("Content-Length"),
        });
      });
    });

    test.each([5, 15])("a body of 10 bytes with Content-Length %i fails instead of hanging", async (length) => {
      await withClient({}, async (client) => {
        const body = new Blob([new Uint8Array(10)]).stream();
        const headers = { "content-length": String(length) };
        await expect(client.fetch("/echo.php", { method: "POST", body, headers, ...root() })).rejects.toMatchObject({
          code: "CLIENT_BODY_LENGTH",
        });
      });
    });

    test("streams: the first piece comes before the script has ended", async () => {
      await withClient({}, async (client) => {
        const go = join(scratch.path, "go");
        const response = await client.fetch(`/stream.php?go=${encodeURIComponent(go)}`, root());
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        expect(new TextDecoder().decode((await reader.read()).value)).toBe("first\n");
        writeFileSync(go, "");
        expect(new TextDecoder().decode((await reader.read()).value)).toBe("last\n");
        expect((await reader.read()).done).toBe(true);
      });
    });

    test("an abort ends the wait for headers, and the body's stream, and frees the child", async () => {
      await withClient({ maxIdle: 2 }, async (client) => {
        const waiting = new AbortController();
        const late = client.fetch("/sleep.php", { ...root(), signal: waiting.signal });
        setTimeout(() => waiting.abort(new Error("too slow")), 50);
        await expect(late).rejects.toThrow("too slow");

        const reading = new AbortController();
        const response = await client.fetch("/endless.php", { ...root(), signal: reading.signal });
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        await reader.read();
        reading.abort(new Error("enough"));
        await expect(
          (async () => {
            while (!(await reader.read()).done);
          })(),
        ).rejects.toThrow("enough");
        await expect.poll(() => client.counts().busy).toBe(0);
      });
    });

    test("cancelling the body ends the script's connection", async () => {
      await withClient({}, async (client) => {
        const { response, end } = await client.request("/endless.php", root());
        await response.body?.cancel();
        await expect(end).rejects.toMatchObject({ name: "AbortError" });
        expect(client.counts()).toMatchObject({ busy: 0 });
      });
    });

    test.each([{}, { maxIdle: 3, maxConnections: 3 }, { multiplex: true }])(
      "runs 500 requests at the same time, each with its own answer: %o",
      async (options) => {
        await withClient(options, async (client) => {
          const answers = await Promise.all(
            Array.from({ length: 500 }, async (_, index) =>
              (await client.fetch(`/token.php?token=${index}`, root())).text(),
            ),
          );
          expect(answers).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
        });
      },
    );

    test("keeps a connection for the next request, and asks one for its values", async () => {
      await withClient({ maxIdle: 1 }, async (client) => {
        await (await client.fetch("/token.php?token=1", root())).text();
        await expect.poll(() => client.counts()).toMatchObject({ busy: 0, idle: 1 });
        await (await client.fetch("/token.php?token=2", root())).text();
        expect(await client.values()).toEqual(new Map([["FCGI_MPXS_CONNS", "0"]]));
      });
    });

    test("reads php-fpm's own pages", async () => {
      await withClient({}, async (client) => {
        expect(await (await client.fetch("/ping")).text()).toBe("pong");
        expect(await (await client.fetch("/status?json")).json()).toMatchObject({ "process manager": "static" });
      });
    });

    test("a script that is missing is a 404 with a line on STDERR", async () => {
      await withClient({}, async (client) => {
        const lines: string[] = [];
        const { response, end } = await client.request("/missing.php", {
          ...root(),
          onStderr: (text) => lines.push(text),
        });
        expect(response.status).toBe(404);
        expect(await response.text()).toBe("File not found.\n");
        expect((await end).stderr).toContain("Primary script unknown");
        expect(lines.join("")).toContain("Primary script unknown");
      });
    });

    test("a body shorter than its Content-Length fails", async () => {
      await withClient({}, async (client) => {
        const response = await client.fetch("/short.php", root());
        await expect(response.text()).rejects.toMatchObject({ code: "CLIENT_BAD_ANSWER" });
      });
    });

    test("a silent script is given up after readTimeout", async () => {
      await withClient({ readTimeout: 100 }, async (client) => {
        await expect(client.fetch("/sleep.php", root())).rejects.toMatchObject({ code: "EXCHANGE_TIMEOUT" });
      });
    });
  });
}
