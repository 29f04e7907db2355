// The master: owner of the pools, by name. It starts and stops them together.

import type { PoolConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";
import type { Log } from "./log.ts";
import { Pool, type PoolOptions } from "./pool.ts";
import type { Spawn } from "./spawn.ts";
import type { PoolStatus } from "./status.ts";

/** Options of a master: those of all its pools. */
export interface MasterOptions extends Pick<PoolOptions, "clock" | "log"> {
  /** Most children of all pools together (php-fpm: `process.max`). A reload may exceed it. Default 0: no limit. */
  readonly processMax?: number | undefined;
}

export class Master<Wire> {
  readonly #pools = new Map<string, Pool<Wire>>();
  readonly #log: Log;
  readonly #processMax: number;
  #processMaxReached = false;

  /**
   * @param configs one a pool, at least one, from `poolConfig()`
   * @param spawn starts the children of all of them
   * @throws {ConfigError} `CONFIG_INVALID` when there is none, or two have one name
   */
  constructor(configs: readonly PoolConfig[], spawn: Spawn<Wire>, options: MasterOptions = {}) {
    this.#log = options.log ?? (() => {});
    this.#processMax = options.processMax ?? 0;
    const room = this.#processMax > 0 ? () => this.#room() : undefined;
    for (const config of configs) {
      if (this.#pools.has(config.name)) {
        const allowed = "a name that no other pool has";
        throw new ConfigError(config.name, [{ key: "name", directive: "name", value: config.name, allowed }]);
      }
      this.#pools.set(config.name, new Pool(config, spawn, { clock: options.clock, log: options.log, room }));
    }
    if (this.#pools.size === 0) {
      throw new ConfigError("-", [{ key: "pools", directive: "pools", value: 0, allowed: "at least one pool" }]);
    }
  }

  get pools(): ReadonlyMap<string, Pool<Wire>> {
    return this.#pools;
  }

  /** The pool of that name; undefined when there is none. */
  pool(name: string): Pool<Wire> | undefined {
    return this.#pools.get(name);
  }

  /**
   * Starts every pool. When one cannot start, the others are stopped again.
   *
   * @throws {PoolError} of the first pool that could not start
   */
  async start(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#each((pool) => pool.start()));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed === undefined) {
      this.#notice("ready to handle connections");
      return;
    }
    await this.terminate();
    throw failed.reason;
  }

  /** Graceful stop of every pool, each bounded by its `processControlTimeout`. Safe to call twice. */
  async finish(): Promise<void> {
    this.#notice("Finishing ...");
    await Promise.all(this.#each((pool) => pool.finish()));
    this.#notice("exiting, bye-bye!");
  }

  /** Stops every pool at once. Safe to call twice, and during `finish()`. */
  async terminate(): Promise<void> {
    this.#notice("Terminating ...");
    await Promise.all(this.#each((pool) => pool.terminate()));
    this.#notice("exiting, bye-bye!");
  }

  /**
   * Reloads every pool. A pool whose new children do not come up goes on with its old ones.
   *
   * @throws {PoolError} of the first pool that could not, after all are done
   */
  async reload(): Promise<void> {
    this.#notice("Reloading in progress ...");
    const outcomes = await Promise.allSettled(this.#each((pool) => pool.reload()));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** The status of every pool, in the order of the configuration. */
  status(): PoolStatus[] {
    return this.#each((pool) => pool.status());
  }

  /** Children that `process.max` still allows. Its being reached is told once for as long as it lasts. */
  #room(): number {
    const children = this.#each((pool) => pool.size).reduce((sum, size) => sum + size, 0);
    const room = Math.max(0, this.#processMax - children);
    if (room === 0 && !this.#processMaxReached) {
      const message = `reached process.max (${this.#processMax} children of all pools), no more are started`;
      this.#log({ level: "warning", message, fields: { processMax: this.#processMax } });
    }
    this.#processMaxReached = room === 0;
    return room;
  }

  #each<T>(action: (pool: Pool<Wire>) => T): T[] {
    return Array.from(this.#pools.values(), action);
  }

  #notice(message: string): void {
    this.#log({ level: "notice", message, fields: {} });
  }
}
