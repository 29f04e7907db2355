// Processor time of a program, as Linux counts it, and of this process.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Ticks a second; what `/proc` counts in. */
let ticks: number | undefined;

/** Seconds that a process and its children that run have used so far; `undefined` where nobody tells. */
export function processorTime(pid: number): number | undefined {
  try {
    ticks ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    let used = own(pid) / ticks;
    for (const child of children === "" ? [] : children.split(" ")) used += own(Number(child)) / ticks;
    return used;
  } catch {
    return undefined;
  }
}

function own(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Behind the name, which may hold anything: fields 14 and 15 are user and system time.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Microseconds that this process has used so far, the system's part included. */
export function ownProcessorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
