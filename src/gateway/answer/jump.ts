// Where a request goes on inside, when a script, or an error, sends it elsewhere.

import { GatewayError } from "../errors.ts";
import { scriptTarget } from "../request/request-check.ts";
import type { Visit } from "../request/visit.ts";
import type { Outcome } from "../script/script-outcome.ts";
import type { Step } from "./step.ts";

/** Internal redirects of one request (nginx allows 10 too). */
const MAX_JUMPS = 10;

/** @throws {GatewayError} `GATEWAY_REDIRECT_LOOP` */
export function checkJumps(jumps: number, target: string): void {
  if (jumps < MAX_JUMPS) return;
  throw new GatewayError("GATEWAY_REDIRECT_LOOP", 500, `more than ${MAX_JUMPS} local redirects, the last to ${target}`);
}

/** The request as it goes on: to another path, or to a named location with the same one. */
export interface Jump {
  readonly visit: Visit;
  readonly named: string | undefined;
}

/**
 * Where a script sends a request: Location with a path, X-Accel-Redirect.
 * @throws {GatewayError} `GATEWAY_BAD_OUTPUT`
 */
export function scriptJump(step: Step, outcome: Outcome & { readonly type: "redirect" }): Jump {
  const { visit, settings } = step;
  const { target: text, unsafe } = outcome;
  if (unsafe && text.startsWith("@")) return { visit: withoutBody(visit), named: text };
  // Names of files with spaces are usual there, and nginx takes them.
  const uri = unsafe ? text.replaceAll(" ", "%20") : text;
  const { target, path } = scriptTarget(uri, settings.limits);
  return { visit: { ...withoutBody(visit), target, path }, named: undefined };
}

/** To another path, with GET. */
export function pathJump(visit: Visit, path: string, query: string): Jump {
  const uri = query === "" ? path : `${path}?${query}`;
  return { visit: { ...withoutBody(visit), target: { uri, path, query }, path }, named: undefined };
}

/** The body was for the first script. */
export function withoutBody(visit: Visit): Visit {
  return { ...visit, method: visit.method === "HEAD" ? "HEAD" : "GET", hasBody: false };
}
