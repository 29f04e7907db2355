// The statements of one section become its fields; what was not given gets php-fpm's default.

import { ARRAYS, type Directives, GLOBAL, POOL } from "./directives.ts";
import { boolean } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { FileProblem } from "./problem.ts";
import type { Statement } from "./read.ts";
import type { GlobalConfig, PhpSetting, Place, PoolFile } from "./types.ts";

/** The fields that were given, where each was given last, and what is wrong with them. */
export interface Section<T> {
  readonly fields: Partial<T>;
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: readonly FileProblem[];
}

/** Reads the `[global]` section. */
export function readGlobal(statements: readonly Statement[]): Section<GlobalConfig> {
  return new SectionReader<GlobalConfig>("global", GLOBAL, []).read(statements);
}

/**
 * Reads a pool's section.
 *
 * @param environment the variable of that name, for `env[A] = $NAME`
 */
export function readPool(
  name: string,
  statements: readonly Statement[],
  environment: (name: string) => string | undefined,
): Section<PoolFile> {
  const reader = new SectionReader<PoolFile>(name, POOL, ARRAYS);
  const { fields, places, problems } = reader.read(statements);
  const arrays = readArrays(reader, statements, environment);
  return { fields: { ...fields, ...arrays }, places, problems };
}

class SectionReader<T> implements Section<T> {
  readonly fields: Partial<T> = {};
  readonly places = new Map<string, Place>();
  readonly problems: FileProblem[] = [];
  readonly #section: string;
  readonly #directives: Directives<T>;
  readonly #arrays: readonly string[];

  constructor(section: string, directives: Directives<T>, arrays: readonly string[]) {
    this.#section = section;
    this.#directives = directives;
    this.#arrays = arrays;
  }

  read(statements: readonly Statement[]): this {
    for (const statement of statements) {
      if (statement.key === undefined) this.#single(statement);
      else if (!this.#arrays.includes(statement.name)) this.refuse(statement, this.#known(statement.name));
    }
    return this;
  }

  refuse({ place, name, key, value }: Statement, allowed: string): void {
    const directive = key === undefined ? name : `${name}[${key}]`;
    this.problems.push({ place, section: this.#section, directive, value, allowed });
  }

  /** The text of a value, with the pool's name in it; php-fpm knows `$pool` in strings only, which is the same. */
  expand(value: string): string {
    return this.#section === "global" ? value : value.replaceAll("$pool", this.#section);
  }

  #single(statement: Statement): void {
    const name = statement.name.toLowerCase();
    const directive = Object.hasOwn(this.#directives, name) ? this.#directives[name] : undefined;
    if (directive === undefined) {
      this.refuse(statement, this.#known(statement.name));
      return;
    }
    if (this.#section === "global" && statement.value.includes("$pool")) {
      this.refuse(statement, "$pool inside the section of a pool only");
      return;
    }
    const read = directive.read(this.expand(statement.value));
    if (!read.ok) {
      this.refuse(statement, read.allowed);
      return;
    }
    this.fields[directive.key] = read.value as T[keyof T];
    this.places.set(name, statement.place);
  }

  #known(name: string): string {
    const kind = this.#section === "global" ? "a directive of [global]" : "a directive of a pool";
    const arrays = this.#arrays.map((array) => `${array}[]`);
    const meant = nearest(name.toLowerCase(), [...Object.keys(this.#directives), ...this.#arrays]);
    if (meant !== undefined) {
      return `${kind}, such as ${this.#arrays.includes(meant) ? `${meant}[...]` : meant}`;
    }
    return `${kind}: ${[...Object.keys(this.#directives), ...arrays].join(", ")}`;
  }
}

function readArrays(
  reader: SectionReader<PoolFile>,
  statements: readonly Statement[],
  environment: (name: string) => string | undefined,
): Partial<PoolFile> {
  const envLines: [string, string][] = [];
  const phpValues: PhpSetting[] = [];
  const phpAdminValues: PhpSetting[] = [];
  const accessSuppressPath: string[] = [];
  for (const statement of statements) {
    const { name, key } = statement;
    if (key === undefined || !ARRAYS.includes(name)) continue;
    const value = reader.expand(statement.value);
    if (name === "access.suppress_path") {
      if (key !== "") reader.refuse(statement, "access.suppress_path[] with nothing in the brackets");
      else if (!value.startsWith("/")) reader.refuse(statement, "a path that starts with /");
      else accessSuppressPath.push(value);
    } else if (key === "") reader.refuse(statement, `${name}[NAME], with a name in the brackets`);
    else if (name === "env") {
      if (value === "") reader.refuse(statement, "a value that is not empty");
      else envLines.unshift([key, value]);
    } else {
      const list = name.startsWith("php_admin_") ? phpAdminValues : phpValues;
      const flag = name.endsWith("_flag");
      const read = flag ? boolean(value) : undefined;
      if (read === undefined) list.unshift({ name: key, value, flag });
      else if (read.ok) list.unshift({ name: key, value: read.value ? "1" : "0", flag });
      else reader.refuse(statement, read.allowed);
    }
  }
  const env = Object.fromEntries(
    envLines.map(([name, value]) => [name, value.startsWith("$") ? (environment(value.slice(1)) ?? "") : value]),
  );
  return { env, envLines, phpValues, phpAdminValues, accessSuppressPath };
}
