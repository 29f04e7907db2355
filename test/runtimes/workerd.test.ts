// The contract on workerd, and its sockets as a way to a FastCGI server.

import { Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, serve } from "../../src/server/index.ts";
import { bundleContract } from "./bundled.ts";
import { CASES, type Result } from "./contract.ts";
import { installPacked, type Packed } from "./packed.ts";

const WORKER = `
export default {
  connect(socket) {
    const fetch = async (request) => new Response(request.url + " " + (await request.text()).length, { status: 203 });
    return server.handleConnection(socket, { fetch }).closed;
  },
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const address = searchParams.get("target");
    const target = address === "self" ? () => env.SELF.connect("app:9000") : address;
    if (target === null) return Response.json(await runContract(modules, { sockets: false }));
    try {
      const connected = client.connect(target);
      const answer = await connected.fetch("http://example.org/from?worker", { method: "POST", body: "x".repeat(100000) });
      return new Response(await answer.text(), answer);
    } catch (error) {
      return new Response(error.code ?? String(error), { status: 599 });
    }
  },
};
`;

let packed: Packed;
let miniflare: Miniflare;
let base: URL;
let server: Server;

beforeAll(async () => {
  packed = await installPacked();
  const contents = await bundleContract(packed, ["workerd", "worker"], WORKER);
  miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.NONE),
    workers: [
      {
        config: {
          name: "contract",
          compatibilityDate: "2026-10-01",
          compatibilityFlags: [],
          manifest: { mainModule: "main.js", modulesRoot: "/", modules: { "main.js": { type: "esm", contents } } },
          env: { SELF: { type: "worker", worker: "contract" } },
        },
        dev: { rootPath: packed.folder },
      },
    ],
    // The types of this beta are those of the version before.
  } as unknown as ConstructorParameters<typeof Miniflare>[0]);
  base = await miniflare.ready;
  server = await serve({
    listen: "tcp://127.0.0.1:0",
    fetch: async (request) => new Response(`${request.url} ${(await request.text()).length}`, { status: 202 }),
  });
}, 120_000);
afterAll(async () => {
  await miniflare?.dispose();
  await server?.close({ grace: 0 });
  packed?.remove();
});

describe("the packed package on workerd", () => {
  let results: readonly Result[] = [];
  beforeAll(async () => {
    results = (await (await fetch(base)).json()) as Result[];
  }, 60_000);

  test.each(CASES.map(({ name, needs }) => [name, needs] as const))("%s", (name, needs) => {
    const result = results.find((other) => other.name === name);
    expect(result).toEqual(needs === undefined ? { name } : { name, skipped: true });
  });

  test("a client reaches a server through the platform's sockets", async () => {
    const response = await fetch(new URL(`/?target=${encodeURIComponent(server.url)}`, base));
    expect([response.status, await response.text()]).toEqual([202, "http://example.org/from?worker 100000"]);
  });

  test("a Worker is itself a FastCGI application, by its connect handler", async () => {
    const response = await fetch(new URL("/?target=self", base));
    expect([response.status, await response.text()]).toEqual([203, "http://example.org/from?worker 100000"]);
  });

  test("a Unix socket is refused with a code, and so is a port where nothing listens", async () => {
    const ask = async (target: string) => (await fetch(new URL(`/?target=${encodeURIComponent(target)}`, base))).text();
    expect(await ask("unix:/run/app.sock")).toBe("CLIENT_TARGET");
    expect(await ask("tcp://127.0.0.1:1")).toBe("EXCHANGE_CONNECT");
  });
});
