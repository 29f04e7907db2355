// Whether the settings of a site or a location fit what else there is.

import type { FastCgi, LocationSettings } from "./location.ts";
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
  const checkParams = (params: FastCgi["params"], where: string) => {
    for (const [name, value] of Object.entries(params ?? {})) {
      template(typeof value === "string" ? value : value?.value, where + keyText(name));
    }
  };
  checkParams(fastcgi?.params, "fastcgi.params");
  for (const role of ["authorizer", "filter"] as const) {
    const use = settings[role];
    if (typeof use === "string") checkApplication(use, path + role, names, report);
    if (typeof use !== "object") continue;
    checkApplication(use.pass, `${path}${role}.pass`, names, report);
    template(use.script, `${role}.script`);
    checkParams(use.params, `${role}.params`);
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
