// PCRE, as nginx has it, in JavaScript's words.

import { regexProblem } from "../gateway/config/regex.ts";

/** POSIX classes, which stand inside brackets. */
const POSIX: Readonly<Record<string, string>> = {
  alpha: "A-Za-z",
  digit: "0-9",
  alnum: "A-Za-z0-9",
  lower: "a-z",
  upper: "A-Z",
  space: "\\s",
  xdigit: "0-9A-Fa-f",
  word: "\\w",
  punct: "!-\\/:-@\\[-`{-~",
};

/** Pieces of an expression that are read as a whole. */
const PIECE =
  /\\[\s\S]|\[\^?\]?(?:\[:\w+:\]|\\[\s\S]|[^\]\\])*\]|\(\?P?<[A-Za-z_]\w*>|\(\?'\w+'|\(\?[^)]|[*+?}]\+|[\s\S]/g;

/**
 * @param anyCase `~*`
 * @returns the expression, or in words why there is none
 */
export function toRegExp(pcre: string, anyCase: boolean): RegExp | string {
  let source = "";
  let flags = anyCase ? "i" : "";
  let rest = pcre;
  const inline = /^\(\?([a-z]+)\)/.exec(rest);
  if (inline !== null) {
    const [whole, letters = ""] = inline;
    if (!/^[is]+$/.test(letters)) return `the modifier ${whole} has no equivalent`;
    for (const letter of letters) if (!flags.includes(letter)) flags += letter;
    rest = rest.slice(whole.length);
  }
  for (const [piece] of rest.matchAll(PIECE)) {
    const translated = translate(piece);
    if (translated === undefined) return `JavaScript has no ${piece} in regular expressions`;
    source += translated;
  }
  try {
    const regex = new RegExp(source, flags);
    return regexProblem(regex) ?? regex;
  } catch (error) {
    return (error as Error).message;
  }
}

function translate(piece: string): string | undefined {
  if (piece.length === 1) return piece;
  if (piece.startsWith("[")) return bracket(piece);
  if (piece.startsWith("(?P<")) return `(?<${piece.slice(4)}`;
  if (piece.startsWith("(?'")) return `(?<${piece.slice(3, -1)}>`;
  if (piece.startsWith("(?")) return /^\(\?(?:[:=!]|<)/.test(piece) ? piece : undefined;
  // A possessive repetition gives nothing back.
  if (piece.endsWith("+") && !piece.startsWith("\\")) return undefined;
  switch (piece) {
    case "\\A":
      return "^";
    case "\\z":
    case "\\Z":
      return "$";
    case "\\h":
      return "[ \\t]";
    case "\\R":
      return "(?:\\r\\n|[\\n-\\r])";
    default:
      return /^\\[QEGKXCNHV]$/.test(piece) ? undefined : piece;
  }
}

function bracket(piece: string): string | undefined {
  let known = true;
  const [, open = "", inside = ""] = /^(\[\^?)([\s\S]*)\]$/.exec(piece) ?? [];
  const text = inside.replace(/^\]/, "\\]").replace(/\[:(\w+):\]/g, (_whole, name: string) => {
    const set = POSIX[name];
    known &&= set !== undefined;
    return set ?? "";
  });
  return known ? `${open}${text}]` : undefined;
}

/** Text as an expression that matches it. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
