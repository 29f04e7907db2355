// The pools of a configuration, running: children, sockets, the pid file.

import { rmSync, writeFileSync } from "node:fs";
import type { ChildLink } from "../dispatch/child-link.ts";
import { serveConnection } from "../dispatch/listener.ts";
import { poolConfigInput } from "../fpm/conf/pool-config.ts";
import type { FpmConfig, PoolFile } from "../fpm/conf/types.ts";
import { type Log, Master, type PoolConfig, poolConfig, type Spawn, statusArray } from "../fpm/index.ts";
import type { PhpVersion } from "../platform/node/php-versions.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { ApplicationLink } from "../transport/application-link.ts";
import type { NodeListener } from "../transport/node/listen.ts";
import type { Arguments } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";
import { poolApplications } from "./fpm-application.ts";
import { listenFor } from "./fpm-listen.ts";
import { poolPhp } from "./fpm-php.ts";
import { becomeUser, userOf } from "./fpm-user.ts";
import { offerPhp } from "./offer-php.ts";
import { compileThreads, existingDirectory, phpSettings } from "./pool.ts";

/** A master at work. */
export interface RunningMaster {
  readonly master: Master<ChildLink>;
  readonly php: PhpVersion;
  /** Where it listens: ports that were 0 are the real ones. */
  readonly addresses: readonly { readonly pool: string; readonly address: Address }[];
  /** Takes no more connections, finishes the requests under way, ends the children. */
  finish(): Promise<void>;
  /** Ends everything at once. */
  terminate(): Promise<void>;
}

/**
 * Listens, compiles PHP once for all pools, and starts them.
 *
 * @throws {CliError} when an address cannot be had, {PoolError} when a pool has no child that starts
 */
export async function startMaster(args: Arguments, config: FpmConfig, log: Log): Promise<RunningMaster> {
  const php = args.text("php");
  const user = userOf(config.pools, args.flag("allow-to-run-as-root"));
  const roots = [existingDirectory(args.text("root") ?? "."), ...config.pools.flatMap(({ chdir }) => chdir ?? [])];
  const settings = phpSettings(args, roots);
  const queueTimeout = args.integer("queue-timeout", 0, 86_400);
  const configs = config.pools.map((pool) => poolConfigFor(pool, config, queueTimeout));

  return offerPhp(php, async (version) => {
    // The status of a pool is asked for by its children, which exist only after it.
    let status: (pool: string) => object | undefined = () => undefined;
    const threads = await compileThreads(
      { ...settings, php: version, poolStatus: ({ pool }) => status(pool) },
      log,
      (detail) => log({ level: "debug", message: `PHP ${version}: ${detail}`, fields: {} }),
    );
    const spawns = new Map<string, Spawn<ChildLink>>(
      config.pools.map((pool) => [pool.name, threads.variant(poolPhp(pool, settings))]),
    );
    const spawn: Spawn<ChildLink> = (place) => (spawns.get(place.pool) ?? threads.spawn)(place);
    const master = new Master(configs, spawn, { log, processMax: config.global.processMax });
    status = (name) => {
      const pool = master.pool(name);
      return pool && statusArray(pool.status());
    };

    const sockets = new Sockets(log);
    try {
      for (const pool of config.pools) await sockets.open(pool, master);
      writePid(config.global.pid);
      becomeUser(user, log);
      await master.start();
    } catch (error) {
      await sockets.close();
      await master.terminate();
      removePid(config.global.pid);
      throw error;
    }
    return {
      master,
      php: threads.php,
      addresses: sockets.addresses,
      async finish() {
        await sockets.close();
        sockets.drain();
        await master.finish();
        await sockets.drained();
        removePid(config.global.pid);
      },
      async terminate() {
        await sockets.close();
        sockets.reset();
        await master.terminate();
        removePid(config.global.pid);
      },
    };
  });
}

function poolConfigFor(pool: PoolFile, config: FpmConfig, queueTimeout: number | undefined): PoolConfig {
  const input = poolConfigInput(pool, config.global);
  return poolConfig(queueTimeout === undefined ? input : { ...input, queueTimeout: queueTimeout * 1000 });
}

/** The listeners of all pools, and the connections that came in. */
class Sockets {
  readonly #log: Log;
  readonly #listeners: NodeListener[] = [];
  readonly #links = new Set<ApplicationLink>();
  readonly addresses: { readonly pool: string; readonly address: Address }[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  async open(file: PoolFile, master: Master<ChildLink>): Promise<void> {
    const pool = master.pool(file.name);
    if (pool === undefined) return;
    for (const { address, exchange } of poolApplications(file, pool)) {
      const listener = await listenFor(file, address, (transport, remote) => {
        const link = serveConnection(transport, exchange, {
          remote,
          counters: pool.connections,
          onError: (error) => this.#debug(file.name, error),
        });
        this.#links.add(link);
        void link.closed.then(() => this.#links.delete(link));
      });
      this.#listeners.push(listener);
      this.addresses.push({ pool: file.name, address: listener.address });
      const message = `[pool ${file.name}] listens on ${formatAddress(listener.address)}`;
      this.#log({ level: "debug", message, fields: { pool: file.name } });
    }
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) await listener.close();
  }

  drain(): void {
    for (const link of this.#links) link.drain();
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.closed));
  }

  reset(): void {
    for (const link of this.#links) link.reset();
  }

  #debug(pool: string, error: unknown): void {
    this.#log({ level: "debug", message: `[pool ${pool}] FastCGI: ${messageOf(error)}`, fields: { pool } });
  }
}

function writePid(path: string | undefined): void {
  if (path === undefined) return;
  try {
    rmSync(path, { force: true });
    writeFileSync(path, String(process.pid), { mode: 0o644, flag: "wx" });
  } catch (error) {
    throw new CliError(`The pid file ${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

function removePid(path: string | undefined): void {
  try {
    if (path !== undefined) rmSync(path, { force: true });
  } catch {
    // Its folder may belong to root, which we no longer are: the next start replaces it.
  }
}
