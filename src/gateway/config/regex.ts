// Regular expressions of a configuration. They see byte strings, as PCRE does without its UTF option.

import { toByteString } from "../../cgi/index.ts";

/**
 * Compiled for `exec` without a memory of the last match.
 *
 * @throws {SyntaxError} when it is no regular expression
 */
export function compileRegex(regex: RegExp | string): RegExp {
  const source = typeof regex === "string" ? regex : regex.source;
  const flags = typeof regex === "string" ? "" : regex.flags.replace(/[gyd]/g, "");
  return new RegExp(toByteString(source), flags);
}

/** Names of the captures of an expression: `(?<name>...)`. */
export function captureNames(regex: RegExp | string): string[] {
  const source = typeof regex === "string" ? regex : regex.source;
  return [...source.matchAll(/\(\?<([A-Za-z_]\w*)>/g)].map(([, name = ""]) => name);
}

/** What is wrong with an expression, in words; `undefined` when nothing is. */
export function regexProblem(regex: RegExp | string): string | undefined {
  try {
    const compiled = compileRegex(regex);
    if (/[uv]/.test(compiled.flags)) return "the flags u and v are not for paths, which are bytes";
  } catch (error) {
    return (error as Error).message;
  }
  const source = typeof regex === "string" ? regex : regex.source;
  return isCatastrophic(source) ? "a repeated group repeats itself inside: matching can take for ever" : undefined;
}

/**
 * A repeated group whose content is one repeated atom (and what may be missing), or begins or ends with `.*`:
 * `(a+)+`, `(.*a)*`, `(\w+\s?)*`. Not all that is dangerous, but what is commonly written; `(/[^/]+)*` is not, because
 * each round begins with what the inner repetition cannot hold.
 */
function isCatastrophic(source: string): boolean {
  const text = source.replace(/\\./g, "e").replace(/\[(?:\\.|[^\]])*\]/g, "c");
  for (const [, body = ""] of text.matchAll(/\((?:\?:|\?<\w+>)?([^()]*)\)(?:[*+]|\{\d+,\})/g)) {
    const branches = body.split("|");
    if (branches.some((branch) => /^[.\w][*+]\??(?:[.\w][?*]\??)*$/.test(branch))) return true;
    if (branches.some((branch) => /^\.[*+]|\.[*+]\??$/.test(branch))) return true;
  }
  return false;
}
