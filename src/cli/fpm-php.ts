// What a pool section says about PHP, as settings of the pool's interpreters.

import type { PhpSetting, PoolFile } from "../fpm/conf/types.ts";
import type { PoolSettings } from "../platform/node/spawn-thread.ts";
import type { PhpSettings } from "./pool.ts";

/**
 * Settings for the children of a pool.
 *
 * @param common what the command line gives to all pools; the pool's own settings win, its `php_admin_*` over all
 */
export function poolPhp(pool: PoolFile, common: PhpSettings): PoolSettings {
  const settings = { ...common.ini?.settings, ...settingsOf(pool.phpValues) };
  return {
    ...common,
    ini: { ...common.ini, settings, adminSettings: settingsOf(pool.phpAdminValues) },
    env: { ...(pool.clearEnv ? {} : ownEnvironment()), ...common.env, ...pool.env },
    ...(pool.chroot === undefined ? {} : { root: pool.chroot }),
    responder: { ...common.responder, extensions: pool.securityLimitExtensions },
  };
}

/** Of a name given twice the last counts, which is the first of the file. */
function settingsOf(list: readonly PhpSetting[]): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
