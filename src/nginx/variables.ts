// Text with variables: nginx's names in ours, with what `set` says put in its place.

import { captureNames } from "../gateway/config/regex.ts";
import { templateProblems } from "../gateway/config/template.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";

/** `set` in `set`, and no further: a variable may name itself. */
const MAX_DEPTH = 8;

/** Where text stands: the scope for `set`, and names that expressions capture. */
export interface Place {
  readonly scope: Scope;
  readonly captures: ReadonlySet<string>;
}

export function placeOf(scope: Scope, regexes: readonly RegExp[], outer: ReadonlySet<string> = new Set()): Place {
  return { scope, captures: new Set([...outer, ...regexes.flatMap((regex) => captureNames(regex))]) };
}

/** The text as a template of ours; left out, with the variable that is in the way, when there is none. */
export function templateOf(text: string, directive: Directive, place: Place): string | undefined {
  const { scope, captures } = place;
  const { template, problem } = substitute(text, directive, scope, 0);
  const why = problem ?? templateProblems(template, captures)[0];
  if (why === undefined) return template;
  scope.report.leave("unsupported", directive, why);
  return undefined;
}

function substitute(
  text: string,
  directive: Directive,
  scope: Scope,
  depth: number,
): { readonly template: string; readonly problem?: string } {
  let problem: string | undefined;
  const template = text.replace(/\$(?:\{(\w+)\}|([1-9]|[A-Za-z_]\w*))/g, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain ?? "";
    if (name === "realpath_root") {
      scope.report.leave("decision", directive, "$realpath_root was taken for $document_root: links are not followed");
      return "$document_root";
    }
    if (depth < MAX_DEPTH) {
      const set = setOf(name, scope);
      if (set === "conditional") problem ??= `$${name} depends on an if or a map, and there are none`;
      else if (set !== undefined) {
        const inner = substitute(set, directive, scope, depth + 1);
        problem ??= inner.problem;
        return inner.template;
      }
    }
    return whole;
  });
  // Braces where they are not needed make it hard to read.
  const tidy = template.replace(/\$\{(\w+)\}(?![\w])/g, "$$$1");
  return problem === undefined ? { template: tidy } : { template: tidy, problem };
}

/** What `set` makes of a variable here; `undefined` when nobody sets it. */
export function setOf(name: string, scope: Scope): string | "conditional" | undefined {
  for (const { directives } of scope.chain()) {
    const inIf = directives.some(
      (one) => one.name === "if" && one.block?.some((inner) => inner.name === "set" && inner.args[0] === `$${name}`),
    );
    if (inIf) return "conditional";
    const set = directives.filter((one) => one.name === "set" && one.args[0] === `$${name}`);
    const last = set.at(-1);
    if (last !== undefined) {
      for (const one of set) scope.report.take(one);
      return last.args[1] ?? "";
    }
    if (
      directives.some((one) => ["map", "geo", "split_clients"].includes(one.name) && one.args.at(-1) === `$${name}`)
    ) {
      return "conditional";
    }
  }
  return undefined;
}
