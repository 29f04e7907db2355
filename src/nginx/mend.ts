// The last look: what the configuration's own check refuses is taken out again, so that what remains can be used.

import { checkConfig } from "../gateway/config/check.ts";
import type { GatewayConfig } from "../gateway/config/config.ts";

/** What was taken out: from which tables (the outermost first), and why. */
export interface Removed {
  readonly tables: readonly object[];
  readonly path: string;
  readonly why: string;
}

/** Rounds of removing; each takes at least one value out. */
const MAX_ROUNDS = 1000;

/** Changes `config` until its check finds nothing. */
export function mend(config: Record<string, unknown>): { readonly config: GatewayConfig; readonly removed: Removed[] } {
  const removed: Removed[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const [problem] = checkConfig(config);
    if (problem === undefined) return { config: config as GatewayConfig, removed };
    const keys = keysOf(problem.path);
    // What is missing takes the table around it along.
    if (problem.seen === "not there") keys.pop();
    const tables: object[] = [];
    let at: unknown = config;
    for (const key of keys.slice(0, -1)) {
      if (typeof at !== "object" || at === null) break;
      const next: unknown = (at as Record<string, unknown>)[key];
      tables.push(at);
      at = next;
    }
    const last = keys.at(-1);
    if (typeof at !== "object" || at === null || last === undefined) break;
    tables.push(at);
    const table = at as Record<string, unknown>;
    const value = table[last];
    if (typeof value === "object" && value !== null) tables.push(value);
    if (Array.isArray(at)) at.splice(Number(last), 1);
    else if (last in table) delete table[last];
    else break;
    removed.push({ tables, path: problem.path, why: `${problem.seen} is not possible; allowed: ${problem.allowed}` });
  }
  const [left] = checkConfig(config);
  if (left === undefined) return { config: config as GatewayConfig, removed };
  // Nothing that could be taken out alone: nothing is left of it.
  return { config: {}, removed: [...removed, { tables: [config], path: left.path, why: left.seen }] };
}

/** The steps of `sites[0].headers["X-A"]`. */
function keysOf(path: string): string[] {
  return [...path.matchAll(/\[(\d+)\]|\["((?:\\.|[^"\\])*)"\]|([^.[\]]+)/g)].map(
    ([, index, quoted, plain]) => index ?? (quoted === undefined ? plain : (JSON.parse(`"${quoted}"`) as string)) ?? "",
  );
}
