// The listeners of all pools, and the connections that came in. A reload keeps a listener whose address stays, so that no
// connection is refused, and gives it what answers from now on.

import type { ChildLink } from "../dispatch/child-link.ts";
import { type ServeConnectionOptions, serveConnection } from "../dispatch/listener.ts";
import type { PoolFile } from "../fpm/conf/types.ts";
import type { Log, Master } from "../fpm/index.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { ApplicationLink } from "../transport/application-link.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { NodeListener } from "../transport/node/listen.ts";
import { messageOf } from "./failure.ts";
import { type Application, poolApplications } from "./fpm-application.ts";
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
  /** By pool, role and the address as written. */
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
    const wanted = new Map<string, { readonly file: PoolFile; readonly application: Application }>();
    for (const file of pools) {
      const pool = master.pool(file.name);
      if (pool === undefined) continue;
      const applications = poolApplications(file, pool, this.#logs, this.#log);
      applications.forEach((application, index) => {
        // Of one pool: the first is its scripts', the second its status page's.
        wanted.set(`${file.name} ${index} ${application.address}`, { file, application });
      });
    }
    // First, because another pool may take the address over.
    for (const [key, socket] of this.#sockets) {
      if (wanted.has(key)) continue;
      this.#sockets.delete(key);
      await socket.listener.close();
    }
    const failures: unknown[] = [];
    for (const [key, { file, application }] of wanted) {
      const socket = this.#sockets.get(key);
      if (socket !== undefined) socket.exchange = application.exchange;
      else {
        const counters = master.pool(file.name)?.connections;
        await this.#open(key, file, application, counters).catch((error: unknown) => failures.push(error));
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #open(
    key: string,
    file: PoolFile,
    application: Application,
    counters: ServeConnectionOptions["counters"],
  ): Promise<void> {
    const answer: Exchange = (request, sink, signal) => {
      const current = this.#sockets.get(key)?.exchange ?? application.exchange;
      return current(request, sink, signal);
    };
    const listener = await listenFor(file, application.address, (transport, remote) => {
      const link = serveConnection(transport, answer, {
        remote,
        counters,
        onError: (error) => this.#debug(file.name, `FastCGI: ${messageOf(error)}`),
      });
      this.#links.add(link);
      void link.closed.then(() => this.#links.delete(link));
    });
    this.#sockets.set(key, { pool: file.name, listener, exchange: application.exchange });
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
