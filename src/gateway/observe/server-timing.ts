// Server-Timing (https://www.w3.org/TR/server-timing/): what a browser's developer tools show of a request's way. Sent only
// where the operator asks for it: it tells visitors whether a page came from the cache, and how long a script took.

/** Times are milliseconds; what is absent is not told. */
export interface ServerTimings {
  readonly cacheStatus?: string | undefined;
  /** Until the connection to the application was open. */
  readonly connectTime?: number | undefined;
  /** Until the application's headers were there, over all attempts. */
  readonly upstreamTime?: number | undefined;
  /** Attempts, told when there was more than one. */
  readonly attempts?: number | undefined;
  /** Until the answer's head is sent: the rest is not known yet. */
  readonly totalTime?: number | undefined;
  /** For the join with traces, as the conventions of browsers' tracers have it. */
  readonly traceparent?: string | undefined;
}

/** The header's value; `undefined` when there is nothing to tell. */
export function serverTiming(timings: ServerTimings): string | undefined {
  const metrics: string[] = [];
  const duration = (name: string, milliseconds: number | undefined, more = "") => {
    if (milliseconds === undefined || !(milliseconds >= 0)) return;
    metrics.push(`${name}${more};dur=${Math.round(milliseconds * 1000) / 1000}`);
  };
  if (timings.cacheStatus !== undefined) metrics.push(`cache;desc=${token(timings.cacheStatus)}`);
  duration("connect", timings.connectTime);
  const tries = timings.attempts !== undefined && timings.attempts > 1 ? `;desc="${timings.attempts} attempts"` : "";
  duration("upstream", timings.upstreamTime, tries);
  duration("total", timings.totalTime);
  if (timings.traceparent !== undefined) metrics.push(`traceparent;desc=${token(timings.traceparent)}`);
  return metrics.length === 0 ? undefined : metrics.join(", ");
}

/** A token as it is, anything else in quotes. */
function token(text: string): string {
  if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) return text;
  return `"${text.replace(/[^\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&")}"`;
}
