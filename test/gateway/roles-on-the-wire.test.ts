import { describe, expect, onTestFinished, test } from "vitest";
import { compileConfig } from "../../src/gateway/config/compile.ts";
import { createConfiguredGateway } from "../../src/gateway/index.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { type FetchHandler, serve } from "../../src/server/index.ts";
import { connectExchange } from "../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { documentRoot } from "./application.ts";

/** A gateway whose applications are fetch handlers behind real FastCGI over TCP. */
async function site(config: Parameters<typeof compileConfig>[0], handlers: Readonly<Record<string, FetchHandler>>) {
  const root = await documentRoot({ "small.txt": "small file", "large.txt": "0123456789".repeat(300_000) });
  const exchanges = new Map<string, ReturnType<typeof connectExchange>>();
  for (const [name, fetch] of Object.entries(handlers)) {
    const listen = { hostname: "127.0.0.1", port: 0 };
    const server = await serve({ listen, fetch, roles: ["responder", "authorizer", "filter"] });
    onTestFinished(() => server.close({ grace: 0 }));
    exchanges.set(name, connectExchange(connectAddress(server.address), { maxIdle: 2 }));
  }
  onTestFinished(() => {
    for (const exchange of exchanges.values()) exchange.close();
  });
  const { handle } = createConfiguredGateway(compileConfig(config, { root }), {
    files: (folder) => nodeFiles(folder),
    application: (name = "app") => {
      const exchange = exchanges.get(name);
      if (exchange === undefined) throw new Error(`no application ${name}`);
      return exchange;
    },
  });
  return (path: string, init?: RequestInit) => handle(new Request(`http://example.test${path}`, init));
}

const upper: FetchHandler = async (request, { role, data, params }) => {
  const text = await new Response(data).text();
  const body = await request.text();
  expect(role).toBe("filter");
  expect(params.FCGI_DATA_LENGTH).toBe(String(text.length));
  return new Response(`${body}|${text.length}|${text.slice(0, 5).toUpperCase()}`);
};

describe("roles over real connections", () => {
  test("a filter gets files whole, small and large, with the visitor's body", async () => {
    const get = await site({ filter: "upper" }, { upper });
    expect(await (await get("/small.txt")).text()).toBe("|10|SMALL");
    expect(await (await get("/large.txt", { method: "POST", body: "hello" })).text()).toBe("hello|3000000|01234");
    expect((await get("/missing.txt")).status).toBe(404);
  });

  test("an authorizer in front of a filter: both have their say", async () => {
    const guard: FetchHandler = (request, { role }) => {
      expect(role).toBe("authorizer");
      if (request.headers.get("cookie") !== "let=me") return new Response("no", { status: 403 });
      return new Response(null, { headers: { "Variable-REMOTE_USER": "ann" } });
    };
    const show: FetchHandler = async (_request, { data, params }) =>
      new Response(`${params.REMOTE_USER}: ${await new Response(data).text()}`);
    const get = await site({ authorizer: "guard", filter: "show" }, { guard, show });
    expect((await get("/small.txt")).status).toBe(403);
    const answer = await get("/small.txt", { headers: { cookie: "let=me" } });
    expect([answer.status, await answer.text()]).toEqual([200, "ann: small file"]);
  });
});
