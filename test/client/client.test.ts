// The client against an application of our own, on every kind of target.

import { afterEach, describe, expect, test } from "vitest";
import { connect as connectNowhere } from "../../src/client/browser.ts";
import { type Client, type ClientOptions, connect, type Target } from "../../src/client/index.ts";
import { type ApplicationServerOptions, FastCgiApplication, type FetchHandler } from "../../src/server/index.ts";
import { ApplicationLink } from "../../src/transport/application-link.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { toStreams } from "../../src/transport/streams.ts";

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A client and the application behind it, in one process. */
function joined(fetch: FetchHandler, options: ClientOptions = {}, server: Partial<ApplicationServerOptions> = {}) {
  const application = new FastCgiApplication({ fetch, ...server });
  let connections = 0;
  const open = () => {
    connections += 1;
    const [left, right] = memoryPair();
    application.serve(right, "192.0.2.1");
    return left;
  };
  const client = connect(() => Promise.resolve(open()), options);
  cleanups.push(
    () => client.close({ abort: true }),
    () => application.close({ grace: 0 }),
  );
  return { client, open, application, connections: () => connections };
}

const hello: FetchHandler = () => new Response("hello");

describe("targets", () => {
  async function greets(target: Target): Promise<Client> {
    const client = connect(target);
    cleanups.push(() => client.close({ abort: true }));
    expect(await (await client.fetch("/")).text()).toBe("hello");
    return client;
  }

  test("a function that opens a pair of streams", async () => {
    const { open } = joined(hello);
    await greets(() => toStreams(open()));
  });

  test("a function that opens a socket of web streams, which is waited for", async () => {
    const { open } = joined(hello);
    await greets(async () => {
      const opened = Promise.resolve({});
      return { ...toStreams(open()), opened, closed: new Promise(() => {}), close: async () => {} };
    });
  });

  test("one pair of streams serves several requests, one after another, and then no more", async () => {
    const { open, application } = joined(hello);
    const client = await greets(toStreams(open()));
    const answers = await Promise.all([client.fetch("/1"), client.fetch("/2")].map(async (one) => (await one).text()));
    expect(answers).toEqual(["hello", "hello"]);
    await expect(client.values()).rejects.toMatchObject({ code: "CLIENT_TARGET" });
    await application.close({ grace: 0 });
    await expect.poll(() => client.fetch("/3").catch((error) => error.code)).toBe("CLIENT_TARGET");
  });

  test("what is no target is refused at once, an address without sockets at the first request", async () => {
    expect(() => connect("nowhere")).toThrow("nowhere");
    expect(() => connect({ hostname: "h", port: -1 })).toThrow("a target is");
    await expect(connectNowhere("tcp://127.0.0.1:9000").fetch("/")).rejects.toMatchObject({ code: "CLIENT_TARGET" });
    await expect(connect({ hostname: "127.0.0.1", port: 1 }).fetch("/")).rejects.toMatchObject({
      code: "EXCHANGE_CONNECT",
    });
  });
});

describe("requests", () => {
  test("share connections when the application allows it", async () => {
    const { client, connections } = joined(hello, { multiplex: true });
    const answers = await Promise.all(Array.from({ length: 200 }, async () => (await client.fetch("/")).text()));
    expect(new Set(answers)).toEqual(new Set(["hello"]));
    // One was asked for its values.
    expect(connections()).toBe(1 + 2);
  });

  test("an aborted one leaves those that share its connection alone", async () => {
    const signals: AbortSignal[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { client } = joined(
      async (request) => {
        signals.push(request.signal);
        await promise;
        return new Response("late");
      },
      { multiplex: 10 },
    );
    const abort = new AbortController();
    const first = client.fetch("/1", { signal: abort.signal });
    const second = client.fetch("/2");
    await expect.poll(() => signals.length).toBe(2);
    abort.abort(new Error("not wanted"));
    await expect(first).rejects.toThrow("not wanted");
    await expect.poll(() => signals[0]?.aborted).toBe(true);
    expect(signals[1]?.aborted).toBe(false);
    resolve();
    expect(await (await second).text()).toBe("late");
  });

  test("an answer that is not read holds its application back", async () => {
    let made = 0;
    const { client } = joined(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              made += 1;
              if (made > 1000) controller.close();
              else controller.enqueue(new Uint8Array(10_000));
            },
          }),
        ),
    );
    const response = await client.fetch("/");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(made).toBeLessThan(200);
    expect((await response.arrayBuffer()).byteLength).toBe(10_000_000);
  });

  test("an overloaded application and an unknown role are refusals", async () => {
    const { client } = joined(hello, {}, { limits: { maxRequests: 0 } });
    await expect(client.fetch("/")).rejects.toMatchObject({
      code: "CLIENT_REFUSED",
      message: expect.stringContaining("overloaded"),
    });
    const other = joined(hello);
    await expect(other.client.fetch("/", { role: "authorizer" })).rejects.toMatchObject({
      code: "CLIENT_REFUSED",
      message: expect.stringContaining("unknown-role"),
    });
  });

  test("a HEAD, a 204 and a 304 have no body", async () => {
    const { client } = joined((request) => {
      const status = Number(new URL(request.url).search.slice(1)) || 200;
      return new Response(status === 200 ? "body" : null, { status });
    });
    expect((await client.fetch("/", { method: "HEAD" })).body).toBeNull();
    expect((await client.fetch("/?204")).body).toBeNull();
    expect((await client.fetch("/?304")).body).toBeNull();
  });

  test("bodies bring their types", async () => {
    const { client } = joined(async (request) => {
      return new Response(`${request.headers.get("content-type")?.split(";")[0]} ${(await request.text()).length}`);
    });
    const post = async (body: BodyInit) => (await client.fetch("/", { method: "POST", body })).text();
    expect(await post("text é")).toBe("text/plain 6");
    expect(await post(new URLSearchParams({ a: "1" }))).toBe("application/x-www-form-urlencoded 3");
    const form = new FormData();
    form.set("file", new Blob(["content"]), "name.txt");
    expect(await post(form)).toMatch(/^multipart\/form-data \d{3}$/);
    expect(await post(new Uint8Array(0))).toBe("undefined 0");
  });

  test("an authorizer is told no path, and its Variable headers come back", async () => {
    let names: string[] = [];
    const { client } = joined(
      (_request, { params, role }) => {
        names = Object.keys(params);
        return new Response(null, { headers: { "variable-user": role } });
      },
      {},
      { roles: ["authorizer"] },
    );
    const response = await client.fetch("/secret", { role: "authorizer" });
    expect([response.status, response.headers.get("variable-user")]).toEqual([200, "authorizer"]);
    for (const name of ["CONTENT_LENGTH", "SCRIPT_NAME", "PATH_INFO"]) expect(names).not.toContain(name);
  });

  test("a filter gets its file beside the body", async () => {
    const { client } = joined(
      async (request, { data, params }) => {
        const file = await new Response(data).text();
        return new Response(`${await request.text()}|${file}|${params.FCGI_DATA_LENGTH}|${params.FCGI_DATA_LAST_MOD}`);
      },
      {},
      { roles: ["filter"] },
    );
    const data = { content: new TextEncoder().encode("the file"), lastModified: new Date(5000) };
    const response = await client.fetch("/", { method: "POST", body: "the body", role: "filter", data });
    expect(await response.text()).toBe("the body|the file|8|5");
  });
});

describe("an application that answers oddly", () => {
  /** A client whose application writes these bytes. */
  function answering(stdout: string, options: ClientOptions = {}, stderr = "") {
    const client = connect(() => {
      const [left, right] = memoryPair();
      new ApplicationLink(right, async (request) => {
        void request.stderr(Buffer.from(stderr));
        await request.stdout(Buffer.from(stdout));
        return { applicationStatus: 7, protocolStatus: "request-complete" };
      });
      return left;
    }, options);
    cleanups.push(() => client.close({ abort: true }));
    return client;
  }

  test.each([
    ["nothing", "", "CGI_NO_HEADER"],
    ["no header", "hello", "CGI_NO_HEADER"],
    ["what is no header", "hello world\n\n", "CGI_BAD_HEADER"],
    ["a status that is none", "Status: 99\n\n", "CGI_BAD_STATUS"],
    ["a header block that is too long", `X: ${"x".repeat(2000)}\n\n`, "CGI_HEADER_LIMIT"],
  ])("%s is an error with a code", async (_what, stdout, code) => {
    await expect(answering(stdout, { maxHeaderBytes: 1000 }).fetch("/")).rejects.toMatchObject({ code });
  });

  test("STDERR is kept up to maxStderr and told whole", async () => {
    const told: string[] = [];
    const client = answering("X: y\n\nbody", { maxStderr: 3 }, "12345é");
    const { response, end } = await client.request("/", { onStderr: (text) => told.push(text) });
    expect(await response.text()).toBe("body");
    expect(await end).toEqual({ applicationStatus: 7, protocolStatus: "request-complete", stderr: "123" });
    expect(told.join("")).toBe("12345é");
  });

  test("an answer before the body's end cancels the body, even one that sends nothing", async () => {
    const { client } = joined(() => new Response("no, thanks", { status: 413 }));
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel() {
        cancelled = true;
      },
    });
    const response = await client.fetch("/", { method: "POST", body, headers: { "content-length": "1000000" } });
    expect([response.status, await response.text()]).toEqual([413, "no, thanks"]);
    await expect.poll(() => cancelled).toBe(true);
  });
});

describe("close", () => {
  test("waits for what runs and refuses what comes", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { client } = joined(async () => {
      await promise;
      return new Response("in time");
    });
    const running = client.fetch("/");
    const closed = client.close();
    await expect(client.fetch("/")).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
    resolve();
    expect(await (await running).text()).toBe("in time");
    await closed;
  });

  test("ends what runs when told so", async () => {
    const { client } = joined(() => new Promise(() => {}));
    const running = client.fetch("/");
    const failure = expect(running).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
    await client.close({ abort: true });
    await failure;
  });
});
