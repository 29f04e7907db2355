// What can be wrong with a configuration file: each fault with its place, and all of them together.

import type { Place } from "./types.ts";

/** One fault of a configuration. */
export interface FileProblem {
  /** Undefined when the fault is of no line: nothing was given where something must stand. */
  readonly place: Place | undefined;
  /** `global` or the pool's name; undefined outside of any. */
  readonly section: string | undefined;
  /** What it is about, as written in the file: `pm.max_children`, `env[A]`. */
  readonly directive: string;
  /** What was given; undefined: nothing. */
  readonly value: string | undefined;
  /** What may stand there, in words. */
  readonly allowed: string;
}

/** The files of a configuration have faults: every one is listed. The user's to mend. */
export class ConfFileError extends Error {
  override readonly name = "ConfFileError";
  readonly code = "CONFIG_FILE_INVALID";
  readonly problems: readonly FileProblem[];

  constructor(problems: readonly FileProblem[]) {
    super(problems.map(problemLine).join("\n"));
    this.problems = problems;
  }
}

/** `www.conf:12: [pool www] pm is "fast"; allowed: static, dynamic or ondemand` */
export function problemLine({ place, section, directive, value, allowed }: FileProblem): string {
  const where = place === undefined ? "" : `${placeText(place)}: `;
  const within = section === undefined ? "" : section === "global" ? "[global] " : `[pool ${section}] `;
  const what = value === undefined ? `${directive} is missing` : `${directive} is ${JSON.stringify(value)}`;
  return `${where}${within}${what}; allowed: ${allowed}`;
}

/** `www.conf:12`; the file alone where no line is meant. */
export function placeText({ file, line }: Place): string {
  return line === 0 ? file : `${file}:${line}`;
}
