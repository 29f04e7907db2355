// What bench/cache.ts measures, each as a program of its own: `bare`, a node:http server that sends the same bytes;
// `direct`, one that sends what the cache in memory gives it; `cache`, our HTTP server that answers from that cache.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createCache, memoryStore } from "../src/gateway/cache/index.ts";
import { createHttpServer, createNodeResponse } from "../src/platform/node/http-server.ts";

const page = new Uint8Array(Number(process.argv[3] ?? 10_000)).fill(0x61);
const headers: [string, string][] = [
  ["Content-Type", "text/html; charset=UTF-8"],
  ["Cache-Control", "max-age=3600"],
  ["X-Powered-By", "PHP/8.4"],
];

if (process.argv[2] === "bare") {
  // The headers that a hit has too.
  const sent = [...headers, ["Accept-Ranges", "bytes"], ["Content-Length", String(page.length)], ["Age", "0"]];
  const server = createServer((_request, response) => {
    response.writeHead(200, sent.flat());
    response.end(page);
  });
  server.listen(0, "127.0.0.1", () => tell((server.address() as AddressInfo).port));
} else if (process.argv[2] === "direct") {
  const cache = createCache({ store: memoryStore() });
  const server = createServer(async ({ method = "GET", headers: asked, url }, response) => {
    const get = (name: string) => asked[name]?.toString() ?? null;
    const { reply } = await cache.reply({ method, url: `http://${asked.host}${url}`, headers: { get } }, async () => ({
      status: 200,
      headers: [...headers],
      body: page,
    }));
    response.writeHead(reply.status, reply.headers.flat());
    response.end(reply.body);
  });
  server.listen(0, "127.0.0.1", () => tell((server.address() as AddressInfo).port));
} else {
  const cache = createCache({ store: memoryStore(), createResponse: createNodeResponse });
  const server = createHttpServer({
    handler: async (request) => {
      const { response } = await cache.handle(request, async () => createNodeResponse(page, { status: 200, headers }));
      return response;
    },
  });
  const address = await server.listen({ port: 0, host: "127.0.0.1" });
  if ("port" in address) tell(address.port);
}

function tell(port: number): void {
  console.log(`http://127.0.0.1:${port}`);
}
