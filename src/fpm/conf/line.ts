// One line of php-fpm.conf. php-fpm gives its scanner line by line, so nothing goes on in the next line.

import { type Names, readBracket, readValue, SyntaxFault } from "./value.ts";

/** What a line says. A comment starts with `;` only: `#` is a character like any other. */
export type Line =
  | { readonly type: "blank" }
  | { readonly type: "section"; readonly name: string }
  | { readonly type: "entry"; readonly name: string; readonly value: string }
  /** `name[key] = value`; the key may be "". */
  | { readonly type: "array"; readonly name: string; readonly key: string; readonly value: string }
  /** `text` is what cannot be read, `allowed` what could stand there. */
  | { readonly type: "fault"; readonly text: string; readonly allowed: string };

/** A name: neither these characters of the grammar, nor blanks at its ends. */
const NAME = /^[^=\r\n\t;&|^$~(){}!"[]+/;

/** Words that the grammar keeps for values. */
const RESERVED = /^(null|yes|no|true|false|on|off|none)$/i;

/** Reads one line, without its line feed. */
export function readLine(text: string, names: Names): Line {
  const line = text.trim();
  if (line === "" || line.startsWith(";")) return { type: "blank" };
  try {
    return line.startsWith("[") ? readSection(line, names) : readEntry(line, names);
  } catch (error) {
    if (error instanceof SyntaxFault) return { type: "fault", text: line, allowed: error.message };
    throw error;
  }
}

function readSection(line: string, names: Names): Line {
  // php-fpm keeps blanks inside the brackets, and then knows no such pool; nobody means that.
  const { value, next } = readBracket(line, 1, names);
  const rest = line.slice(next).trim();
  if (rest !== "" && !rest.startsWith(";")) {
    return { type: "fault", text: line, allowed: "nothing but a comment after [section]" };
  }
  return { type: "section", name: value.trim() };
}

function readEntry(line: string, names: Names): Line {
  const name = (NAME.exec(line)?.[0] ?? "").trimEnd();
  if (name === "" || RESERVED.test(name)) {
    return { type: "fault", text: line, allowed: "[section], directive = value, or a comment that starts with ;" };
  }
  if (name.startsWith("#")) return { type: "fault", text: line, allowed: "a comment starts with ;" };
  let at = skipBlank(line, name.length);
  let key: string | undefined;
  if (line[at] === "[") {
    const bracket = readBracket(line, at + 1, names);
    key = bracket.value.trimEnd();
    at = skipBlank(line, bracket.next);
  }
  if (line[at] !== "=") {
    return { type: "fault", text: line, allowed: `${name}${key === undefined ? "" : `[${key}]`} = value` };
  }
  const { value } = readValue(line, at + 1, names);
  return key === undefined ? { type: "entry", name, value } : { type: "array", name, key, value };
}

function skipBlank(text: string, start: number): number {
  let at = start;
  while (/\s/.test(text[at] ?? "x")) at += 1;
  return at;
}
