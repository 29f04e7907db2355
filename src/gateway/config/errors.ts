// What is wrong with a configuration.

/** One thing that cannot be used as it stands. */
export interface Problem {
  /** Where, e.g. `sites[0].locations[3].fastcgi.pass`. */
  readonly path: string;
  /** What stands there, in words or as it would be written. */
  readonly seen: string;
  /** What may stand there, and what to do. */
  readonly allowed: string;
}

/** A configuration has mistakes: `problems` and the message list all of them. The user's to mend. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
  readonly problems: readonly Problem[];

  /** @param source where the configuration comes from, for the message: a file's name */
  constructor(problems: readonly Problem[], source = "The configuration") {
    const lines = problems.map(problemLine);
    super(`${source} has ${problems.length === 1 ? "a mistake" : `${problems.length} mistakes`}:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

export function problemLine({ path, seen, allowed }: Problem): string {
  return `  ${path === "" ? "everything" : path} is ${seen}; allowed: ${allowed}`;
}
