// `user` and `group`. php-fpm gives each child its pool's; threads have the user of their process, so the whole process
// takes it, once the sockets and the pid file are there. Scripts never run as root unless -R says so.

import type { PoolFile } from "../fpm/conf/types.ts";
import type { Log } from "../fpm/log.ts";
import { nodeConfSystem, primaryGroup } from "./conf-system.ts";
import { CliError, messageOf } from "./failure.ts";
import { EXIT_CONFIG } from "./fpm-conf.ts";

/** Whom to become; undefined: remain who we are. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** For the supplementary groups. */
  readonly name: string;
}

/**
 * The user of all pools. As in php-fpm, it counts only when the process is root's.
 *
 * @param allowRoot -R
 * @throws {CliError} when there is none, when it is unknown, when it is root, or when pools have different ones
 */
export function userOf(pools: readonly PoolFile[], allowRoot: boolean): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = pools.map((pool) => userOfPool(pool, allowRoot));
  const [first] = users;
  const different = users.findIndex((user) => user?.uid !== first?.uid || user?.gid !== first?.gid);
  if (different === -1) return first;
  throw refusal(
    `[pool ${pools[0]?.name}] and [pool ${pools[different]?.name}] have different users: ` +
      "children are threads, and threads of one process have one user.",
    "Start one edge-fpm fpm for the pools of each user.",
  );
}

function userOfPool({ name, user, group }: PoolFile, allowRoot: boolean): User | undefined {
  if (user === undefined) {
    if (allowRoot) return undefined;
    throw refusal(`[pool ${name}] user is missing: scripts would run as root.`, "Name one in the file, or give -R.");
  }
  const system = nodeConfSystem();
  const uid = system.userId(user);
  const gid = group === undefined ? primaryGroup(user) : system.groupId(group);
  if (uid === undefined) throw refusal(`[pool ${name}] there is no user ${user} on this machine.`);
  if (gid === undefined)
    throw refusal(`[pool ${name}] there is no group ${group ?? `of user ${user}`} on this machine.`);
  if (uid !== 0 && gid !== 0) return { uid, gid, name: user };
  if (allowRoot) return uid === 0 ? undefined : { uid, gid, name: user };
  throw refusal(`[pool ${name}] scripts would run as root (user ${user}, group ${group ?? gid}).`, "-R allows it.");
}

/** A function of Node that its types leave out. */
interface WithInitgroups {
  initgroups?(user: string, group: number): void;
}

function refusal(message: string, hint?: string): CliError {
  return new CliError(message, { exitCode: EXIT_CONFIG, ...(hint === undefined ? {} : { hint }) });
}

/** Becomes the user for good: all threads of the process, those to come included. */
export function becomeUser(user: User, log: Log): void {
  const { uid, gid, name } = user;
  try {
    if (/^\d+$/.test(name)) process.setgroups?.([gid]);
    else (process as WithInitgroups).initgroups?.(name, gid);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw new CliError(`Cannot become user ${name}: ${messageOf(error)}`, { cause: error });
  }
  log({ level: "debug", message: `runs as user ${name} (${uid}), group ${gid}`, fields: { uid, gid } });
}
