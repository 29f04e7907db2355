// A configuration as TypeScript that people go on with.

import type { Imported } from "./import.ts";
import type { Directive } from "./parse.ts";
import { type LeftOut, textOf } from "./report.ts";

/** Columns; what is longer goes over several lines. */
const WIDTH = 110;

/** @param relative a file's name as it should be shown */
export function writeConfig(
  { config, leftOut, origins }: Imported,
  source: string,
  relative: (file: string) => string,
): string {
  const matter = leftOut.filter(({ kind }) => kind !== "meaningless");
  const notes =
    matter.length === 0
      ? ["// Everything was taken over."]
      : ["// Not taken over, or not as it stood:", ...matter.map((one) => comment(`  ${leftOutLine(one, relative)}`))];
  return [
    comment(`Made from ${source} by edge-fpm import-nginx. Read it before it is used.`),
    ...notes,
    "",
    'import { defineConfig } from "edge-fpm/gateway";',
    "",
    `export default defineConfig(${new Writer(origins, relative).value(config, "")});`,
    "",
  ].join("\n");
}

/** `sites/shop.conf:12: auth_basic "x": why`. */
export function leftOutLine({ file, line, text, why }: LeftOut, relative: (file: string) => string): string {
  return `${relative(file)}:${line}: ${text}: ${why}`;
}

function comment(text: string): string {
  return `// ${text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ")}`;
}

class Writer {
  readonly #origins: ReadonlyMap<object, Directive>;
  readonly #relative: (file: string) => string;

  constructor(origins: ReadonlyMap<object, Directive>, relative: (file: string) => string) {
    this.#origins = origins;
    this.#relative = relative;
  }

  value(value: unknown, indent: string): string {
    if (value instanceof RegExp) return String(value);
    if (Array.isArray(value)) {
      return this.#around(
        "[",
        value.map((one) => [this.#origin(one), this.value(one, `${indent}  `)]),
        "]",
        indent,
      );
    }
    if (typeof value !== "object" || value === null) return text(value);
    const rows = Object.entries(value).map(([name, one]): [string | undefined, string] => [
      Array.isArray(one) ? undefined : this.#origin(one),
      `${key(name)}: ${this.value(one, `${indent}  `)}`,
    ]);
    return rows.length === 0 ? "{}" : this.#around("{", rows, "}", indent);
  }

  #origin(value: unknown): string | undefined {
    const directive = typeof value === "object" && value !== null ? this.#origins.get(value) : undefined;
    if (directive === undefined) return undefined;
    return comment(
      `${this.#relative(directive.file)}:${directive.line}: ${textOf({ ...directive, block: undefined })}`,
    );
  }

  #around(
    open: string,
    rows: readonly (readonly [string | undefined, string])[],
    close: string,
    indent: string,
  ): string {
    const space = open === "{" ? " " : "";
    const line = `${open}${space}${rows.map(([, row]) => row).join(", ")}${space}${close}`;
    const plain = rows.every(([origin, row]) => origin === undefined && !row.includes("\n"));
    if (plain && indent.length + line.length <= WIDTH && indent !== "") return line;
    const inside = rows.flatMap(([origin, row]) => [...(origin === undefined ? [] : [origin]), `${row},`]);
    return `${open}\n${inside.map((row) => `${indent}  ${row}\n`).join("")}${indent}${close}`;
  }
}

function key(name: string): string {
  return /^(?:[A-Za-z_$][\w$]*|[1-9]\d{0,8})$/.test(name) && name !== "__proto__" ? name : JSON.stringify(name);
}

function text(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").replace(/[\u2028\u2029]/g, (char) =>
    char === "\u2028" ? "\\u2028" : "\\u2029",
  );
}
