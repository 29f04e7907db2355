// The pool's numbers as the visitor has set them. Checked by the pool's own rules before anything is sent.

import { computed, signal } from "@preact/signals";
import { poolConfig } from "../../../src/fpm/config.ts";
import { ConfigError, type ConfigProblem } from "../../../src/fpm/errors.ts";
import { DEFAULT_POOL, type PoolConfig, type PoolConfigInput } from "../../engine/index.ts";
import { engine } from "./engine.ts";

/** What the visitor has chosen, over `DEFAULT_POOL`; what is absent follows from the rest. */
export const numbers = signal<PoolConfigInput>({});

/** All numbers, those that follow included; or what is wrong with them. */
export interface CheckedNumbers {
  readonly config: PoolConfig;
  /** Empty: they are in force. */
  readonly problems: readonly ConfigProblem[];
}

export const checkedNumbers = computed<CheckedNumbers>(() => check(numbers.value));

/** What the pool would make of these numbers. The configuration is without the wrong ones when there are problems. */
export function check(chosen: PoolConfigInput): CheckedNumbers {
  const input = { ...DEFAULT_POOL, ...chosen };
  try {
    return { config: poolConfig(input), problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // For what is shown beside the problems: the numbers as they were written, each for itself.
    return { config: { ...poolConfig({}), ...defined(input) }, problems: error.problems };
  }
}

function defined(input: PoolConfigInput): Partial<PoolConfig> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

/** Changes some numbers. They come into force at once; not when one of them has a problem: then `checkedNumbers` says why. */
export async function setNumbers(change: PoolConfigInput): Promise<void> {
  numbers.value = { ...numbers.value, ...change };
  if (checkedNumbers.value.problems.length > 0) return;
  // All of them: those that waited for a mended one too.
  await engine.pool.configure({ ...UNSET, ...DEFAULT_POOL, ...numbers.value }).catch(() => {});
}

/** Takes back what the visitor chose. */
export function resetNumbers(): Promise<void> {
  numbers.value = {};
  return setNumbers({});
}

/** Brings the spare and start servers into what the other numbers allow. */
export function fitNumbers(): Promise<void> {
  const { config } = checkedNumbers.value;
  const most = Math.max(1, config.maxChildren);
  const min = Math.min(Math.max(1, config.minSpareServers), most);
  const max = Math.min(Math.max(min, config.maxSpareServers), most);
  return setNumbers({
    maxChildren: most,
    minSpareServers: min,
    maxSpareServers: max,
    startServers: Math.min(Math.max(min, config.startServers), max),
  });
}

/** What goes back to its default when the visitor no longer chooses it. */
const UNSET: PoolConfigInput = {
  startServers: undefined,
  minSpareServers: undefined,
  maxSpareServers: undefined,
  processIdleTimeout: undefined,
  maxRequests: undefined,
};
