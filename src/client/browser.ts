// edge-fpm/client where there are no sockets: targets are streams, or functions that open them.

import { formatAddress } from "../transport/address.ts";
import type { Client, ClientOptions } from "./client.ts";
import { createClient } from "./client.ts";
import { ClientError } from "./errors.ts";
import type { Target } from "./target.ts";

export * from "./exports.ts";

/** Makes a client of a FastCGI application behind streams; an address is refused with CLIENT_TARGET at the first request. */
export function connect(target: Target, options: ClientOptions = {}): Client {
  return createClient(target, options, (address) => {
    throw new ClientError(
      "CLIENT_TARGET",
      `a browser has no sockets: ${formatAddress(address)} cannot be reached; give connect() a function that opens streams`,
    );
  });
}
