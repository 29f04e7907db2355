// Rounds of wrk, contenders in turn: a slow moment of the machine hits all of them, and ratios are taken within a round.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findProgram } from "../test/peers/binaries.ts";
import { processorTime } from "./processor-time.ts";
import { median, medianRatio, type Row } from "./table.ts";

const run = promisify(execFile);

/** Something that answers. */
export interface Contender {
  readonly name: string;
  /** Where it listens, or how it is started anew for each round. */
  readonly url: string | (() => Promise<Started>);
  /** Length of its rounds, where the usual one is too long for it. */
  readonly seconds?: number;
  /** Its process, to see what it costs by itself. */
  readonly pid?: number;
  /** Least part of the first contender's figure, by number of connections. */
  readonly target?: Readonly<Record<number, number>>;
}

export interface Started {
  readonly url: string;
  stop(): unknown;
}

export interface Rounds {
  readonly connections: number;
  readonly rounds: number;
  /** Of each contender in each round. */
  readonly seconds: number;
}

/** Requests a second that wrk sees on kept connections. @throws when one of them failed */
export async function load(url: string, connections: number, seconds: number): Promise<number> {
  const wrk = findProgram(["wrk"]) ?? "wrk";
  const { stdout } = await run(wrk, ["-t1", `-c${connections}`, `-d${seconds}s`, url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url} failed under load:\n${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

/** Microseconds that half of the requests took at most, one after the other on a kept connection. */
export async function medianLatency(url: string, seconds: number): Promise<number> {
  const wrk = findProgram(["wrk"]) ?? "wrk";
  const { stdout } = await run(wrk, ["-t1", "-c1", `-d${seconds}s`, "--latency", url]);
  const [, figure, unit] = /50%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  if (/Non-2xx|Socket errors/.test(stdout) || figure === undefined) throw new Error(`${url} failed:\n${stdout}`);
  return Number(figure) * (unit === "us" ? 1 : unit === "ms" ? 1e3 : 1e6);
}

async function round(contender: Contender, connections: number, usual: number): Promise<number> {
  const { url, seconds = usual } = contender;
  if (typeof url === "string") return load(url, connections, seconds);
  const started = await url();
  try {
    return await load(started.url, connections, seconds);
  } finally {
    await started.stop();
  }
}

/** `row` held against another of its table: the medians of both, as each was taken in turn with it. */
export function heldAgainst(row: Row, other: Row, against: string, ratioAtLeast: number): Row {
  const { target: _, ...figures } = row;
  return { ...figures, ratio: row.value / other.value, against, target: { ratioAtLeast } };
}

/** The first contender is what the others are held against. @param against how it is called in the table */
export async function compare(
  contenders: readonly Contender[],
  against: string,
  { connections, rounds, seconds }: Rounds,
): Promise<{ readonly method: string; readonly rows: readonly Row[] }> {
  const rates = contenders.map((): number[] => []);
  const costs = contenders.map((): number[] => []);
  // All at once, to lose no time. One that starts anew for each round is never warm.
  const kept = contenders.filter(({ url }) => typeof url === "string");
  await Promise.all(kept.map((contender) => round(contender, connections, seconds)));
  for (let i = 0; i < rounds; i++) {
    for (const [at, contender] of contenders.entries()) {
      const { pid } = contender;
      const before = pid === undefined ? undefined : processorTime(pid);
      const rate = await round(contender, connections, seconds);
      const after = pid === undefined ? undefined : processorTime(pid);
      rates[at]?.push(rate);
      if (before !== undefined && after !== undefined) costs[at]?.push(((after - before) * 1e6) / (rate * seconds));
    }
  }
  const rows = contenders.map(({ name, target }, at): Row => {
    const own = rates[at] ?? [];
    const cpu = costs[at] ?? [];
    const least = target?.[connections];
    return {
      name,
      value: median(own),
      unit: "requests/s",
      ...(cpu.length > 0 && { cpu: median(cpu) }),
      ratio: medianRatio(own, rates[0] ?? []),
      against,
      ...(least !== undefined && { target: { ratioAtLeast: least } }),
    };
  });
  return {
    method: `wrk -t1 -c${connections}, ${rounds} interleaved rounds of ${seconds} s after a warm-up; medians, ratios taken within a round.`,
    rows,
  };
}
