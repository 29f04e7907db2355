// edge-fpm/server on Node, Deno and Bun, which all have the sockets of Node.

import { type ServeOptions, type Server, serveWith } from "./serve.ts";

export * from "./exports.ts";

/**
 * Makes a FastCGI application of a fetch handler, for nginx, Apache, Caddy, lighttpd, HAProxy and other web servers.
 *
 *     const server = await serve({ listen: "unix:/run/app.sock", fetch: () => new Response("hello") });
 *
 * Rejects with an `Error` that names the address when it cannot listen (its `code` is the system's), and with a
 * `TypeError` for text that is no address.
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const { listen } = await import("../transport/node/listen.ts");
  return serveWith(listen, options);
}
