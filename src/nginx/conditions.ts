// Variables that `if` and `map` switch on, as far as they say when the cache is passed by: the one thing people do with
// them for FastCGI. What cannot be told exactly passes the cache by too often rather than too seldom.

import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";

/** When a switch is on. */
export interface Switch {
  /** Neither empty nor "0" in one of these: on. */
  readonly templates: readonly string[];
  /** Paths that match one of these: on. */
  readonly paths: readonly { readonly pcre: string; readonly anyCase: boolean; readonly directive: Directive }[];
}

const OFF = new Set(["", "0"]);

/** @returns `undefined` when it cannot be told, with the directive to blame left out */
export function switchOf(name: string, scope: Scope): Switch | undefined {
  const templates: string[] = [];
  const paths: Switch["paths"][number][] = [];
  let found = false;
  for (const { directives, report } of scope.chain()) {
    for (const one of directives) {
      if (one.name === "set" && one.args[0] === `$${name}`) {
        if (!OFF.has(one.args[1] ?? "")) return undefined;
        report.take(one);
      }
      if (one.name === "map" && one.args[1] === `$${name}`) {
        if (!ofMap(one, templates, paths, scope)) return undefined;
        found = true;
        report.take(one);
      }
      if (one.name !== "if") continue;
      const sets = (one.block ?? []).filter((inner) => inner.name === "set" && inner.args[0] === `$${name}`);
      if (sets.length === 0) continue;
      if (sets.some((set) => OFF.has(set.args[1] ?? ""))) return undefined;
      if (!ofIf(one, templates, paths, scope)) return undefined;
      found = true;
      report.take(one);
      for (const set of sets) report.take(set);
    }
  }
  return found ? { templates: [...new Set(templates)], paths } : undefined;
}

/** The words of a condition, without its parentheses. */
export function conditionOf({ args }: Directive): string[] {
  const words = [...args];
  if (words[0] === "(") words.shift();
  else words[0] = (words[0] ?? "").replace(/^\(/, "");
  // A closing parenthesis behind a quoted word is a word of its own.
  if (words.at(-1) === ")") words.pop();
  else words.push((words.pop() ?? "").replace(/\)$/, ""));
  return words;
}

function ofIf(one: Directive, templates: string[], paths: Switch["paths"][number][], scope: Scope): boolean {
  const [left = "", operator, right = ""] = conditionOf(one);
  return test(one, left, operator, right, templates, paths, scope);
}

function test(
  directive: Directive,
  left: string,
  operator: string | undefined,
  right: string,
  templates: string[],
  paths: Switch["paths"][number][],
  scope: Scope,
): boolean {
  const name = /^\$\{?(\w+)\}?$/.exec(left)?.[1];
  if (name === undefined) return false;
  // Only GET and HEAD are kept, whatever the condition says of the others.
  if (name === "request_method") return methods(operator, right);
  if (name === "request_uri" || name === "uri") {
    if (operator !== "~" && operator !== "~*") return false;
    if (name === "request_uri" && /\\\?|[&=]/.test(right.replace(/\(\?[:=!]/g, ""))) {
      scope.report.leave("decision", directive, "the expression is about the query too: only paths are looked at");
    }
    paths.push({ pcre: right, anyCase: operator === "~*", directive });
    return true;
  }
  const isArgs = name === "args" || name === "query_string" || name === "is_args";
  if (!isArgs && !/^(?:http|cookie|arg)_\w+$/.test(name) && name !== "remote_user") return false;
  const template = isArgs ? "$is_args" : `$${name}`;
  const exact = operator === undefined || (operator === "!=" && right === "");
  if (!exact && !["=", "~", "~*"].includes(operator ?? "")) return false;
  if (operator === "=" && OFF.has(right)) return false;
  if (!exact) {
    scope.report.leave("decision", directive, `values cannot be compared: any ${template} passes the cache by`);
  }
  templates.push(template);
  return true;
}

/** Whether a condition on the method is about others than GET and HEAD. */
function methods(operator: string | undefined, right: string): boolean {
  if (operator === "=") return right !== "GET" && right !== "HEAD";
  if (operator === "!=") return right === "GET";
  const regex = safe(right, operator === "~*" || operator === "!~*");
  if (regex === undefined) return false;
  const hit = regex.test("GET");
  return operator?.startsWith("!") === true ? hit : !hit;
}

function safe(source: string, anyCase: boolean): RegExp | undefined {
  try {
    return new RegExp(source, anyCase ? "i" : "");
  } catch {
    return undefined;
  }
}

function ofMap(map: Directive, templates: string[], paths: Switch["paths"][number][], scope: Scope): boolean {
  const source = map.args[0] ?? "";
  const rows = (map.block ?? []).filter(({ name }) => !["hostnames", "volatile", "include"].includes(name));
  if (rows.length !== (map.block ?? []).length) return false;
  const isDefault = (row: Directive) => row.name === "default";
  const isOff = (row: Directive) => OFF.has(row.args[0] ?? "");
  if (source === "$request_method") {
    const plain = rows.every((row) => !row.name.startsWith("~"));
    return (
      plain &&
      ["GET", "HEAD"].every((method) => isOff(rows.find((row) => row.name === method) ?? rows.find(isDefault) ?? map))
    );
  }
  for (const row of rows) {
    if (isDefault(row) && !isOff(row)) return false;
    if (isDefault(row)) continue;
    if (isOff(row)) return false;
    const [, operator = "=", right = ""] = /^(~\*|~)?([\s\S]*)$/.exec(row.name) ?? [];
    if (!test(row, source, operator, right, templates, paths, scope)) return false;
  }
  return true;
}
