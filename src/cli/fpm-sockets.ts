// The listeners of all pools, and the connections that came in. A reload keeps a listener whose address stays, so that no
// connection is refused, and gives it what answers from now on.

import type { ChildLink } from "../dispatch/child-link.ts";
import { serveConnection } from "../dispatch/listener.ts";
import type { PoolFile } from "../fpm/conf/types.ts";
import type { Log, Master } from "../fpm/index.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { ApplicationLink } from "../transport/application-link.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { NodeListener } from "../transport/node/listen.ts";
import { messageOf } from "./failure.ts";
import { poolApplications } from "./fpm-application.ts";
import { listenFor } from "./fpm-listen.ts";
import type { LogFiles } from "./fpm-logs.ts";

interface Socket {
  readonly pool: string;
  readonly listener: NodeListener;
  /** What answers requests: of connections that exist, too. */
  exchange: Exchange;
}

export class Sockets {
  readonly #log: Log;
  readonly #logs: LogFiles;
  /** By the address as written. */
  readonly #sockets = new Map<string, Socket>();
  readonly #links = new Set<ApplicationLink>();

  constructor(logs: LogFiles, log: Log) {
    this.#logs = logs;
    this.#log = log;
  }

  /** Where it listens: ports that were 0 are the real ones. */
  get addresses(): { readonly pool: string; readonly address: Address }[] {
    return Array.from(this.#sockets.values(), ({ pool, listener }) => ({ pool, address: listener.address }));
  }

  /**
   * Listens for `pools`, and no more where none of them does. Those whose address cannot be had are left out, and the
   * first failure is thrown at the end.
   */
  async follow(pools: readonly PoolFile[], master: Master<ChildLink>): Promise<void> {
    const kept = new Set<string>();
    const failures: unknown[] = [];
    for (const file of pools) {
      const pool = master.pool(file.name);
      if (pool === undefined) continue;
      for (const { address, exchange } of poolApplications(file, pool, this.#logs, this.#log)) {
        kept.add(address);
        const socket = this.#sockets.get(address);
        if (socket?.pool === file.name) socket.exchange = exchange;
        else {
          await socket?.listener.close();
          await this.#open(file, address, exchange, pool.connections).catch((error: unknown) => failures.push(error));
        }
      }
    }
    for (const [address, socket] of this.#sockets) {
      if (kept.has(address)) continue;
      this.#sockets.delete(address);
      await socket.listener.close();
    }
    if (failures.length > 0) throw failures[0];
  }

  async #open(
    file: PoolFile,
    address: string,
    first: Exchange,
    counters: NonNullable<Parameters<typeof serveConnection>[2]>["counters"],
  ): Promise<void> {
    const answer: Exchange = (request, sink, signal) => {
      const current = this.#sockets.get(address)?.exchange ?? first;
      return current(request, sink, signal);
    };
    const listener = await listenFor(file, address, (transport, remote) => {
      const link = serveConnection(transport, answer, {
        remote,
        counters,
        onError: (error) => this.#debug(file.name, `FastCGI: ${messageOf(error)}`),
      });
      this.#links.add(link);
      void link.closed.then(() => this.#links.delete(link));
    });
    this.#sockets.set(address, { pool: file.name, listener, exchange: first });
    this.#debug(file.name, `listens on ${formatAddress(listener.address)}`);
  }

  /** Takes no more connections. */
  async close(): Promise<void> {
    for (const { listener } of this.#sockets.values()) await listener.close();
  }

  /** Ends each connection after its requests. */
  drain(): void {
    for (const link of this.#links) link.drain();
  }

  /** Settles when the last connection has ended. */
  async drained(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.closed));
  }

  /** Breaks all connections. */
  reset(): void {
    for (const link of this.#links) link.reset();
  }

  #debug(pool: string, message: string): void {
    this.#log({ level: "debug", message: `[pool ${pool}] ${message}`, fields: { pool } });
  }
}
