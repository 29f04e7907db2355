// The files of a configuration as one list of statements, each in its section: includes are followed where they stand.

import { readLine } from "./line.ts";
import { type FileProblem, placeText } from "./problem.ts";
import type { Place } from "./types.ts";
import type { Names } from "./value.ts";

/** What reading needs of the machine. Errors thrown by these become problems of the line that asked. */
export interface ConfSource {
  /** The text of a file. Throws when it cannot be read; the message says why. */
  readText(path: string): string;
  /** Files that match an absolute pattern, sorted; [] when none does. */
  glob(pattern: string): readonly string[];
}

/** A line that says something. `section` is "global" or a pool's name as first written. */
export interface Statement {
  readonly place: Place;
  readonly section: string;
  readonly name: string;
  /** Of an array entry. */
  readonly key: string | undefined;
  readonly value: string;
}

export interface Statements {
  readonly list: readonly Statement[];
  /** Pools in the order of their first section, and where that is. */
  readonly pools: ReadonlyMap<string, Place>;
  /** Files that were read, in order. */
  readonly files: readonly string[];
  readonly problems: readonly FileProblem[];
  /** Patterns that match nothing. */
  readonly warnings: readonly string[];
}

/** php-fpm's depth of includes (`ini_recursion`). */
const MAX_DEPTH = 5;
/** Bounds of ours: a configuration is written by hand. */
const MAX_FILES = 1000;
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * Reads a file and what it includes.
 *
 * As in php-fpm a section goes on over the end of an included file: what follows `include = pool.d/*.conf` belongs to the
 * last pool in there.
 *
 * @param absolute makes a path of `include` absolute: php-fpm's prefix goes in front
 */
export function readStatements(
  path: string,
  source: ConfSource,
  names: Names,
  absolute: (path: string) => string,
): Statements {
  const reader = new StatementReader(source, names, absolute);
  reader.file(path, undefined);
  return reader;
}

class StatementReader implements Statements {
  readonly list: Statement[] = [];
  readonly pools = new Map<string, Place>();
  readonly files: string[] = [];
  readonly problems: FileProblem[] = [];
  readonly warnings: string[] = [];
  readonly #source: ConfSource;
  readonly #names: Names;
  readonly #absolute: (path: string) => string;
  #section = "global";
  #depth = 0;
  #characters = 0;

  constructor(source: ConfSource, names: Names, absolute: (path: string) => string) {
    this.#source = source;
    this.#names = names;
    this.#absolute = absolute;
  }

  file(path: string, from: Place | undefined): void {
    const refuse = (allowed: string) => {
      const directive = from === undefined ? "the configuration file" : "include";
      this.problems.push({ place: from, section: undefined, directive, value: path, allowed });
    };
    if (this.#depth >= MAX_DEPTH) {
      refuse(`includes within one another, at most ${MAX_DEPTH} deep`);
      return;
    }
    if (this.files.length >= MAX_FILES) {
      refuse(`at most ${MAX_FILES} files`);
      return;
    }
    let text: string;
    try {
      text = this.#source.readText(path);
    } catch (error) {
      refuse(`a file that can be read (${error instanceof Error ? error.message : String(error)})`);
      return;
    }
    this.#characters += text.length;
    if (this.#characters > MAX_CHARACTERS) {
      refuse(`files of ${MAX_CHARACTERS} characters together`);
      return;
    }
    this.files.push(path);
    this.#depth += 1;
    text.split("\n").forEach((line, index) => {
      this.#line(line, { file: path, line: index + 1 });
    });
    this.#depth -= 1;
  }

  #line(text: string, place: Place): void {
    const line = readLine(text, this.#names);
    switch (line.type) {
      case "blank":
        return;
      case "fault":
        this.problems.push({
          place,
          section: this.#section,
          directive: "the line",
          value: line.text,
          allowed: line.allowed,
        });
        return;
      case "section":
        this.#enter(line.name, place);
        return;
      case "entry":
        if (line.name === "include") this.#include(line.value, place);
        else this.list.push({ place, section: this.#section, name: line.name, key: undefined, value: line.value });
        return;
      case "array":
        this.list.push({ place, section: this.#section, name: line.name, key: line.key, value: line.value });
    }
  }

  /** Names of sections are the same whatever the case: a second `[WWW]` adds to `[www]`. */
  #enter(name: string, place: Place): void {
    const same = (other: string) => other.toLowerCase() === name.toLowerCase();
    if (same("global")) this.#section = "global";
    else {
      const known = [...this.pools.keys()].find(same);
      if (known === undefined) this.pools.set(name, place);
      this.#section = known ?? name;
    }
  }

  #include(value: string, place: Place): void {
    const refuse = (allowed: string) =>
      this.problems.push({ place, section: this.#section, directive: "include", value, allowed });
    if (value === "") {
      refuse("a path or a pattern such as pool.d/*.conf");
      return;
    }
    let paths: readonly string[];
    try {
      paths = this.#source.glob(this.#absolute(value));
    } catch (error) {
      refuse(`a folder that can be read (${error instanceof Error ? error.message : String(error)})`);
      return;
    }
    if (paths.length === 0) this.warnings.push(`${placeText(place)}: nothing matches include = ${value}`);
    for (const path of paths) this.file(path, place);
  }
}
