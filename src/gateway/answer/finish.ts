// The last touches to an answer: what the configuration says of ranges, headers, compression and speed.

import type { CacheStatus } from "../cache/options.ts";
import type { Variables } from "../config/variables.ts";
import type { Visit } from "../request/visit.ts";
import type { GatewayResources } from "../resources.ts";
import { addHeaders, setExpires } from "./added-headers.ts";
import { compressReply } from "./compress.ts";
import { limitRate } from "./limit-rate.ts";
import { applyRange } from "./range-reply.ts";
import { headerOf, type Reply } from "./reply.ts";
import type { Step } from "./step.ts";

/** Changes `reply`. A promise only where something has to be waited for. */
export function finishReply(
  reply: Reply,
  step: Step | undefined,
  visit: Visit,
  resources: GatewayResources,
  cacheStatus: CacheStatus | undefined,
): void | Promise<void> {
  if (step?.rules === undefined) return;
  const { decision, settings, rules } = step;
  const { location } = rules;
  if (settings.forceRanges && decision.type === "script") applyRange(reply, visit.request);
  if (location.expires !== undefined && decision.type === "file") {
    setExpires(reply, location.expires, (resources.now ?? Date.now)());
  }
  if (location.headers.length > 0) addHeaders(reply, location.headers, withAnswer(rules.variables, reply, cacheStatus));
  const { compress } = resources;
  if (location.compress !== undefined && compress !== undefined) {
    return compressReply(reply, visit.request, location.compress, compress).then(() =>
      slowDown(reply, settings.limitRate),
    );
  }
  slowDown(reply, settings.limitRate);
}

/** X-Accel-Limit-Rate of the script, else what the location says. */
function slowDown(reply: Reply, limit: number): void {
  const rate = reply.wishes?.limitRate ?? limit;
  if (rate > 0 && reply.body !== null) reply.body = limitRate(reply.body, rate);
}

/** The request's variables and those of its answer. */
function withAnswer(variables: Variables, reply: Reply, cacheStatus: CacheStatus | undefined): Variables {
  return (name) => {
    if (name === "upstream_cache_status") return cacheStatus;
    if (name === "status" || name === "upstream_status") return String(reply.status);
    const header = /^(?:upstream|sent)_http_(.+)$/.exec(name)?.[1];
    return header === undefined ? variables(name) : headerOf(reply, header.replaceAll("_", "-"));
  };
}
