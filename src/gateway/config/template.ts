// Text with variables, compiled once: `compileTemplate("$scheme://$host$uri")` gives a function of the variables.
//
//   compileTemplate(text)            -> CompiledTemplate, (variables) => string
//   compileUrl(text)                 -> CompiledTemplate, for a Location header
//   compileTarget(text)              -> CompiledTarget, the path and the query of a place to go to
//   templateProblems(text, captures) -> what is wrong with it, for the check of a configuration
//
// Everything that comes out is a byte string: literal text becomes UTF-8, as variables are bytes already.

import { encodePath, toByteString } from "../../cgi/index.ts";
import { nearest } from "./nearest.ts";
import { isVariable, VARIABLE_PREFIXES, VARIABLES, type Variables } from "./variables.ts";

export type { Variables } from "./variables.ts";

/** A template ready for use. A variable that is absent reads as empty. */
export type CompiledTemplate = (variables: Variables) => string;

type Part = { readonly text: string } | { readonly variable: string };

/**
 * A dollar that is meant as such, a name in braces, a name, the digit of a capture, or a dollar that is wrong. In braces
 * may stand what names of cookies and headers have.
 */
const DOLLAR = /\$(?:(\$)|\{([\w-]+\*?)\}|([1-9])|([A-Za-z_]\w*))?/g;

function parse(template: string): Part[] {
  const parts: Part[] = [];
  let text = "";
  let end = 0;
  for (const match of template.matchAll(DOLLAR)) {
    const [whole, dollar, braced, digit, plain] = match;
    text += template.slice(end, match.index);
    end = match.index + whole.length;
    const variable = braced ?? digit ?? plain;
    if (dollar !== undefined) text += "$";
    else if (variable === undefined) throw new SyntaxError(`the dollar at character ${match.index} names no variable`);
    else {
      if (text !== "") parts.push({ text: toByteString(text) });
      text = "";
      parts.push({ variable });
    }
  }
  text += template.slice(end);
  if (text !== "") parts.push({ text: toByteString(text) });
  return parts;
}

/** @throws {SyntaxError} for a dollar without a name */
export function compileTemplate(template: string): CompiledTemplate {
  return render(parse(template));
}

function render(
  parts: readonly Part[],
  encode: (value: string) => string = same,
  escapes: (name: string) => boolean = () => false,
): CompiledTemplate {
  const pieces = parts.map((part): string | CompiledTemplate => {
    if ("text" in part) return part.text;
    const { variable } = part;
    if (escapes(variable)) return (variables) => encode(variables(variable) ?? "");
    return (variables) => variables(variable) ?? "";
  });
  const [first = "", ...more] = pieces;
  if (more.length === 0) return typeof first === "string" ? () => first : first;
  return (variables) => {
    let text = "";
    for (const piece of pieces) text += typeof piece === "string" ? piece : piece(variables);
    return text;
  };
}

const same = (value: string): string => value;

/** Whether a variable's value needs encoding in a query. */
function isDecoded(name: string): boolean {
  return !ENCODED.has(name) && !name.startsWith("arg_");
}

/** Variables that are percent-encoded already: they stand in a query as they are. */
const ENCODED = new Set(["args", "query_string", "is_args", "request_uri"]);

/** What may stand in a value of a query as it is; an ampersand, a plus and a percent sign may not. */
function encodeQuery(value: string): string {
  return value.replace(
    /[^A-Za-z0-9\-._~/:@!$'()*,;]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** A template for a Location header: paths in it are encoded, what is a piece of a URL already is not. */
export function compileUrl(template: string): CompiledTemplate {
  return url(parse(template));
}

function url(parts: readonly Part[]): CompiledTemplate {
  const template = render(parts, encodePath, isPath);
  return (variables) => encodeUrl(template(variables));
}

/** Variables that are decoded: paths, and what expressions captured of them. */
function isPath(name: string): boolean {
  if (VARIABLES.has(name)) return PATHS.has(name);
  return !VARIABLE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

const PATHS = new Set([
  "uri",
  "document_uri",
  "document_root",
  "request_filename",
  "fastcgi_script_name",
  "fastcgi_path_info",
]);

/** Percent-encodes what may not stand in a URL; percent signs stay. */
function encodeUrl(text: string): string {
  return text.replace(
    /[^\x21-\x7e]|["<>\\^`{|}]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** Where a rewrite, the end of `tryFiles` or an error page leads: the two halves of a URI of ours. */
export interface CompiledTarget {
  /** Decoded, or a URL. */
  readonly path: CompiledTemplate;
  /** The same for a Location header. */
  readonly url: CompiledTemplate;
  /**
   * Behind the question mark, encoded: what variables and captures bring in cannot begin another argument. `undefined`:
   * the target has no question mark, and the request keeps its query.
   */
  readonly query: CompiledTemplate | undefined;
  /** The target ends in a question mark: the request loses its query. */
  readonly dropsQuery: boolean;
}

/**
 * Cuts a template at its question mark, written as such or as `$is_args`. One that a variable's value brings is part of
 * the path: `%3F` in a visitor's path begins no query.
 */
export function compileTarget(template: string): CompiledTarget {
  const parts = parse(template);
  const at = parts.findIndex((part) => ("text" in part ? part.text.includes("?") : part.variable === "is_args"));
  const cut = parts[at];
  if (cut === undefined) return { path: render(parts), url: url(parts), query: undefined, dropsQuery: false };
  const path = parts.slice(0, at);
  const query = parts.slice(at + 1);
  if ("text" in cut) {
    const mark = cut.text.indexOf("?");
    if (mark > 0) path.push({ text: cut.text.slice(0, mark) });
    if (mark + 1 < cut.text.length) query.unshift({ text: cut.text.slice(mark + 1) });
  }
  const mark = { query: render(query, encodeQuery, isDecoded), dropsQuery: query.length === 0 };
  return { path: render(path), url: url(path), ...mark };
}

/**
 * What is wrong with a template, in words; empty when nothing is.
 *
 * @param captures names that regular expressions around it capture
 */
export function templateProblems(template: string, captures: ReadonlySet<string> = NONE): string[] {
  let parts: Part[];
  try {
    parts = parse(template);
  } catch (error) {
    return [`${(error as Error).message}; a dollar that is meant as such is written $$`];
  }
  const problems: string[] = [];
  for (const part of parts) {
    if ("text" in part || isVariable(part.variable, captures)) continue;
    const near = nearest(part.variable, [...VARIABLES, ...VARIABLE_PREFIXES, ...captures]);
    problems.push(`there is no variable $${part.variable}${near === undefined ? "" : `; did you mean $${near}?`}`);
  }
  return problems;
}

const NONE: ReadonlySet<string> = new Set();
