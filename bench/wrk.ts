// Rounds of wrk, contenders in turn: a slow moment of the machine hits all of them, and ratios are taken within a round.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findProgram } from "../test/peers/binaries.ts";
import { processorTime } from "./processor-time.ts";
import { median, type Row } from "./table.ts";

const run = promisify(execFile);

/** Something that answers. */
export interface Contender {
  readonly name: string;
  readonly url: string;
  /** Its process, to see what it costs by itself. */
  readonly pid?: number;
  /** Least part of the first contender's figure, by number of connections. */
  readonly target?: Readonly<Record<number, number>>;
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

/** The first contender is what the others are held against. @param against how it is called in the table */
export async function compare(
  contenders: readonly Contender[],
  against: string,
  { connections, rounds, seconds }: Rounds,
): Promise<{ readonly method: string; readonly rows: readonly Row[] }> {
  const rates = contenders.map((): number[] => []);
  const costs = contenders.map((): number[] => []);
  for (const { url } of contenders) await load(url, connections, Math.max(1, seconds));
  for (let round = 0; round < rounds; round++) {
    for (const [at, { url, pid }] of contenders.entries()) {
      const before = pid === undefined ? undefined : processorTime(pid);
      const rate = await load(url, connections, seconds);
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
      ratio: median(own.map((rate, round) => rate / (rates[0]?.[round] ?? Number.NaN))),
      against,
      ...(least !== undefined && { target: least }),
    };
  });
  return {
    method: `wrk -t1 -c${connections}, ${rounds} interleaved rounds of ${seconds} s after a warm-up; medians, ratios taken within a round.`,
    rows,
  };
}
