// What a subcommand is, and how its arguments are read and its help is drawn. Reading is node:util's parseArgs, strict:
// an unknown option is an error that names the nearest known one.

import { parseArgs } from "node:util";
import { CliError } from "./failure.ts";
import { nearest } from "./nearest.ts";

/** One option: its help is what the user reads, so it says the default and the unit. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help, e.g. `<ms>`. */
  readonly value?: string;
  /** The values there are, for the shell's completion. */
  readonly choices?: readonly string[];
  readonly help: string;
}

export interface Command {
  readonly name: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** The command reads its arguments itself, since some belong to somebody else: all of them are positionals. */
  readonly readsArguments?: boolean;
  /** Lines below the options. */
  readonly examples: readonly string[];
  /** Lines at the end: what must be known besides, exit codes above all. */
  readonly notes?: readonly string[];
  run(args: Arguments): Promise<number>;
}

/** Parsed arguments of a command. Getters check types once, so that commands need not. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(positionals: readonly string[], values: Readonly<Record<string, unknown>>) {
    this.positionals = positionals;
    this.#values = values;
  }

  /** Whether the option was given at all. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** A whole number between `min` and `max`, or `undefined` when the option is absent. */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new CliError(`--${name} ${text} is not a whole number from ${min} to ${max}.`, { exitCode: 2 });
    }
    return value;
  }

  /** One of `allowed`, or `undefined` when the option is absent. */
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = allowed.find((value) => value === text);
    if (found === undefined) {
      throw new CliError(`--${name} ${text} is not one of ${allowed.join(", ")}.`, { exitCode: 2 });
    }
    return found;
  }

  /** `name=value` pairs of a repeatable option. */
  pairs(name: string): readonly (readonly [string, string])[] {
    return this.list(name).map((entry) => {
      const equals = entry.indexOf("=");
      if (equals < 1) throw new CliError(`--${name} ${entry} has no name: write NAME=VALUE.`, { exitCode: 2 });
      return [entry.slice(0, equals), entry.slice(equals + 1)] as const;
    });
  }
}

/** @throws {CliError} exit code 2 on an unknown option or a missing value; the hint names the option that was meant */
export function parseCommandLine(command: Command, argv: readonly string[]): Arguments {
  if (command.readsArguments === true) return new Arguments(argv, {});
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
  try {
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    return new Arguments(parsed.positionals, parsed.values);
  } catch (error) {
    const see = `See: edge-fpm ${command.name} --help`;
    const message = error instanceof Error ? error.message : String(error);
    const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
    if (unknown === undefined) throw new CliError(`${message}.`, { exitCode: 2, hint: see, cause: error });
    const known = Object.keys(command.options).map((name) => `--${name}`);
    const meant = unknown.startsWith("--") ? nearest(unknown, known) : undefined;
    throw new CliError(`"${command.name}" has no option ${unknown}.`, {
      exitCode: 2,
      hint: meant === undefined ? see : `Did you mean ${meant}? ${see}`,
      cause: error,
    });
  }
}

export function renderHelp(command: Command): string {
  const rows = Object.entries(command.options).map(([name, option]) => {
    const short = option.short === undefined ? "    " : `-${option.short}, `;
    return [`  ${short}--${name}${option.value === undefined ? "" : ` ${option.value}`}`, option.help] as const;
  });
  rows.push(["  -h, --help", "this text"]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    command.summary,
    "",
    `Usage: edge-fpm ${command.name} ${command.usage}`,
    "",
    "Options:",
    ...rows.map(([left, help]) => `${left.padEnd(width)}${help.replaceAll("\n", `\n${" ".repeat(width)}`)}`),
    "",
    "Examples:",
    ...command.examples.map((line) => `  ${line}`),
    ...(command.notes === undefined ? [] : ["", ...command.notes]),
    "",
  ].join("\n");
}
