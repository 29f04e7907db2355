// CGI against FastCGI: the same request in an interpreter of its own, and in a resident one. Both speak FastCGI to the web
// server; what CGI costs is the start of a process for each request, and that is what is measured.

import type { ChildLink } from "../../../src/dispatch/child-link.ts";
import type { Spawn } from "../../../src/fpm/spawn.ts";
import type { Exchange } from "../../../src/transport/exchange.ts";
import type { CompareOptions, CompareResult, CompareSample } from "../types.ts";
import { quantiles } from "./measure.ts";

const MOST = 200;

export interface CompareParts {
  readonly spawn: Spawn<ChildLink>;
  /** The pool, through the web server's connections. */
  readonly resident: Exchange;
  /** Runs the request over an exchange to its end, and gives its status. */
  readonly send: (exchange: Exchange) => Promise<number>;
}

/** In turns, so that whatever else slows the machine slows both. */
export async function runCompare(
  options: Pick<CompareOptions, "count">,
  parts: CompareParts,
  signal: AbortSignal,
  report: (sample: CompareSample) => void,
): Promise<CompareResult> {
  const count = Math.max(1, Math.min(MOST, Math.floor(options.count ?? 10)));
  const samples: CompareSample[] = [];
  for (let index = 0; index < count && !signal.aborted; index++) {
    for (const kind of ["cgi", "fastcgi"] as const) {
      const sample = { kind, index, ...(kind === "cgi" ? await fresh(parts) : await resident(parts)) };
      samples.push(sample);
      report(sample);
    }
  }
  const of = (kind: CompareSample["kind"]) =>
    quantiles(samples.filter((sample) => sample.kind === kind).map(({ total }) => total));
  const cgi = of("cgi");
  const fastcgi = of("fastcgi");
  return { samples, cgi, fastcgi, ratio: fastcgi.p50 > 0 ? cgi.p50 / fastcgi.p50 : 0 };
}

type Measured = Pick<CompareSample, "status" | "start" | "run" | "total">;

async function fresh({ spawn, send }: CompareParts): Promise<Measured> {
  const began = performance.now();
  const child = spawn({ pool: "cgi", slot: 0 });
  try {
    await child.ready;
    const ready = performance.now();
    const status = await send(child.wire.exchange);
    const ended = performance.now();
    return { status, start: ready - began, run: ended - ready, total: ended - began };
  } finally {
    child.kill();
  }
}

async function resident(parts: CompareParts): Promise<Measured> {
  const began = performance.now();
  const status = await parts.send(parts.resident);
  const run = performance.now() - began;
  return { status, start: 0, run, total: run };
}
