// Locations inside locations, laid side by side so that the same one answers as in nginx: an expression inside a prefix is
// one for paths with that prefix and no longer one, and is asked before those around it.

import type { Directive } from "./parse.ts";
import { literal, toRegExp } from "./regex.ts";
import type { Scope } from "./scope.ts";

export type Match =
  | { readonly exact: string }
  | { readonly prefix: string; readonly final?: true }
  | { readonly regex: RegExp }
  | { readonly name: string };

export interface FlatLocation {
  readonly directive: Directive | undefined;
  readonly scope: Scope;
  readonly match: Match;
  /** The location of this prefix with `alias` that runs its scripts itself: the one for scripts inside it. */
  readonly scripts?: Scope;
}

interface Level {
  readonly fixed: FlatLocation[];
  readonly regexes: FlatLocation[];
}

/** In an order that can be read: as nginx asks expressions, fixed paths in front. */
export function flatten(server: Scope): FlatLocation[] {
  const { fixed, regexes } = level(server);
  return [...fixed, ...regexes];
}

function level(scope: Scope): Level {
  const fixed: FlatLocation[] = [];
  const inner: FlatLocation[] = [];
  const regexes: FlatLocation[] = [];
  const written = scope.own("location").map((directive) => ({ directive, ...wordsOf(directive) }));
  const prefixes = written.filter(({ kind }) => kind === "" || kind === "^~").map(({ text }) => text);
  for (const { directive, kind, text } of written) {
    const inside = scope.inside(directive.block ?? []);
    if (kind === "~" || kind === "~*") {
      const regex = toRegExp(text, kind === "~*");
      for (const nested of inside.own("location")) {
        scope.report.leave("unsupported", nested, "a location inside one with an expression has no equivalent");
      }
      if (typeof regex === "string") {
        scope.report.leave("unsupported", directive, `${regex}; its paths go to other locations now`);
      } else regexes.push({ directive, scope: inside, match: { regex } });
      continue;
    }
    if (text.startsWith("@")) {
      fixed.push({ directive, scope: inside, match: { name: text } });
      continue;
    }
    if (!text.startsWith("/")) {
      scope.report.leave("unsupported", directive, "no path begins so");
      continue;
    }
    if (kind === "=") {
      fixed.push({ directive, scope: inside, match: { exact: text } });
      continue;
    }
    const scripts = inside.directives.some(({ name }) => name === "alias") ? scriptsInside(inside) : undefined;
    const nested = level(inside);
    const own = nested.regexes.filter(({ scope: one }) => one.directives !== scripts?.directives);
    const only = lookahead(text, prefixes);
    for (const one of own) {
      if (!("regex" in one.match)) continue;
      const { source, flags } = one.match.regex;
      inner.push({ ...one, match: { regex: new RegExp(`${only}.*?(?:${source})`, flags) } });
    }
    const final = kind === "^~";
    if (final && own.length > 0) inner.push({ directive, scope: inside, match: { regex: new RegExp(only) } });
    const match: Match = final && own.length === 0 ? { prefix: text, final: true } : { prefix: text };
    if (!final || own.length === 0) {
      fixed.push({ directive, scope: inside, match, ...(scripts !== undefined && { scripts }) });
    }
    fixed.push(...nested.fixed);
  }
  return { fixed, regexes: [...inner, ...regexes] };
}

/** For paths that begin so, and not with a longer prefix beside it. */
export function lookahead(prefix: string, beside: readonly string[]): string {
  const longer = beside.filter((one) => one !== prefix && one.startsWith(prefix)).map(literal);
  return `^(?=${literal(prefix)})${longer.length === 0 ? "" : `(?!${longer.join("|")})`}`;
}

/** `location ~ \.php$ { fastcgi_pass ... }`. */
function scriptsInside(scope: Scope): Scope | undefined {
  for (const one of scope.own("location")) {
    const { kind, text } = wordsOf(one);
    const inside = scope.inside(one.block ?? []);
    if (/^~/.test(kind) && /\\\.php(?:\$|\(\/\|\$\)|\(\?:\/\|\$\))$/.test(text)) {
      if (inside.directives.some(({ name }) => name === "fastcgi_pass")) return inside;
    }
  }
  return undefined;
}

/** `= /x`, `~* expression`, and the same without the space. */
function wordsOf({ args }: Directive): { readonly kind: string; readonly text: string } {
  const [first = "", second] = args;
  if (second !== undefined) return { kind: first, text: second };
  const [, kind = "", text = ""] = /^(=|\^~|~\*|~)?([\s\S]*)$/.exec(first) ?? [];
  return { kind, text };
}
