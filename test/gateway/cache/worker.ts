// A Worker with two caches before a slow script of its own: what workerd.test.ts runs.
//   /<zone>/<anything>?delay=<ms>   through the cache of a zone: memory, place (Cache API), or place-again (the same Cache
//                                   API as another isolate would see it)
//   /control?<what>                 purge, down, up; tells the runs, and the errors since the last time

import { type CacheContext, createCache, memoryStore, type Purge } from "../../../src/gateway/cache/index.ts";
import { cacheApiStore } from "../../../src/platform/workers/cache-api.ts";

const errors: string[] = [];
const common = {
  statusHeader: "X-Cache-Status",
  useStale: ["error"],
  lockTimeout: 25_000,
  lockAge: 25_000,
  onError: (error: unknown) => errors.push(String(error)),
} as const;
const caches = {
  memory: createCache({ ...common, store: memoryStore() }),
  place: createCache({ ...common, store: cacheApiStore({ name: "zone" }) }),
  "place-again": createCache({ ...common, store: cacheApiStore({ name: "zone", purgeDelay: 200 }) }),
};
const runs: Record<string, number> = {};
let down = false;

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function script(url: URL): Promise<Response> {
  runs[url.pathname] = (runs[url.pathname] ?? 0) + 1;
  const run = runs[url.pathname];
  await sleep(Number(url.searchParams.get("delay") ?? 0));
  if (down) throw Object.assign(new Error("nobody listens"), { code: "EXCHANGE_CONNECT" });
  const body = new ReadableStream({
    async start(controller) {
      for (const piece of ["run ", String(run)]) {
        await sleep(10);
        controller.enqueue(new TextEncoder().encode(piece));
      }
      controller.close();
    },
  });
  const seconds = url.searchParams.get("age") ?? "60";
  return new Response(body, { headers: { "Cache-Control": `max-age=${seconds}`, "Cache-Tag": `t${url.pathname}` } });
}

async function control(parameters: URLSearchParams): Promise<Response> {
  if (parameters.has("down")) down = true;
  if (parameters.has("up")) down = false;
  const purge = parameters.get("purge");
  if (purge !== null) await caches[parameters.get("zone") as keyof typeof caches].purge(JSON.parse(purge) as Purge);
  return Response.json({ runs, errors: errors.splice(0) });
}

export default {
  async fetch(request: Request, _env: unknown, context: { waitUntil(promise: Promise<unknown>): void }) {
    const url = new URL(request.url);
    if (url.pathname === "/control") return control(url.searchParams);
    const cache = caches[url.pathname.split("/")[1] as keyof typeof caches];
    // As if the runtime's patience had come to its end.
    const waits: CacheContext = url.searchParams.has("alone")
      ? {}
      : { waitUntil: (promise) => context.waitUntil(promise) };
    try {
      // The path alone: the query is for the script of this test.
      const seen = { method: request.method, url: `http://example.test${url.pathname}`, headers: request.headers };
      const { response } = await cache.handle(seen, () => script(url), waits);
      return response;
    } catch (error) {
      return new Response(String(error), { status: 502 });
    }
  },
};
