// A request on its way through the locations.

import { toByteString } from "../../cgi/index.ts";
import type { CompiledRewrite, CompiledSite, CompiledTarget, ResolvedLocation } from "../config/resolved.ts";
import type { Variables } from "../config/variables.ts";
import { placeOf, type RouteResources } from "./place.ts";
import { argumentOf } from "./variables.ts";

/** Changes of a path before it counts as a loop: rewrites and internal redirects together. nginx's number. */
export const MAX_CHANGES = 10;

/** What rewrites came to. */
export type Rewritten =
  | { readonly type: "unchanged" | "last" | "break" | "malformed" }
  | { readonly type: "redirect"; readonly status: 301 | 302; readonly location: string };

export class RouteState {
  readonly site: CompiledSite;
  readonly resources: RouteResources;
  readonly #outer: Variables;
  location: ResolvedLocation;
  path: string;
  query: string;
  /** Of the script, once it is known. */
  scriptName: string | undefined;
  pathInfo = "";
  changes: number;
  /** Not what the visitor asked for any more. */
  internal: boolean;
  /** The front controller, when the request was sent to it: it runs, whatever its name. */
  front: string | undefined;
  #captures: RegExpExecArray | undefined;
  #named: Readonly<Record<string, string>> | undefined;

  constructor(
    site: CompiledSite,
    outer: Variables,
    start: { readonly path: string; readonly query: string; readonly internal: boolean; readonly changes: number },
    resources: RouteResources,
  ) {
    this.site = site;
    this.location = site.locations.default;
    this.resources = resources;
    this.#outer = outer;
    this.path = start.path;
    this.query = start.query;
    this.internal = start.internal;
    this.changes = start.changes;
  }

  /** Numbers are of the last expression; names stay. */
  capture(match: RegExpExecArray | undefined): void {
    if (match === undefined) return;
    this.#captures = match;
    if (match.groups !== undefined) this.#named = { ...this.#named, ...match.groups };
  }

  readonly variables: Variables = (name) => {
    switch (name) {
      case "uri":
      case "document_uri":
        return this.path;
      case "args":
      case "query_string":
        return this.query;
      case "is_args":
        return this.query === "" ? "" : "?";
      case "document_root":
        return this.folder(placeOf(this.location, this.path)?.root ?? this.location.root);
      case "request_filename":
        return this.filename(this.path);
      case "fastcgi_script_name":
        return this.scriptName ?? this.path;
      case "fastcgi_path_info":
        return this.pathInfo;
      case "server_name":
        return this.site.serverName ?? this.#outer("host");
      default:
    }
    if (name.length === 1 && name >= "1" && name <= "9") return this.#captures?.[Number(name)];
    const named = this.#named?.[name];
    if (named !== undefined) return named;
    if (name.startsWith("arg_")) return argumentOf(this.query, name.slice(4));
    return this.#outer(name);
  };

  /** A folder as the application sees it, without a slash at its end. */
  folder(root: string): string {
    const folder = this.resources.folder?.(root) ?? toByteString(root);
    return folder.length > 1 && folder.endsWith("/") ? folder.slice(0, -1) : folder;
  }

  /** The file of a path as the application sees it. */
  filename(path: string): string {
    const place = placeOf(this.location, path);
    if (place === undefined) return "";
    const folder = this.folder(place.root);
    return folder === "/" ? place.path : folder + place.path;
  }

  /** Where a target leads from here; `undefined` when no path may look so. */
  resolve(target: CompiledTarget): { path: string; query: string } | undefined {
    const path = plainPath(target.path(this.variables));
    return path === undefined ? undefined : { path, query: this.queryOf(target, false) };
  }

  /** @param append the old query follows the target's own, as in a rewrite */
  queryOf(target: CompiledTarget, append: boolean): string {
    if (target.query === undefined) return this.query;
    if (target.dropsQuery) return "";
    const query = target.query(this.variables);
    if (query.endsWith("?")) return query.slice(0, -1);
    if (!append || this.query === "") return query;
    return query === "" ? this.query : `${query}&${this.query}`;
  }

  /** Applies rules in their order until one says to stop. */
  rewrite(rules: readonly CompiledRewrite[]): Rewritten {
    for (const { from, to, flag } of rules) {
      const match = from.exec(this.path);
      if (match === null) {
        // As in nginx: `$1` is of the last expression that was tried in a rewrite.
        this.#captures = undefined;
        continue;
      }
      this.capture(match);
      const query = this.queryOf(to, true);
      if (flag === "redirect" || flag === "permanent") {
        const location = to.url(this.variables);
        const status = flag === "permanent" ? 301 : 302;
        return { type: "redirect", status, location: query === "" ? location : `${location}?${query}` };
      }
      const path = plainPath(to.path(this.variables));
      if (path === undefined) return { type: "malformed" };
      this.path = path;
      this.query = query;
      this.changes++;
      return { type: flag };
    }
    return { type: "unchanged" };
  }
}

/**
 * A path that a template made, in the form that `decodePath` gives visitors' paths; `undefined` for what it would refuse:
 * the values of variables come from visitors.
 */
export function plainPath(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (!text.startsWith("/") || /[\x00-\x1f\x7f\\]/.test(text)) return undefined;
  const path = text.includes("//") ? text.replace(/\/{2,}/g, "/") : text;
  return /\/\.\.?(?:\/|$)/.test(path) ? undefined : path;
}
