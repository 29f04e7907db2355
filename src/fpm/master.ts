// The master: owner of the pools, by name. It starts, reloads and stops them together: php-fpm's signals as methods.

import { type Clock, systemClock } from "./clock.ts";
import type { PoolConfig } from "./config.ts";
import { type EmergencyLimits, EmergencyRestart } from "./emergency.ts";
import { ConfigError } from "./errors.ts";
import type { Log } from "./log.ts";
import { Pool, type PoolOptions } from "./pool.ts";
import type { Spawn } from "./spawn.ts";
import type { PoolStatus } from "./status.ts";

/** What a master can be told beside the configuration of its pools. */
export interface MasterOptions extends PoolOptions {
  /** What one pool has of its own: a slowlog, for example. Asked again for every pool that a reload adds. */
  readonly poolOptions?: ((name: string) => PoolOptions) | undefined;
  /** Reads the configuration anew, for `reload()`. Default: every pool keeps its own. */
  readonly reread?: (() => Promise<readonly PoolConfig[]> | readonly PoolConfig[]) | undefined;
  /** Opens the log files again, for `reopenLogs()`. */
  readonly reopen?: (() => void | Promise<void>) | undefined;
  /** `emergency_restart_threshold` and `emergency_restart_interval`. Default: never. */
  readonly emergencyRestart?: EmergencyLimits | undefined;
  /** Most children of all pools together (php-fpm: `process.max`). A reload may exceed it. Default 0: no limit. */
  readonly processMax?: number | undefined;
}

/** Owner of the pools: starts and stops them, reloads their configuration, counts crashes. */
export class Master<Wire> {
  readonly #pools = new Map<string, Pool<Wire>>();
  readonly #spawn: Spawn<Wire>;
  readonly #options: MasterOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #emergency: EmergencyRestart;
  #stopping = false;
  #processMaxReached = false;
  #reloading: Promise<void> | undefined;

  /**
   * @param configs one a pool, at least one, from `poolConfig()`
   * @param spawn starts the children of all of them
   * @throws {ConfigError} `CONFIG_INVALID` when there is none, or two have one name
   */
  constructor(configs: readonly PoolConfig[], spawn: Spawn<Wire>, options: MasterOptions = {}) {
    this.#spawn = spawn;
    this.#options = options;
    this.#log = options.log ?? (() => {});
    this.#clock = options.clock ?? systemClock;
    this.#emergency = new EmergencyRestart(options.emergencyRestart ?? { threshold: 0, interval: 0 });
    checkNames(configs);
    for (const config of configs) this.#add(config);
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
    const failure = await firstFailure(this.#each((pool) => pool.start()));
    if (failure === undefined) {
      this.#notice("ready to handle connections");
      return;
    }
    await this.terminate();
    throw failure.reason;
  }

  /** Graceful stop of every pool (SIGQUIT), each bounded by its `processControlTimeout`. Safe to call twice. */
  async finish(): Promise<void> {
    this.#stopping = true;
    this.#notice("Finishing ...");
    await Promise.all(this.#each((pool) => pool.finish()));
    this.#notice("exiting, bye-bye!");
  }

  /** Stops every pool at once (SIGINT, SIGTERM). Safe to call twice, and during `finish()`. */
  async terminate(): Promise<void> {
    this.#stopping = true;
    this.#notice("Terminating ...");
    await Promise.all(this.#each((pool) => pool.terminate()));
    this.#notice("exiting, bye-bye!");
  }

  /**
   * Reloads every pool (SIGUSR2), with the configuration read anew when there is a `reread`: pools that it adds are
   * started, pools that it leaves out are finished. A pool whose new children do not come up goes on with its old ones.
   * php-fpm starts itself anew for this, and ends when the configuration has mistakes; here the old one stays in force.
   * A reload during a reload is that reload.
   *
   * @throws {ConfigError} and what `reread` throws: nothing has changed
   * @throws {PoolError} of the first pool that could not, after all are done
   */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  /** Opens the log files again (SIGUSR1), after they were moved away. Children keep none open: they are not replaced. */
  async reopenLogs(): Promise<void> {
    await this.#options.reopen?.();
    this.#notice("error log file re-opened");
    this.#notice("access log file re-opened");
  }

  /** The status of every pool, in the order of the configuration. */
  status(): PoolStatus[] {
    return this.#each((pool) => pool.status());
  }

  async #reload(): Promise<void> {
    this.#notice("Reloading in progress ...");
    const { reread } = this.#options;
    const configs = reread === undefined ? this.#each((pool) => pool.config) : await this.#reread(reread);
    const wanted = new Map(configs.map((config) => [config.name, config]));
    const work: Promise<void>[] = [];
    for (const [name, pool] of this.#pools) {
      const config = wanted.get(name);
      if (config !== undefined) {
        work.push(pool.reload(config));
      } else {
        this.#pools.delete(name);
        work.push(pool.finish());
      }
    }
    for (const config of configs) if (!this.#pools.has(config.name)) work.push(this.#add(config).start());
    const failure = await firstFailure(work);
    if (failure !== undefined) throw failure.reason;
    if (!this.#stopping) this.#notice("ready to handle connections");
  }

  async #reread(reread: NonNullable<MasterOptions["reread"]>): Promise<readonly PoolConfig[]> {
    try {
      const configs = await reread();
      checkNames(configs);
      return configs;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log({ level: "error", message: `failed to reload, the old configuration stays: ${reason}`, fields: {} });
      throw error;
    }
  }

  #add(config: PoolConfig): Pool<Wire> {
    const { poolOptions, ...shared } = this.#options;
    const pool = new Pool<Wire>(config, this.#spawn, {
      ...shared,
      ...poolOptions?.(config.name),
      onCrash: () => this.#onCrash(),
      room: () => this.#room(),
    });
    this.#pools.set(config.name, pool);
    return pool;
  }

  #onCrash(): void {
    if (this.#stopping || !this.#emergency.crashed(this.#clock.now())) return;
    const { threshold = 0, interval = 0 } = this.#options.emergencyRestart ?? {};
    const message = `failed processes threshold (${threshold} in ${interval / 1000} sec) is reached, initiating reload`;
    this.#log({ level: "warning", message, fields: { threshold, interval } });
    this.reload().catch((error: unknown) => {
      this.#log({ level: "error", message: `emergency reload: ${(error as Error).message}`, fields: {} });
    });
  }

  /** Children that `process.max` still allows. Its being reached is told once for as long as it lasts. */
  #room(): number {
    const { processMax = 0 } = this.#options;
    if (processMax === 0) return Number.POSITIVE_INFINITY;
    const children = this.#each((pool) => pool.size).reduce((sum, size) => sum + size, 0);
    const room = Math.max(0, processMax - children);
    if (room === 0 && !this.#processMaxReached) {
      const message = `reached process.max (${processMax} children of all pools), no more are started`;
      this.#log({ level: "warning", message, fields: { processMax } });
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

function checkNames(configs: readonly PoolConfig[]): void {
  const names = new Set<string>();
  for (const { name } of configs) {
    if (names.has(name)) {
      const allowed = "a name that no other pool has";
      throw new ConfigError(name, [{ key: "name", directive: "name", value: name, allowed }]);
    }
    names.add(name);
  }
  if (configs.length === 0) {
    throw new ConfigError("-", [{ key: "pools", directive: "pools", value: 0, allowed: "at least one pool" }]);
  }
}

async function firstFailure(work: readonly Promise<unknown>[]): Promise<PromiseRejectedResult | undefined> {
  const outcomes = await Promise.allSettled(work);
  return outcomes.find((outcome) => outcome.status === "rejected");
}
