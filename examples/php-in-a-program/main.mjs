// A site with PHP inside a program of your own, without a php-fpm and without a web server.
//
//     npm install edge-fpm @php-wasm/node-8-4@3.1.56
//     node main.mjs /var/www/html 8080

// #region pool
import { Pool, poolConfig } from "edge-fpm/fpm";
import { ChildLink, createThreadSpawn, poolExchange } from "edge-fpm/node";

const { spawn } = await createThreadSpawn({ php: "8.4", wrap: (transport) => new ChildLink(transport) });
const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2 }), spawn);
await pool.start();

// #endregion

// #region gateway
import { resolve } from "node:path";
import { createGateway } from "edge-fpm/gateway";
import { createHttpServer, createNodeResponse, nodeFiles, nodeSpool } from "edge-fpm/node";

const [folder = "/var/www/html", port = "8080"] = process.argv.slice(2);

const root = resolve(folder);
const gateway = createGateway({
  documentRoot: root,
  files: nodeFiles(root),
  exchange: poolExchange(pool),
  spool: nodeSpool(),
  createResponse: createNodeResponse,
  onError: (error, { method, target }, status) => console.error(`${method} ${target} ${status}: ${error.message}`),
  onStderr: (line) => console.error(line),
});

const http = createHttpServer({
  handler: (request, info) =>
    new URL(request.url).pathname === "/children"
      ? Response.json(pool.status().processes.map(({ pid, state }) => ({ pid, state })))
      : gateway(request, info),
});
const address = await http.listen({ host: "127.0.0.1", port: Number(port) });
console.log(`http://127.0.0.1:${address.port}`);
// #endregion

// #region stop
process.once("SIGINT", async () => {
  await http.close(5000);
  await pool.finish();
});
// #endregion
