// A fetch handler that listens for web servers.

import { type Address, formatAddress, parseAddress } from "../transport/address.ts";
import type { NodeListener, NodeListenOptions } from "../transport/node/listener.ts";
import type { Transport } from "../transport/transport.ts";
import { FastCgiApplication } from "./application.ts";
import type { ApplicationServerOptions } from "./options.ts";

/**
 * Where to listen: `"tcp://127.0.0.1:9000"`, `"9000"` (on 127.0.0.1), `"unix:/run/app.sock"`, or host and port. FastCGI
 * knows no passwords: whoever can connect is believed to be the web server.
 */
export type ListenAt = string | { readonly hostname?: string; readonly port: number };

/** A fetch handler, and where it listens. */
export interface ServeOptions extends ApplicationServerOptions {
  readonly listen: ListenAt;
  /** Permissions of a Unix socket's file, such as 0o660; default: what the umask leaves. */
  readonly mode?: number;
  /** Connections that the kernel keeps waiting. Default 511. */
  readonly backlog?: number;
  /** Asked with the peer's address (undefined on a Unix socket) before a connection is taken. Default: all. */
  readonly allow?: (remote: string | undefined) => boolean;
}

/** A server that listens. */
export interface Server {
  /** Where it listens, with the real port when 0 was asked for. */
  readonly address: Address;
  /** The address as text: `tcp://127.0.0.1:9000`, `unix:/run/app.sock`. */
  readonly url: string;
  /** Connections, and requests whose handler has not ended. */
  counts(): { readonly connections: number; readonly requests: number };
  /**
   * Stops listening, and resolves when the requests that run have ended; after `grace` milliseconds (default 30,000; 0:
   * at once) they are aborted.
   */
  close(options?: { readonly grace?: number }): Promise<void>;
}

/** How a platform listens. */
export type Listen = (
  address: Address,
  accept: (transport: Transport, remote: string | undefined) => void,
  options: NodeListenOptions,
) => Promise<NodeListener>;

/** @param listen of the platform */
export async function serveWith(listen: Listen, options: ServeOptions): Promise<Server> {
  const application = new FastCgiApplication(options);
  const { listen: at, mode, backlog, allow } = options;
  const address: Address =
    typeof at === "string" ? parseAddress(at) : { type: "tcp", host: at.hostname ?? "127.0.0.1", port: at.port };
  const listener = await listen(address, (transport, remote) => void application.serve(transport, remote), {
    ...(mode === undefined ? {} : { mode }),
    ...(backlog === undefined ? {} : { backlog }),
    ...(allow === undefined ? {} : { allow }),
  });
  return {
    address: listener.address,
    url: formatAddress(listener.address),
    counts: () => application.counts(),
    async close(how) {
      await Promise.all([listener.close(), application.close(how)]);
    },
  };
}
