// From the files of php-fpm to one checked configuration: read, sort by section, complete, check.

import { checkConfig, type Machine } from "./check.ts";
import { completeGlobal, completePool } from "./complete.ts";
import { GLOBAL, POOL } from "./directives.ts";
import { fullPath, type Prefixes } from "./paths.ts";
import { ConfFileError, type FileProblem, placeText } from "./problem.ts";
import { type ConfSource, readStatements } from "./read.ts";
import { readGlobal, readPool } from "./section.ts";
import type { FpmConfig, Place } from "./types.ts";
import { errorLevel } from "./value.ts";

/** What a configuration needs of the machine it is for. */
export interface ConfSystem extends ConfSource, Machine {
  /** A variable of the environment, for `${NAME}` and `env[A] = $NAME`. */
  environment(name: string): string | undefined;
}

export interface ParsedConfig {
  readonly config: FpmConfig;
  /** The files that were read, in order: what a reload reads again. */
  readonly files: readonly string[];
  /** What is not wrong and will surprise: directives without meaning here, includes that match nothing. One line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads and checks a configuration.
 *
 * @param path the file, as `-y` names it
 * @throws {ConfFileError} `CONFIG_FILE_INVALID` with every fault of every file
 */
export function parseFpmConfig(path: string, system: ConfSystem, prefixes: Prefixes = {}): ParsedConfig {
  const names = { variable: (name: string) => system.environment(name), constant: errorLevel };
  const statements = readStatements(path, system, names, (relative) => fullPath(relative, prefixes));
  const problems: FileProblem[] = [...statements.problems];
  const bySection = Map.groupBy(statements.list, ({ section }) => section);

  const global = readGlobal(bySection.get("global") ?? []);
  problems.push(...global.problems);
  const places = new Map<string, ReadonlyMap<string, Place>>();
  const pools = Array.from(statements.pools, ([name, place]) => {
    const section = readPool(name, bySection.get(name) ?? [], (variable) => system.environment(variable));
    problems.push(...section.problems);
    // A directive that could not be read is a fault already: it must not count as missing too.
    const given = new Map(section.places);
    for (const problem of section.problems) {
      if (problem.place !== undefined) given.set(problem.directive.toLowerCase(), problem.place);
    }
    places.set(name, given);
    return completePool(name, place, section.fields, prefixes);
  });
  const config: FpmConfig = { global: completeGlobal(global.fields, prefixes), pools };

  problems.push(...checkConfig(config, places, system).filter((problem) => !isRepeated(problem, problems)));
  // Without pools nothing else was wrong, unless their files could not be read.
  if (pools.length === 0 && problems.length === 0) {
    const allowed = "at least one section [name] with the directives of a pool";
    problems.push({
      place: { file: path, line: 0 },
      section: undefined,
      directive: "a pool",
      value: undefined,
      allowed,
    });
  }
  if (problems.length > 0) throw new ConfFileError(inOrder(problems, statements.files));

  const ignored = [
    ...withoutMeaning("global", GLOBAL, global.places),
    ...pools.flatMap(({ name }) => withoutMeaning(`pool ${name}`, POOL, places.get(name) ?? new Map())),
  ];
  return { config, files: statements.files, warnings: [...statements.warnings, ...once(ignored)] };
}

/** By file, in the order in which they were read, and line. */
function inOrder(problems: readonly FileProblem[], files: readonly string[]): FileProblem[] {
  const file = ({ place }: FileProblem) => (place === undefined ? -1 : files.indexOf(place.file));
  return problems.toSorted((a, b) => file(a) - file(b) || (a.place?.line ?? 0) - (b.place?.line ?? 0));
}

/** Whether the same directive of the same section is refused already: its value was replaced by a default. */
function isRepeated(problem: FileProblem, known: readonly FileProblem[]): boolean {
  return known.some(
    ({ section, directive }) => section === problem.section && directive.toLowerCase() === problem.directive,
  );
}

interface Ignored {
  readonly directive: string;
  readonly line: string;
}

function withoutMeaning(
  section: string,
  directives: Readonly<Record<string, { readonly ignored?: string }>>,
  given: ReadonlyMap<string, Place>,
): Ignored[] {
  return Array.from(given, ([directive, place]): Ignored | undefined => {
    const reason = directives[directive]?.ignored;
    if (reason === undefined) return undefined;
    return { directive, line: `${placeText(place)}: [${section}] ${directive} has no meaning here: ${reason}` };
  }).filter((ignored) => ignored !== undefined);
}

/** One line a directive, however many pools have it. */
function once(ignored: readonly Ignored[]): string[] {
  const groups = Map.groupBy(ignored, ({ directive }) => directive);
  return Array.from(groups.values(), (group) => group[0]?.line ?? "");
}
