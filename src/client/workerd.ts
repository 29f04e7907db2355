// edge-fpm/client on Cloudflare Workers. A socket ends with the request that opened it: make a client for each.

import { formatAddress, toAddress } from "../transport/address.ts";
import { connectSocket, dialTcp } from "../transport/cloudflare/socket.ts";
import type { Client, ClientOptions } from "./client.ts";
import { createClient } from "./client.ts";
import { ClientError } from "./errors.ts";
import type { Target } from "./target.ts";

export * from "./exports.ts";

/** Makes a client of a FastCGI application. See the documentation of the other platforms; Unix sockets are not here. */
export function connect(target: Target, options: ClientOptions = {}): Client {
  return createClient(target, options, (text) => {
    const address = toAddress(text);
    return () => {
      const name = formatAddress(address);
      if (address.type === "tcp") return connectSocket(dialTcp(address), name);
      throw new ClientError("CLIENT_TARGET", `Workers have no Unix sockets: ${name} cannot be reached`);
    };
  });
}
