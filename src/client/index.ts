// edge-fpm/client on Node, Deno and Bun, which all have the sockets of Node.

import { toAddress } from "../transport/address.ts";
import type { Client, ClientOptions } from "./client.ts";
import { createClient } from "./client.ts";
import type { Target } from "./target.ts";

export * from "./exports.ts";

/**
 * Makes a client of a FastCGI application. Nothing is connected before the first request.
 *
 *     const php = connect("unix:/run/php/php8.2-fpm.sock");
 *     const response = await php.fetch("/hello.php", { documentRoot: "/var/www" });
 *
 * @throws {TypeError} for a target that is none
 */
export function connect(target: Target, options: ClientOptions = {}): Client {
  // Loaded when it is needed: a browser without a bundler gets this file too.
  return createClient(target, options, (text) => {
    const address = toAddress(text);
    return async () => (await import("../transport/node/connect.ts")).connectAddress(address);
  });
}
