// Requests through the whole engine in a real browser: web server, master and children in Workers, real PHP.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openEngine } from "./chromium.ts";

describePeers(["chromium"], "a request in the page", () => {
  let opened: Awaited<ReturnType<typeof openEngine>>;
  beforeAll(async () => {
    opened = await openEngine({ pool: { pm: "static", maxChildren: 2 } });
  }, 120_000);
  afterAll(() => opened?.close());

  test("is answered by PHP", async () => {
    const answer = await opened.page.evaluate(async () => {
      const response = await globalThis.engine.request({ url: "/hello.php?name=%3CAda%3E" });
      return { status: response.status, text: await response.text(), end: await response.end };
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("<h1>Hello, &lt;Ada&gt;!</h1>");
    expect(answer.text).toContain("fpm-fcgi");
    expect(answer.end.stderr).toEqual([]);
    expect(answer.end.timings.total).toBeGreaterThanOrEqual(answer.end.timings.head);
  });

  test("brings a form's fields", async () => {
    const text = await opened.page.evaluate(async () => {
      const body = new TextEncoder().encode("name=Gr%C3%A4fin&colour=green");
      const headers = [["Content-Type", "application/x-www-form-urlencoded"]] as const;
      const response = await globalThis.engine.request({ method: "POST", url: "/form.php", headers, body });
      return await response.text();
    });
    expect(text).toContain("STDIN brought 29 bytes");
    expect(text).toContain("[name] =&gt; Gräfin");
  });

  test("finds its session in whichever child answers", async () => {
    const seen = await opened.page.evaluate(async () => {
      const first = await globalThis.engine.request({ url: "/session.php" });
      await first.text();
      const cookie = first.headers.find(([name]) => name.toLowerCase() === "set-cookie")?.[1].split(";")[0] ?? "";
      const texts: string[] = [];
      for (let i = 0; i < 6; i++) {
        // A request that keeps one child busy: the session's goes to the other one, or waits for either.
        const busy = i % 2 === 0 ? globalThis.engine.request({ url: "/slow.php?pieces=1&ms=150" }) : undefined;
        const response = await globalThis.engine.request({ url: "/session.php", headers: [["Cookie", cookie]] });
        texts.push(await response.text());
        await (await busy)?.text();
      }
      return texts;
    });
    expect(seen.map((text) => /Visits: (\d+)/.exec(text)?.[1])).toEqual(["2", "3", "4", "5", "6", "7"]);
    expect(new Set(seen.map((text) => /child (\d+)/.exec(text)?.[1])).size).toBe(2);
  });

  test("uploads a file that the web server then sends", async () => {
    const result = await opened.page.evaluate(async () => {
      const example = globalThis.edgeFpm.EXAMPLES.find(({ path }) => path === "/upload.php");
      if (example === undefined) throw new Error("there is no upload example");
      const changed: string[] = [];
      globalThis.engine.on("files", ({ paths }) => changed.push(...paths));
      const uploaded = await (await globalThis.engine.request(example.request)).text();
      const file = await globalThis.engine.request({ url: "/uploads/notes.txt" });
      return { uploaded, status: file.status, text: await file.text(), headers: file.headers, changed };
    });
    expect(result.uploaded).toContain("Stored 13 bytes");
    expect(result).toMatchObject({ status: 200, text: "FastCGI, 1996" });
    expect(result.headers).toContainEqual(["Content-Type", "text/plain; charset=utf-8"]);
    expect(result.changed).toContain("/uploads/notes.txt");
  });

  test("streams its answer in pieces, long before the end", async () => {
    const { pieces, total } = await opened.page.evaluate(async () => {
      const response = await globalThis.engine.request({ url: "/slow.php?pieces=4&ms=200" });
      const reader = response.body.getReader();
      const pieces: { at: number; text: string }[] = [];
      const began = performance.now();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        pieces.push({ at: performance.now() - began, text: new TextDecoder().decode(value) });
      }
      return { pieces, total: performance.now() - began };
    });
    expect(pieces.map(({ text }) => text).join("")).toMatch(/^piece 1 of 4\n.*done\n$/s);
    expect(pieces.length).toBeGreaterThanOrEqual(4);
    expect(pieces[0]?.at).toBeLessThan(total / 2);
  });

  test("with a fatal error is a 500, and the reason comes by STDERR", async () => {
    const { status, end, text } = await opened.page.evaluate(async () => {
      const response = await globalThis.engine.request({ url: "/fatal.php" });
      return { status: response.status, text: await response.text(), end: await response.end };
    });
    expect(status).toBe(500);
    expect(text).toBe("");
    expect(end.stderr.join("\n")).toContain("Call to undefined function missing_function()");
  });

  test("that loops for ever is stopped, and its child replaced", async () => {
    const { status, before, after, text, log } = await opened.page.evaluate(async () => {
      const pids = async () => {
        const { body } = await globalThis.engine.pool.statusPage("json", true);
        return (JSON.parse(body) as { processes: { pid: number }[] }).processes.map(({ pid }) => pid);
      };
      const log: string[] = [];
      globalThis.engine.on("log", ({ message }) => log.push(message));
      await globalThis.engine.pool.configure({ requestTerminateTimeout: 1000 });
      const before = await pids();
      const response = await globalThis.engine.request({ url: "/loop.php" });
      const text = await response.text();
      for (let i = 0; i < 100 && (await pids()).length < 2; i++) await new Promise((done) => setTimeout(done, 50));
      const next = await globalThis.engine.request({ url: "/hello.php" });
      await globalThis.engine.pool.configure({ requestTerminateTimeout: 10_000 });
      return { status: response.status, text, before, after: await pids(), next: next.status, log };
    });
    expect(status).toBe(504);
    expect(text).toContain("ran too long");
    expect(after).toHaveLength(2);
    expect(after).not.toEqual(before);
    expect(log.join("\n")).toContain("execution timed out");
  });

  test("for phpinfo() shows the whole page", async () => {
    const text = await opened.page.evaluate(async () =>
      (await globalThis.engine.request({ url: "/phpinfo.php" })).text(),
    );
    expect(text.length).toBeGreaterThan(50_000);
    expect(text.includes("PHP Version 8.4.")).toBe(true);
    expect(text.trimEnd().endsWith("</html>")).toBe(true);
  });

  test("that is aborted goes no further, and the child is free again", async () => {
    const { error, idle } = await opened.page.evaluate(async () => {
      const stop = new AbortController();
      const request = { url: "/slow.php?pieces=100&ms=100" };
      const response = await globalThis.engine.request(request, { signal: stop.signal });
      const reader = response.body.getReader();
      await reader.read();
      stop.abort();
      const error = await reader.read().then(
        () => "none",
        (reason: Error) => reason.name,
      );
      const idle = async () => {
        const { body } = await globalThis.engine.pool.statusPage("json");
        return (JSON.parse(body) as Record<string, number>)["active processes"] === 0;
      };
      for (let i = 0; i < 60 && !(await idle()); i++) await new Promise((done) => setTimeout(done, 50));
      return { error, idle: await idle() };
    });
    expect(error).toBe("AbortError");
    expect(idle).toBe(true);
    const aborts = await opened.page.evaluate(async () => {
      await new Promise((done) => setTimeout(done, 300));
      return globalThis.engine.wire.events.filter((event) => event.kind === "record" && event.type === 2).length;
    });
    // On both hops.
    expect(aborts).toBe(2);
  });

  test("runs the script as it was edited a moment before, in every child", async () => {
    const texts = await opened.page.evaluate(async () => {
      const texts: string[] = [];
      for (let version = 1; version <= 3; version++) {
        const source = `<?php usleep(50000); echo "version ${version} by ", getenv("CHILD_PID");`;
        await globalThis.engine.files.change({ "/edited.php": source });
        const answers = [1, 2].map(() => globalThis.engine.request({ url: "/edited.php" }));
        for (const answer of answers) texts.push(await (await answer).text());
      }
      return texts;
    });
    expect(texts.map((text) => text.replace(/ by \d+$/, ""))).toEqual([1, 1, 2, 2, 3, 3].map((n) => `version ${n}`));
    expect(new Set(texts.map((text) => text.split(" by ")[1])).size).toBe(2);
  });

  test("for a static file needs no PHP, and keeps what a gateway keeps back", async () => {
    const statuses = await opened.page.evaluate(async () => {
      await globalThis.engine.files.change({ "/style.css": "b {}", "/.env": "SECRET=1", "/old.php.bak": "<?php" });
      const urls = ["/style.css", "/.env", "/old.php.bak", "/missing", "/%2e%2e/etc", "/a b"];
      const statuses: number[] = [];
      for (const url of urls) statuses.push((await globalThis.engine.request({ url })).status);
      return statuses;
    });
    expect(statuses).toEqual([200, 403, 403, 404, 400, 400]);
  });

  test("holds a script back whose answer nobody reads, and loses nothing of it", async () => {
    const { length, expected } = await opened.page.evaluate(async () => {
      const source = `<?php $line = str_repeat("x", 1023) . "\\n"; for ($i = 0; $i < 6000; $i++) echo $line;`;
      await globalThis.engine.files.change({ "/large.php": source });
      const response = await globalThis.engine.request({ url: "/large.php" });
      await new Promise((done) => setTimeout(done, 300));
      return { length: (await response.bytes()).length, expected: 6000 * 1024 };
    });
    expect(length).toBe(expected);
  });

  test("whose script breaks the interpreter is a 502, and the child is replaced", async () => {
    const { status, next, log } = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      const log: string[] = [];
      const off = engine.on("log", ({ message }) => log.push(message));
      // Deeper than the stack of the engine that runs WebAssembly.
      const source = "<?php $a = []; for ($i = 0; $i < 60000; $i++) $a = [$a]; echo strlen(serialize($a));";
      await engine.files.change({ "/deep.php": source });
      const response = await engine.request({ url: "/deep.php" });
      await response.bytes();
      const next = (await engine.request({ url: "/hello.php" })).status;
      await new Promise((done) => setTimeout(done, 200));
      off();
      return { status: response.status, next, log };
    });
    expect({ status, next }).toEqual({ status: 502, next: 200 });
    expect(log.join("\n")).toMatch(/exited \(crashed: .*the interpreter broke/);
  });

  test("may go on after its answer, and what it writes then is shared too", async () => {
    const { early, text } = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      await engine.files.change({
        "/finish.php":
          "<?php echo 'answered'; fastcgi_finish_request(); usleep(400000); file_put_contents('/tmp/late', 'late');",
      });
      const began = performance.now();
      const text = await (await engine.request({ url: "/finish.php" })).text();
      const early = performance.now() - began < 350 && (await engine.files.read("file:/tmp/late")) === undefined;
      for (let i = 0; i < 100; i++) {
        const late = await engine.files.read("file:/tmp/late");
        if (late !== undefined) return { early, text: `${text} ${new TextDecoder().decode(late)}` };
        await new Promise((done) => setTimeout(done, 50));
      }
      return { early, text };
    });
    expect({ early, text }).toEqual({ early: true, text: "answered late" });
  });

  test("can ask for the status of its pool", async () => {
    const text = await opened.page.evaluate(async () => {
      await globalThis.engine.files.change({ "/status.php": "<?php echo json_encode(fpm_get_status());" });
      return (await globalThis.engine.request({ url: "/status.php" })).text();
    });
    expect(JSON.parse(text)).toMatchObject({ pool: "www", "process-manager": "static" });
  });

  test("sees files come and go as scripts and the page change them", async () => {
    const seen = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      await engine.files.change({
        "/write.php":
          "<?php @mkdir('/www/data/deep', 0777, true); file_put_contents('/www/data/deep/a.txt', 'one'); rename('/www/data/deep/a.txt', '/www/data/b.txt'); file_put_contents('/www/data/b.txt', ' two', FILE_APPEND);",
        "/read.php":
          "<?php usleep(30000); echo getenv('CHILD_PID'), ' ', @file_get_contents('/www/data/b.txt') ?: 'none';",
        "/remove.php": "<?php unlink('/www/data/b.txt');",
      });
      const both = async () => {
        const answers = await Promise.all([1, 2].map(() => engine.request({ url: "/read.php" })));
        const texts = await Promise.all(answers.map((answer) => answer.text()));
        const children = new Set(texts.map((text) => text.split(" ")[0])).size;
        return `${children} ${[...new Set(texts.map((text) => text.replace(/^\d+ /, "")))].join()}`;
      };
      const run = async (url: string) => (await engine.request({ url })).bytes();
      await run("/write.php");
      const seen = [await both()];
      const listed = (await engine.files.list()).map(({ path }) => path).filter((path) => path.startsWith("/data/"));
      await engine.files.change({ "/data/b.txt": "from the page" });
      seen.push(await both());
      await run("/remove.php");
      seen.push(await both(), listed.join());
      return seen;
    });
    expect(seen).toEqual(["2 one two", "2 from the page", "2 none", "/data/b.txt"]);
  });

  test("says which header cannot be sent", async () => {
    const error = await opened.page.evaluate(() =>
      globalThis.engine.request({ url: "/hello.php", headers: [["bad name", "x"]] }).catch((reason) => ({
        name: reason.name,
        code: reason.code,
      })),
    );
    expect(error).toEqual({ name: "EngineError", code: "GATEWAY_BAD_REQUEST" });
  });

  test("gets the master's pages in every format", async () => {
    const pages = await opened.page.evaluate(async () => {
      const { pool } = globalThis.engine;
      const pages: Record<string, { contentType: string; body: string }> = {};
      for (const format of ["text", "html", "json", "xml", "openmetrics"] as const) {
        pages[format] = await pool.statusPage(format, format === "text");
      }
      const body = await (await globalThis.engine.request({ url: "/ping" })).text();
      pages.ping = { contentType: "", body };
      return pages;
    });
    expect(pages.text?.body).toMatch(/^pool: {17}www\n.*request URI/s);
    expect(pages.html?.body).toContain("<html");
    expect(JSON.parse(pages.json?.body ?? "")).toMatchObject({ pool: "www", "process manager": "static" });
    expect(pages.xml?.body).toContain("<status>");
    expect(pages.openmetrics?.body).toContain("# EOF");
    expect(pages.openmetrics?.contentType).toContain("openmetrics-text");
    expect(pages.ping?.body).toBe("pong");
  });

  describe("afterwards", () => {
    test("the page has nothing to complain about", () => {
      expect(opened.complaints).toEqual([]);
    });
  });
});
