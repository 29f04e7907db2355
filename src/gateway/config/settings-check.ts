// Whether the settings of a site or a location fit what else there is.

import type { LocationSettings } from "./location.ts";
import { nearest } from "./nearest.ts";
import { checkApplication, checkRanges, checkTemplate, keyText, type Names, type Report } from "./references.ts";

/** What is known around a setting. */
export interface Scope {
  readonly names: Names;
  /** Named locations of the site. */
  readonly named: ReadonlySet<string>;
  readonly captures: ReadonlySet<string>;
  readonly report: Report;
}

/** @param path of the settings, with the dot that follows it */
export function checkSettings(settings: LocationSettings, path: string, scope: Scope): void {
  const { names, captures, report } = scope;
  const template = (text: string | undefined, where: string) => checkTemplate(text, path + where, captures, report);
  const { fastcgi, cache, tryFiles, access } = settings;

  for (const [name, value] of Object.entries(settings.headers ?? {})) template(value, `headers${keyText(name)}`);
  for (const [statuses, target] of Object.entries(settings.errorPages ?? {})) {
    const where = `errorPages${keyText(statuses)}`;
    template(target, where);
    checkNamed(/@\S+$/.exec(target ?? "")?.[0], path + where, scope);
  }
  for (const [index, text] of (tryFiles ?? []).entries()) {
    checkTry(text, index + 1 === tryFiles?.length, `${path}tryFiles[${index}]`, scope);
  }

  checkApplication(fastcgi?.pass, `${path}fastcgi.pass`, names, report);
  template(fastcgi?.script, "fastcgi.script");
  for (const [name, value] of Object.entries(fastcgi?.params ?? {})) {
    template(typeof value === "string" ? value : value?.value, `fastcgi.params${keyText(name)}`);
  }
  for (const role of ["authorizer", "filter"] as const) {
    const name = settings[role];
    if (typeof name === "string") checkApplication(name, path + role, names, report);
  }
  if (typeof cache === "object") {
    const { zone } = cache;
    if (zone !== undefined && !names.caches.includes(zone)) {
      const meant = nearest(zone, names.caches);
      const known = names.caches.length === 0 ? "; there are no caches" : `: ${names.caches.join(", ")}`;
      report(
        `${path}cache.zone`,
        JSON.stringify(zone),
        meant === undefined ? `the name of one of the caches${known}` : `did you mean ${meant}?`,
      );
    }
    template(cache.key, "cache.key");
    for (const key of ["bypass", "noCache"] as const) {
      for (const [index, text] of (cache[key] ?? []).entries()) template(text, `cache.${key}[${index}]`);
    }
  }
  access?.forEach((rule, index) => {
    if (rule === undefined) return;
    const ranges = Object.values(rule).filter((range): range is string => typeof range === "string");
    if (ranges.length !== 1) report(`${path}access[${index}]`, "not one rule", "one of allow and deny in each");
    checkRanges(ranges.slice(0, 1), `${path}access[${index}]`, (_path, seen, allowed) =>
      report(`${path}access[${index}]`, seen, allowed),
    );
  });
}

function checkTry(text: string | undefined, isLast: boolean, path: string, scope: Scope): void {
  if (text === undefined) return;
  const { report, captures } = scope;
  checkTemplate(text, path, captures, report);
  const special = text.startsWith("=") || text.startsWith("@");
  if (special && !isLast) report(path, JSON.stringify(text), "a path; a status or a named location comes last");
  else if (text.startsWith("=") && !/^=[2-5]\d\d$/.test(text))
    report(path, JSON.stringify(text), "a status such as =404");
  else if (text.startsWith("@")) checkNamed(text, path, scope);
}

function checkNamed(name: string | undefined, path: string, { named, report }: Scope): void {
  if (name === undefined || named.has(name)) return;
  const meant = nearest(name, [...named]);
  const known = named.size === 0 ? "there are none" : [...named].join(", ");
  report(path, JSON.stringify(name), meant === undefined ? `a named location; ${known}` : `did you mean ${meant}?`);
}
