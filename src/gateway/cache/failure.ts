// Which failures of a script a stale response may cover up.

import { failureStatus } from "../answer/failures.ts";
import type { StaleCondition } from "./options.ts";
import type { CacheEntry } from "./store.ts";

/** Statuses for which `stale-if-error` holds (RFC 5861, section 4). */
const ERROR_STATUSES = [500, 502, 503, 504];

/** What `produce` rejects with when there is no response, though nothing failed: no stale one takes its place. */
export class NoResponse {}

/** What kind of failure `produce` rejected with; `undefined` when it is not the application's. */
export function failureCondition(error: unknown): StaleCondition | undefined {
  if (error instanceof NoResponse) return undefined;
  const status = failureStatus(error);
  if (status < 500) return undefined;
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === "string" && (code.startsWith("CGI_") || code === "GATEWAY_BAD_OUTPUT")) return "invalid-header";
  return status === 504 ? "timeout" : "error";
}

/** Whether `entry`, too old, may be sent in the place of a failure. */
export function coversFailure(
  entry: CacheEntry,
  condition: StaleCondition | undefined,
  useStale: ReadonlySet<StaleCondition>,
  now: number,
): boolean {
  if (condition === undefined || entry.mustRevalidate) return false;
  return useStale.has(condition) || now < entry.errorUntil;
}

/** Whether `entry`, too old, may be sent in the place of a response with this status. */
export function coversStatus(
  entry: CacheEntry,
  status: number,
  useStale: ReadonlySet<StaleCondition>,
  now: number,
): boolean {
  if (entry.mustRevalidate) return false;
  if (useStale.has(`http_${status}` as StaleCondition)) return true;
  return ERROR_STATUSES.includes(status) && now < entry.errorUntil;
}
