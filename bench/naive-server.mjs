// The obvious server somebody would write first: node:http and the stock PHPRequestHandler, one interpreter. Its figure is
// the floor that the resident pool is measured against. Prints its URL, serves the folder given.

import { createServer } from "node:http";
import { PHPRequestHandler } from "@php-wasm/universal";
import { mountedPhp } from "./stock-php.mjs";

const root = process.argv[2] ?? ".";

const handler = new PHPRequestHandler({
  documentRoot: "/www",
  absoluteUrl: "http://localhost",
  phpFactory: () => mountedPhp("/www", root),
  maxPhpInstances: 1,
});

const server = createServer(async (request, response) => {
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await handler.request({
      url: request.url ?? "/",
      method: request.method,
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      body: new Uint8Array(Buffer.concat(chunks)),
    });
    response.writeHead(answer.httpStatusCode, answer.headers);
    response.end(answer.bytes);
  } catch {
    response.writeHead(500).end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address()?.port}`));
