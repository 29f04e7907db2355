// edge-fpm/server where a program cannot listen: Workers are given connections, a page makes its own.

import type { ServeOptions, Server } from "./serve.ts";

export * from "./exports.ts";

/** Always rejects: use `handleConnection` with a connection that exists. */
export async function serve(options: ServeOptions): Promise<Server> {
  const at = typeof options.listen === "string" ? options.listen : JSON.stringify(options.listen);
  throw new TypeError(`this platform cannot listen at ${at}: give its connections to handleConnection()`);
}
