// Whether a location says what it is for, and one thing to do.

import type { Location } from "./location.ts";
import { checkCaptures, checkTemplate } from "./references.ts";
import { captureNames } from "./regex.ts";
import { checkSettings, type Scope } from "./settings-check.ts";

/** Statuses that send the visitor elsewhere. */
const REDIRECTS = [301, 302, 303, 307, 308];

export function checkLocation(location: Location, path: string, scope: Scope): void {
  const { report } = scope;
  const matches = ["exact", "prefix", "regex", "name"].filter((key) => key in location);
  if (matches.length !== 1) {
    const seen = matches.length === 0 ? "for no paths" : matches.join(" and ");
    report(path, seen, "one of exact, prefix, regex and name");
  }
  if ("final" in location && !("prefix" in location)) report(`${path}.final`, "there", "with prefix only");
  const does = ["return", "deny", "fastcgi"].filter((key) => key in location);
  if (does.length > 1) report(path, `with ${does.join(" and ")}`, "one of return, deny and fastcgi");

  const captures = new Set(scope.captures);
  const regex = "regex" in location ? location.regex : undefined;
  checkCaptures(regex, `${path}.regex`, report);
  for (const name of regex === undefined ? [] : captureNames(regex)) captures.add(name);
  location.rewrite?.forEach((rule, index) => {
    checkCaptures(rule?.from, `${path}.rewrite[${index}].from`, report);
    for (const name of rule?.from === undefined ? [] : captureNames(rule.from)) captures.add(name);
    checkTemplate(rule?.to, `${path}.rewrite[${index}].to`, captures, report);
  });
  checkSettings(location, `${path}.`, { ...scope, captures });
  checkReturn(location, path, captures, scope);
  checkAlias(location, path, scope);
}

function checkReturn(location: Location, path: string, captures: ReadonlySet<string>, { report }: Scope): void {
  const rule = location.return;
  if (rule === undefined) return;
  checkTemplate(rule.location, `${path}.return.location`, captures, report);
  checkTemplate(rule.body, `${path}.return.body`, captures, report);
  if (rule.status === undefined) return;
  const redirects = REDIRECTS.includes(rule.status);
  if (redirects && rule.location === undefined) {
    report(`${path}.return.location`, "not there", `where to, as the status is ${rule.status}`);
  }
  if (!redirects && rule.location !== undefined) {
    report(`${path}.return.location`, "there", `only with a status of ${REDIRECTS.join(", ")}`);
  }
}

function checkAlias(location: Location, path: string, { report }: Scope): void {
  const { alias } = location;
  if (alias === undefined) return;
  if (location.root !== undefined) report(`${path}.alias`, "beside root", "one of the two");
  if (!("prefix" in location) && !("exact" in location)) {
    report(`${path}.alias`, "there", "with prefix or exact only: other paths have no beginning to cut off");
  }
  if ("prefix" in location && location.prefix !== undefined && alias.endsWith("/") !== location.prefix.endsWith("/")) {
    report(`${path}.alias`, JSON.stringify(alias), "a slash at the end of both alias and prefix, or of neither");
  }
}
