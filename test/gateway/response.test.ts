import { describe, expect, test } from "vitest";
import { decode, encode, gatewayOf, hello, type Script } from "./application.ts";

const says =
  (...chunks: string[]): Script =>
  async (visit) => {
    for (const chunk of chunks) await visit.out(chunk);
    return undefined;
  };

const HEAD = "Content-Type: text/plain\r\n\r\n";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a script's response", () => {
  test("has its status, reason, headers and body", async () => {
    const { get } = await gatewayOf(
      says("Status: 404 Nothing Here\r\nX-A: 1\r\n", "Content-Type: text/x\r\n\r\nab", "cd"),
    );
    const response = await get("/");
    expect(response.status).toBe(404);
    expect(response.statusText).toBe("Nothing Here");
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/x",
      "x-a": "1",
      "content-length": "4",
    });
    expect(await response.text()).toBe("abcd");
  });

  test("keeps every cookie apart", async () => {
    const { get } = await gatewayOf(says("Set-Cookie: a=1; Expires=Thu, 01 Jan 2026\nSet-Cookie: b=2\n\n"));
    expect((await get("/")).headers.getSetCookie()).toEqual(["a=1; Expires=Thu, 01 Jan 2026", "b=2"]);
  });

  test("keeps the bytes of headers and body", async () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const { get } = await gatewayOf(async (visit) => {
      await visit.out("X-A: \u00e9\u00ff\n\n");
      await visit.out(all);
      return undefined;
    });
    const response = await get("/");
    expect(response.headers.get("x-a")).toBe("\u00e9\u00ff");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(all);
  });

  test("loses the headers of one connection, those that Connection names too", async () => {
    const { get } = await gatewayOf(
      says(
        "Connection: close, X-Hop\nX-Hop: 1\nKeep-Alive: 5\nTransfer-Encoding: chunked\nUpgrade: h2c\nX-B: 1\n\nbody",
      ),
    );
    const response = await get("/");
    expect(Object.fromEntries(response.headers)).toEqual({ "x-b": "1", "content-length": "4" });
    expect(await response.text()).toBe("body");
  });

  test.each([204, 304, 205])("with status %i has no body, whatever the script printed", async (status) => {
    const { get } = await gatewayOf(says(`Status: ${status}\nContent-Length: 4\n\nbody`));
    const response = await get("/");
    expect(response.status).toBe(status);
    expect(response.body).toBeNull();
  });

  test("to HEAD has no body; the script runs to its end", async () => {
    let ended = false;
    const { get } = await gatewayOf(async (visit) => {
      await visit.out(`Content-Length: 4\n${HEAD}`);
      await pause(5);
      await visit.out("body");
      ended = true;
      return undefined;
    });
    const response = await get("/", { method: "HEAD" });
    expect(response.body).toBeNull();
    expect(response.headers.get("content-length")).toBe("4");
    await expect.poll(() => ended).toBe(true);
  });

  test("that ends at once is no stream: its length is known", async () => {
    const { get } = await gatewayOf(hello);
    expect((await get("/")).headers.get("content-length")).toBe("5");
  });

  test("is streamed as it comes when the script takes its time", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { get } = await gatewayOf(async (visit) => {
      await visit.out(`${HEAD}first`);
      await gate;
      await visit.out("second");
      return undefined;
    });
    const response = await get("/");
    expect(response.headers.has("content-length")).toBe(false);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(decode((await reader.read()).value as Uint8Array)).toBe("first");
    release();
    expect(decode((await reader.read()).value as Uint8Array)).toBe("second");
    expect((await reader.read()).done).toBe(true);
  });

  test("with many tiny chunks is whole", async () => {
    const { get } = await gatewayOf(says(HEAD, ..."abcdefghij".repeat(100)));
    expect(await (await get("/")).text()).toBe("abcdefghij".repeat(100));
  });

  test("is held back no further than its buffer: the script waits for the visitor", async () => {
    let sent = 0;
    const { get } = await gatewayOf(
      async (visit) => {
        await visit.out(HEAD);
        for (; sent < 1000; sent++) await visit.out(encode("x".repeat(1000)));
        return undefined;
      },
      { limits: { responseBuffer: 10_000 } },
    );
    const response = await get("/");
    await pause(20);
    expect(sent).toBeLessThan(15);
    expect((await response.arrayBuffer()).byteLength).toBe(1_000_000);
  });

  test("tells the exchange when the visitor wants no more", async () => {
    let reason: unknown;
    const { get, failures } = await gatewayOf(
      async (visit) => {
        visit.signal.addEventListener("abort", () => {
          reason = visit.signal.reason;
        });
        await visit.out(HEAD);
        for (;;) await visit.out("x".repeat(1000));
      },
      { limits: { responseBuffer: 1000 } },
    );
    const response = await get("/");
    await response.body?.cancel("enough");
    expect(reason).toBe("enough");
    await pause(5);
    expect(failures).toEqual([]);
  });
});

describe("a script's Content-Length", () => {
  test("is passed on when it is true, whole or streamed", async () => {
    const { get } = await gatewayOf(says(`Content-Length: 4\n${HEAD}body`));
    expect((await get("/")).headers.get("content-length")).toBe("4");
    const slow = await gatewayOf(async (visit) => {
      await visit.out(`Content-Length: 4\n${HEAD}bo`);
      await pause(20);
      await visit.out("dy");
      return undefined;
    });
    const response = await slow.get("/");
    expect(response.headers.get("content-length")).toBe("4");
    expect(await response.text()).toBe("body");
  });

  test("cuts what is more", async () => {
    const { get } = await gatewayOf(says(`Content-Length: 4\n${HEAD}bo`, "dy and more", "and more"));
    expect(await (await get("/")).text()).toBe("body");
  });

  test("that promises more than comes is an error: 502 when nothing was sent yet", async () => {
    const { get, failures } = await gatewayOf(says(`Content-Length: 9\n${HEAD}body`));
    expect((await get("/")).status).toBe(502);
    expect(failures).toMatchObject([{ code: "GATEWAY_BAD_OUTPUT" }]);
  });

  test("that promises more than comes breaks the transfer when it had begun", async () => {
    const { get, failures } = await gatewayOf(async (visit) => {
      await visit.out(`Content-Length: 9\n${HEAD}body`);
      await pause(20);
      return undefined;
    });
    await expect((await get("/")).text()).rejects.toMatchObject({ code: "GATEWAY_BAD_OUTPUT" });
    expect(failures).toMatchObject([{ code: "GATEWAY_BAD_OUTPUT" }]);
  });

  test.each(["-1", "abc", "1, 2", "1\nContent-Length: 2"])("of %j is refused", async (value) => {
    const { get, failures } = await gatewayOf(says(`Content-Length: ${value}\n\nbody`));
    expect((await get("/")).status).toBe(502);
    expect(failures).toMatchObject([{ code: "GATEWAY_BAD_OUTPUT" }]);
  });
});

describe("output that is no response", () => {
  test.each([
    ["nothing at all", "", "CGI_NO_HEADER"],
    ["no header block", "<b>Fatal error</b>", "CGI_NO_HEADER"],
    ["a bad header", "Hello World\n\n", "CGI_BAD_HEADER"],
    ["a bad status", "Status: 99\n\n", "CGI_BAD_STATUS"],
    ["a header block without end", "x".repeat(40_000), "CGI_HEADER_LIMIT"],
  ])("%s is 502, and the visitor learns nothing", async (_name, output, code) => {
    const { get, failures } = await gatewayOf(says(output));
    const response = await get("/");
    expect(response.status).toBe(502);
    expect(await response.text()).toBe("<!doctype html>\n<title>502 Bad Gateway</title>\n<h1>502 Bad Gateway</h1>\n");
    expect(failures).toMatchObject([{ code, status: 502 }]);
  });

  test("ends the exchange at once: endless garbage is not read to its end", async () => {
    let reason: unknown;
    const { get } = await gatewayOf(async (visit) => {
      visit.signal.addEventListener("abort", () => {
        reason = visit.signal.reason;
      });
      for (;;) {
        await visit.out("x".repeat(1000));
        await pause(0);
      }
    });
    expect((await get("/")).status).toBe(502);
    expect(reason).toMatchObject({ code: "CGI_HEADER_LIMIT" });
  });
});

describe("STDERR", () => {
  test("goes to the log line by line, cut anywhere, and not to the visitor", async () => {
    const { get, stderr } = await gatewayOf(async (visit) => {
      await visit.err("PHP message: PHP War");
      await visit.out(`${HEAD}body`);
      await visit.err("ning:  x\nsecond\r\n\nthird, \xc3");
      await visit.err("\xa9");
      return undefined;
    });
    expect(await (await get("/")).text()).toBe("body");
    expect(stderr).toEqual(["PHP message: PHP Warning:  x", "second", "third, \u00e9"]);
  });

  test("in one endless line is told in pieces", async () => {
    const { get, stderr } = await gatewayOf(async (visit) => {
      for (let i = 0; i < 10; i++) await visit.err("x".repeat(5000));
      await visit.out(HEAD);
      return undefined;
    });
    await get("/");
    expect(stderr.length).toBeGreaterThan(3);
    expect(Math.max(...stderr.map((line) => line.length))).toBeLessThanOrEqual(16384);
    expect(stderr.join("").length).toBe(50_000);
  });

  test("of a request that failed is told too", async () => {
    const { get, stderr } = await gatewayOf(async (visit) => {
      await visit.err("PHP Fatal error: no more");
      throw new Error("crash");
    });
    expect((await get("/")).status).toBe(500);
    expect(stderr).toEqual(["PHP Fatal error: no more"]);
  });
});
