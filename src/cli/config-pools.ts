// The pools of a configuration file, started: one compiled interpreter for each version of PHP.

import type { ChildLink } from "../dispatch/child-link.ts";
import { withMasterPages } from "../dispatch/master-pages.ts";
import { poolExchange } from "../dispatch/pool-exchange.ts";
import { type Log, Pool, type PoolConfig, statusArray } from "../fpm/index.ts";
import type { MailConfig, PoolConfigEntry } from "../gateway/config/config.ts";
import type { ThreadSpawn } from "../platform/node/spawn-thread.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { Arguments } from "./command.ts";
import { offerPhp } from "./offer-php.ts";
import { checkedPoolConfig, compileThreads, logOf, type PhpSettings, phpSettings } from "./pool.ts";
import { withProgress } from "./terminal.ts";
import { snapshotOptions } from "./warm-up.ts";

export interface StartedPools {
  readonly exchanges: ReadonlyMap<string, Exchange>;
  /** For the jobs of the schedule: they end with their scripts, and a child whose run was given up is ended soon. */
  readonly jobs: ReadonlyMap<string, Exchange>;
  /** For the start-up line, e.g. `PHP 8.2 (www, 4 children)`. */
  readonly names: readonly string[];
  finish(): Promise<void>;
  terminate(): Promise<void>;
}

/** How long a job's script may go on after its run was given up, in milliseconds. */
const ABANDONED_JOB = 1000;

type Entries = Readonly<Record<string, PoolConfigEntry>>;

/** The policy of each pool, checked. php-fpm's default for `pm` is `dynamic`; children are dear here, so it is `static`. */
export function configuredPools(entries: Entries): ReadonlyMap<string, PoolConfig> {
  return new Map(
    Object.entries(entries).map(([name, entry]) => {
      const { php: _php, ini: _ini, env: _env, statusPath: _status, pingPath: _ping, ...rest } = entry;
      const { warmup: _warmup, snapshot: _snapshot, ...policy } = rest;
      return [name, checkedPoolConfig({ name, pm: "static", maxChildren: 2, ...policy })];
    }),
  );
}

/**
 * @param roots folders that must be visible to PHP whatever `--mount` says
 * @param mail where mails go
 * @param gateway makes a gateway over an application in place of a pool: how the URLs of a warm-up become requests
 */
export async function startPools(
  args: Arguments,
  entries: Entries,
  roots: readonly string[],
  mail?: MailConfig,
  gateway?: (pool: string, application: Exchange) => (request: Request) => Promise<Response>,
): Promise<StartedPools> {
  const policies = configuredPools(entries);
  const common = phpSettings(args, roots, mail);
  const pools = new Map<string, Pool<ChildLink>>();
  const stop = (how: "finish" | "terminate") => Promise.all([...pools.values()].map((pool) => pool[how]()));
  const names: string[] = [];
  const warmUp = (name: string): Pick<PhpSettings, "snapshot"> => {
    const { warmup: urls = [], snapshot: file } = entries[name] ?? {};
    if (gateway === undefined || (urls.length === 0 && file === undefined)) return {};
    return { snapshot: snapshotOptions({ urls, file }, name, (application) => gateway(name, application)) };
  };
  try {
    for (const [version, members] of byVersion(entries, args.text("php"))) {
      await offerPhp(version, (php) =>
        withProgress(`Preparing PHP ${php}`, async (say) => {
          const log: Log = logOf(args);
          const status = ({ pool: name }: { readonly pool: string }) => {
            const pool = pools.get(name);
            return pool && statusArray(pool.status());
          };
          const threads = await compileThreads({ php, poolStatus: status }, log, say);
          for (const name of members) {
            const policy = policies.get(name) as PoolConfig;
            say(`starting ${name}`);
            const pool = new Pool(policy, spawnOf(threads, entries[name] ?? {}, { ...common, ...warmUp(name) }), {
              log,
            });
            pools.set(name, pool);
            await pool.start();
            const children = policy.maxChildren === 1 ? "1 child" : `${policy.maxChildren} children`;
            names.push(`${name} (PHP ${threads.php}, ${children})`);
          }
        }),
      );
    }
  } catch (error) {
    await stop("terminate");
    throw error;
  }
  const exchanges = [...pools].map(([name, pool]) => [name, exchangeOf(pool, entries[name] ?? {})] as const);
  return {
    exchanges: new Map(exchanges),
    jobs: new Map(
      [...pools].map(([name, pool]) => [
        name,
        poolExchange(pool, { limits: { abandoned: ABANDONED_JOB }, untilOver: true }),
      ]),
    ),
    names,
    finish: async () => void (await stop("finish")),
    terminate: async () => void (await stop("terminate")),
  };
}

function byVersion(entries: Entries, otherwise: string | undefined): ReadonlyMap<string | undefined, string[]> {
  const versions = new Map<string | undefined, string[]>();
  for (const [name, { php = otherwise }] of Object.entries(entries)) {
    versions.set(php, [...(versions.get(php) ?? []), name]);
  }
  return versions;
}

/** The pool's own settings go before the command line's. */
function spawnOf(threads: ThreadSpawn<ChildLink>, { ini, env }: PoolConfigEntry, common: PhpSettings) {
  return threads.variant({
    ...common,
    ini: { ...common.ini, settings: { ...common.ini?.settings, ...ini } },
    env: { ...common.env, ...env },
  });
}

function exchangeOf(pool: Pool<ChildLink>, { statusPath, pingPath }: PoolConfigEntry): Exchange {
  const exchange = poolExchange(pool);
  if (statusPath === undefined && pingPath === undefined) return exchange;
  return withMasterPages(exchange, pool, {
    ...(statusPath === undefined ? {} : { statusPath }),
    ...(pingPath === undefined ? {} : { pingPath }),
  });
}
