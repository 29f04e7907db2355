// Whether a test's output is the one it expects: literally, by the placeholders of EXPECTF, or by a regular expression.

import type { Sections } from "./phpt-file.ts";

/** What a placeholder of EXPECTF stands for (php-src, run-tests.php and its documentation). */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  e: "/",
  s: "[^\\r\\n]+",
  S: "[^\\r\\n]*",
  a: "[\\s\\S]+?",
  A: "[\\s\\S]*?",
  w: "\\s*",
  i: "[+-]?\\d+",
  d: "\\d+",
  x: "[0-9a-fA-F]+",
  f: "[+-]?(?:\\d+|(?=\\.\\d))(?:\\.\\d+)?(?:[Ee][+-]?\\d+)?",
  c: "[^]",
  "0": "\\x00",
};

/** The outcome of a comparison; `wanted` is for a report. */
export interface Comparison {
  readonly matches: boolean;
  readonly wanted: string;
}

/** Compares an output with what the test expects. Line ends count as "\n", and blanks around everything do not count. */
export function compare(sections: Sections, output: string): Comparison {
  const got = tidy(output);
  const literal = sections.get("EXPECT");
  if (literal !== undefined) return { matches: got === tidy(literal), wanted: tidy(literal) };
  const format = sections.get("EXPECTF");
  if (format !== undefined) {
    const wanted = tidy(format);
    return { matches: formatPattern(wanted).test(got), wanted };
  }
  const wanted = tidy(sections.get("EXPECTREGEX") ?? "");
  return { matches: regexPattern(wanted).test(got), wanted };
}

/** Which kind of expectation a test has; `undefined` when it has none that is known. */
export function hasExpectation(sections: Sections): boolean {
  return sections.has("EXPECT") || sections.has("EXPECTF") || sections.has("EXPECTREGEX");
}

/** The regular expression that an EXPECTF text stands for. */
export function formatPattern(format: string): RegExp {
  let pattern = "";
  for (let at = 0; at < format.length; ) {
    if (format.startsWith("%r", at)) {
      const end = format.indexOf("%r", at + 2);
      if (end >= 0) {
        pattern += `(?:${fromPcre(format.slice(at + 2, end))})`;
        at = end + 2;
        continue;
      }
    }
    const placeholder = format[at] === "%" ? PLACEHOLDERS[format[at + 1] ?? ""] : undefined;
    if (placeholder !== undefined) {
      pattern += placeholder;
      at += 2;
    } else {
      pattern += quoteChar(format[at] ?? "");
      at += 1;
    }
  }
  return new RegExp(`^${pattern}$`);
}

function regexPattern(pattern: string): RegExp {
  return new RegExp(`^(?:${fromPcre(pattern)})$`, "s");
}

/** The few spellings of PCRE in these tests that JavaScript does not have. */
function fromPcre(pattern: string): string {
  return pattern.replace(/\\Z|\\z/g, "$").replace(/\(\?s\)/g, "");
}

function quoteChar(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

function tidy(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(/^[ \t\n\r\0\v]+|[ \t\n\r\0\v]+$/g, "");
}
