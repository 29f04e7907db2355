// The pools of a configuration, running: children, sockets, logs, the pid file; and php-fpm's signals as methods.

import type { ChildLink } from "../dispatch/child-link.ts";
import { poolConfigInput } from "../fpm/conf/pool-config.ts";
import type { FpmConfig, PoolFile } from "../fpm/conf/types.ts";
import { type Log, Master, type PoolConfig, poolConfig, type Spawn, statusArray } from "../fpm/index.ts";
import type { PhpVersion } from "../platform/node/php-versions.ts";
import type { ThreadSpawn } from "../platform/node/spawn-thread.ts";
import type { Address } from "../transport/address.ts";
import type { Arguments } from "./command.ts";
import { messageOf } from "./failure.ts";
import type { LogFiles } from "./fpm-logs.ts";
import { poolPhp } from "./fpm-php.ts";
import { Sockets } from "./fpm-sockets.ts";
import { becomeUser, userOf } from "./fpm-user.ts";
import { poolSnapshot } from "./fpm-warm-up.ts";
import { offerPhp } from "./offer-php.ts";
import { removePid, writePid } from "./pid-file.ts";
import { compileThreads, existingDirectory, phpSettings } from "./pool.ts";
import type { SignalVerbs } from "./signals.ts";
import { warmUpOf } from "./warm-up.ts";

/** A master at work. */
export interface RunningMaster extends SignalVerbs {
  readonly master: Master<ChildLink>;
  readonly php: PhpVersion;
  /** Where it listens: ports that were 0 are the real ones. */
  readonly addresses: readonly { readonly pool: string; readonly address: Address }[];
}

export interface MasterTools {
  readonly log: Log;
  readonly logs: LogFiles;
  /** Reads the configuration again; undefined when it has faults, which are in the log. */
  reread(): FpmConfig | undefined;
}

/**
 * Listens, compiles PHP once for all pools, and starts them.
 *
 * @throws {CliError} when an address, a log or the user cannot be had, {PoolError} when no child of a pool starts
 */
export async function startMaster(args: Arguments, config: FpmConfig, tools: MasterTools): Promise<RunningMaster> {
  const user = userOf(config.pools, args.flag("allow-to-run-as-root"));
  // All that can be wrong is, before PHP is compiled or even installed.
  phpSettings(args, rootsOf(args, config));
  poolConfigs(args, config);
  warmUpOf(args);
  return offerPhp(args.text("php"), async (version) => {
    const pools = new ConfiguredPools(args, config, tools);
    await pools.compile(version);
    try {
      await pools.sockets.follow(config.pools, pools.master);
      writePid(config.global.pid);
      if (user !== undefined) {
        tools.logs.giveTo(user.uid, user.gid);
        becomeUser(user, tools.log);
      }
      await pools.master.start();
    } catch (error) {
      await pools.terminate();
      throw error;
    }
    return pools;
  });
}

class ConfiguredPools implements RunningMaster {
  readonly #args: Arguments;
  readonly #tools: MasterTools;
  #config: FpmConfig;
  /** How the children of each pool are started. */
  #spawns: ReadonlyMap<string, Spawn<ChildLink>> = new Map();
  #threads: ThreadSpawn<ChildLink> | undefined;
  readonly master: Master<ChildLink>;
  readonly sockets: Sockets;

  constructor(args: Arguments, config: FpmConfig, tools: MasterTools) {
    this.#args = args;
    this.#config = config;
    this.#tools = tools;
    const { log, logs } = tools;
    this.sockets = new Sockets(logs, log);
    const { emergencyRestartThreshold: threshold, emergencyRestartInterval: interval, processMax } = config.global;
    this.master = new Master(poolConfigs(args, config), (place) => this.#spawn(place), {
      log,
      processMax,
      emergencyRestart: { threshold, interval },
      poolOptions: (name) => {
        const pool = this.#config.pools.find((candidate) => candidate.name === name);
        return pool === undefined ? {} : { slowlog: logs.slow(pool) };
      },
      reread: () => this.#reread(),
      reopen: () => logs.reopen(log),
    });
  }

  get php(): PhpVersion {
    return this.#compiled.php;
  }

  get addresses() {
    return this.sockets.addresses;
  }

  get #compiled(): ThreadSpawn<ChildLink> {
    if (this.#threads === undefined) throw new Error("PHP is not compiled yet");
    return this.#threads;
  }

  async compile(version: PhpVersion): Promise<void> {
    const { log } = this.#tools;
    // The status of a pool is asked for by its children.
    const poolStatus = ({ pool: name }: { readonly pool: string }) => {
      const pool = this.master.pool(name);
      return pool && statusArray(pool.status());
    };
    this.#threads = await compileThreads({ php: version, poolStatus }, log, (detail) =>
      log({ level: "debug", message: `PHP ${version}: ${detail}`, fields: {} }),
    );
    this.#prepare();
  }

  async finish(): Promise<void> {
    await this.sockets.close();
    this.sockets.drain();
    await this.master.finish();
    await this.sockets.drained();
    this.#leave();
  }

  async terminate(): Promise<void> {
    await this.sockets.close();
    this.sockets.reset();
    await this.master.terminate();
    this.#leave();
  }

  /** With faults in the files everything stays as it is: php-fpm ends itself then. */
  async reload(): Promise<void> {
    const { log } = this.#tools;
    try {
      await this.master.reload();
    } catch (error) {
      log({ level: "error", message: `reload: ${messageOf(error)}`, fields: {} });
      throw error;
    } finally {
      // Pools that came need their sockets, even when another one could not be reloaded.
      await this.sockets.follow(this.#config.pools, this.master).catch((error: unknown) => {
        log({ level: "error", message: `reload: ${messageOf(error)}`, fields: {} });
      });
    }
  }

  reopenLogs(): Promise<void> {
    return this.master.reopenLogs();
  }

  #reread(): readonly PoolConfig[] {
    const config = this.#tools.reread();
    if (config === undefined) throw new Error("the configuration has faults, the old one stays in force");
    const configs = poolConfigs(this.#args, config);
    this.#config = config;
    this.#prepare();
    return configs;
  }

  #prepare(): void {
    const settings = phpSettings(this.#args, rootsOf(this.#args, this.#config));
    const { variant } = this.#compiled;
    const root = rootOf(this.#args);
    this.#spawns = new Map(
      this.#config.pools.map((pool) => {
        const snapshot = poolSnapshot(this.#args, pool, root);
        return [pool.name, variant({ ...poolPhp(pool, settings), ...(snapshot && { snapshot }) })];
      }),
    );
  }

  #spawn(place: { readonly pool: string; readonly slot: number }) {
    const spawn = this.#spawns.get(place.pool) ?? this.#compiled.spawn;
    return spawn(place);
  }

  #leave(): void {
    removePid(this.#config.global.pid);
    this.#tools.logs.close();
  }
}

/** Folder of the application. */
function rootOf(args: Arguments): string {
  return existingDirectory(args.text("root") ?? ".");
}

/** Directories that PHP must see whatever `--mount` says. */
function rootsOf(args: Arguments, config: FpmConfig): string[] {
  return [rootOf(args), ...config.pools.flatMap(({ chdir }: PoolFile) => chdir ?? [])];
}

function poolConfigs(args: Arguments, { global, pools }: FpmConfig): PoolConfig[] {
  const seconds = args.integer("queue-timeout", 0, 86_400);
  const ours = seconds === undefined ? {} : { queueTimeout: seconds * 1000 };
  return pools.map((pool) => poolConfig({ ...poolConfigInput(pool, global), ...ours }));
}
