// edge-fpm/client where there are no sockets: targets are streams, or functions that open them.

import type { Client, ClientOptions } from "./client.ts";
import { createClient } from "./client.ts";
import { ClientError } from "./errors.ts";
import type { Target } from "./target.ts";

export * from "./exports.ts";

/** Makes a client of a FastCGI application behind streams; an address is refused with CLIENT_TARGET at the first request. */
export function connect(target: Target, options: ClientOptions = {}): Client {
  // Text is not read as an address: it would be in every page's bundle, to no use.
  return createClient(target, options, (address) => () => {
    const at = typeof address === "string" ? address : JSON.stringify(address);
    throw new ClientError(
      "CLIENT_TARGET",
      `a browser has no sockets: ${at} cannot be reached; give connect() a function that opens streams`,
    );
  });
}
