// A request through the locations of a site, to a decision. nginx's phases in its order: the site's rewrites, the
// location, its rewrites, who may, `return`, `tryFiles`, content. Beyond nginx: nothing that looks like source code, a
// backup or a dotfile is ever sent, whatever the location.

import { encodePath, type ScriptSplit, scriptPath } from "../../cgi/index.ts";
import type { CompiledFallback, CompiledGateway, CompiledSite, ResolvedLocation } from "../config/resolved.ts";
import type { Variables } from "../config/variables.ts";
import type { Decision, Routed } from "./decision.ts";
import { findLocation, findSite, lacksSlash, scriptSplits } from "./find.ts";
import { hasHiddenSegment, isSource, type Location, locate } from "./locate.ts";
import { filesOf, type RouteResources } from "./place.ts";
import { MAX_CHANGES, plainPath, RouteState } from "./state.ts";

/** What is asked for. Byte strings. */
export interface RouteRequest {
  /** Host name without its port; `undefined` when the request names none. */
  readonly host: string | undefined;
  /** As `decodePath` returns it. */
  readonly path: string;
  /** Behind the question mark, encoded. */
  readonly query: string;
  /** `undefined` for a peer on a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** The request's own variables: see `requestVariables`. */
  readonly variables: Variables;
  /**
   * For an internal redirect (`X-Accel-Redirect`, an error page, a local redirect): what routed the request before. Internal
   * locations may be reached then, and the site stays.
   */
  readonly from?: Routed;
  /** For a redirect to a named location, `@` included; path and query stay as they are given. */
  readonly named?: string;
}

/** What a round comes to: a decision, or another round. */
type Step = Decision | { readonly type: "again"; readonly named?: string | undefined; readonly server: boolean };

/** Never fails but when the files do. A promise only where they have to be waited for. */
export function route(
  gateway: CompiledGateway,
  request: RouteRequest,
  resources: RouteResources,
): Routed | Promise<Routed> {
  const { from } = request;
  const { found: site, captures } =
    from === undefined ? findSite(gateway, request.host) : { found: from.site, captures: undefined };
  const start = {
    path: request.path,
    query: request.query,
    internal: from !== undefined,
    changes: from === undefined ? 0 : from.changes + 1,
  };
  const state = new RouteState(site, request.variables, start, resources);
  state.capture(captures);

  const first: Step = { type: "again", server: true, named: request.named };
  return decide(state, first, request.remoteAddress);
}

/** Round after round, until there is a decision. */
function decide(state: RouteState, first: Step, remoteAddress: string | undefined): Routed | Promise<Routed> {
  let step = first;
  while (step.type === "again") {
    if (state.changes > MAX_CHANGES) {
      step = deny(500, `more than ${MAX_CHANGES} rewrites and internal redirects, the last to ${state.path}`);
      break;
    }
    const next = enter(state, step) ?? visit(state, remoteAddress);
    if (next instanceof Promise) return next.then((later) => decide(state, later, remoteAddress));
    step = next;
  }
  const { site, location, path, query, variables, changes } = state;
  return { decision: step, site, location, path, query, variables, changes };
}

/** Finds the location, the site's rewrites first. */
function enter(state: RouteState, { named, server }: Step & { type: "again" }): Decision | undefined {
  const { site } = state;
  state.scriptName = undefined;
  state.pathInfo = "";
  if (named !== undefined) {
    const location = site.locations.named.get(named);
    if (location === undefined) return deny(500, `there is no location ${named}`);
    state.location = location;
    return undefined;
  }
  if (server && site.rewrite.length > 0) {
    const rewritten = state.rewrite(site.rewrite);
    if (rewritten.type === "redirect") return rewritten;
    if (rewritten.type === "malformed") return deny(400, "a rewrite leads to a path that cannot be one");
  }
  const { found, captures } = findLocation(site, state.path);
  state.location = found;
  state.capture(captures);
  return lacksSlash(site, state.path) ? withSlash(state, state.path) : undefined;
}

/** What the location does with the request. */
function visit(state: RouteState, remoteAddress: string | undefined): Step | Promise<Step> {
  const { location } = state;
  if (location.internal && !state.internal) return deny(404, `${location.id} is internal`);
  if (location.deny !== undefined) return deny(location.deny, `denied by ${location.id}`);

  if (location.rewrite.length > 0) {
    const rewritten = state.rewrite(location.rewrite);
    if (rewritten.type === "redirect") return rewritten;
    if (rewritten.type === "malformed")
      return deny(400, `a rewrite of ${location.id} leads to a path that cannot be one`);
    if (rewritten.type === "last") return { type: "again", server: false };
  }
  if (!mayVisit(location, remoteAddress)) return deny(403, `the access rules of ${location.id}`);
  if (location.return !== undefined) return answer(state, location.return);
  if (state.path !== state.front && hasHiddenSegment(state.path)) return deny(403, "a name that begins with a dot");

  if (location.tryFiles !== undefined && state.path !== state.front) return tried(state, location.tryFiles);
  return content(state);
}

async function tried(state: RouteState, { paths, last }: NonNullable<ResolvedLocation["tryFiles"]>): Promise<Step> {
  // Awaited, because a promise that is returned as it is takes two more turns.
  return (await tryFiles(state, paths)) ? await content(state) : fallback(state, last);
}

function content(state: RouteState): Step | Promise<Step> {
  return state.location.mode === "fastcgi" ? toApplication(state) : toFiles(state);
}

/** The first rule that fits decides; without one, everybody may. */
function mayVisit(location: ResolvedLocation, address: string | undefined): boolean {
  return location.access.find(({ ranges }) => ranges === undefined || ranges.has(address))?.allow ?? true;
}

function answer(state: RouteState, rule: NonNullable<ResolvedLocation["return"]>): Decision {
  const { status, type: contentType } = rule;
  const body = rule.body?.(state.variables);
  const location = rule.location?.(state.variables);
  if (location !== undefined) {
    return { type: "redirect", status, location, ...(body === undefined ? {} : { body, contentType }) };
  }
  if (status >= 400 && body === undefined) return deny(status, `returned by ${state.location.id}`);
  return { type: "answer", status, body: body ?? "", contentType };
}

/** Whether one of the paths exists; the request goes on with it. One that ends in a slash is for folders. */
async function tryFiles(
  state: RouteState,
  paths: NonNullable<ResolvedLocation["tryFiles"]>["paths"],
): Promise<boolean> {
  const files = filesOf(state.location, state.resources);
  for (const { path: template, folder } of paths) {
    const wanted = folder ? "directory" : "file";
    const path = plainPath(template(state.variables) || "/");
    if (path === undefined || hasHiddenSegment(path)) continue;
    const entry = await files.find(path);
    // What is refused is found: it is not for another path to answer in its place.
    if (entry?.type !== wanted && entry?.type !== "refused") continue;
    state.path = path;
    return true;
  }
  return false;
}

function fallback(state: RouteState, last: CompiledFallback): Step {
  if (last.type === "status") {
    return last.status >= 400
      ? deny(last.status, "none of tryFiles exists")
      : { type: "answer", status: last.status, body: "", contentType: "text/plain; charset=utf-8" };
  }
  if (last.type === "named") {
    state.changes++;
    state.internal = true;
    return { type: "again", server: false, named: last.name };
  }
  const to = state.resolve(last.target);
  if (to === undefined) return deny(404, "the end of tryFiles is no path");
  return redirect(state, to.path, to.query);
}

/** Begins anew with another path, which the visitor does not see. */
function redirect(state: RouteState, path: string, query = state.query): Step {
  state.path = path;
  state.query = query;
  state.internal = true;
  state.changes++;
  return { type: "again", server: true };
}

/** Scripts that exist run, files are sent. */
function toFiles(state: RouteState): Step | Promise<Step> {
  const { location, path } = state;
  if (path === state.front) return toScript(state, { scriptName: path, pathInfo: "" });
  const { index, scriptExtensions, tryFiles } = location;
  const frontController = tryFiles === undefined ? location.frontController : undefined;
  const found = locate(path, filesOf(location, state.resources), { index, scriptExtensions, frontController });
  return found instanceof Promise ? found.then((later) => toFound(state, later)) : toFound(state, found);
}

function toFound(state: RouteState, found: Location): Step {
  const { path } = state;
  switch (found.type) {
    case "deny":
      return found;
    case "redirect":
      return withSlash(state, found.path.slice(0, -1));
    case "file":
      if (found.path !== path && isTable(state.site)) return redirect(state, found.path);
      return found;
    default: {
      const { script } = found;
      if (script.scriptName + script.pathInfo === path || !isTable(state.site)) return toScript(state, script);
      const { tryFiles, frontController } = state.location;
      if (tryFiles === undefined && script.scriptName === frontController) state.front = frontController;
      return redirect(state, script.scriptName);
    }
  }
}

/** Whether another path may mean another location or other rewrites. */
function isTable(site: CompiledSite): boolean {
  return site.all.length > 1 || site.rewrite.length > 0;
}

/** Everything is the application's. */
async function toApplication(state: RouteState): Promise<Step> {
  const { location } = state;
  const { fastcgi, scriptExtensions } = location;
  if (fastcgi.script !== undefined) {
    const split = fastcgi.splitPathInfo === undefined ? undefined : cut(state.path, fastcgi.splitPathInfo);
    return toScript(state, split ?? { scriptName: state.path, pathInfo: "" }, fastcgi.script(state.variables));
  }
  const files = filesOf(location, state.resources);
  const candidates =
    state.path === state.front
      ? [{ scriptName: state.path, pathInfo: "" }]
      : fastcgi.splitPathInfo === undefined
        ? indexed(state).flatMap((path) => scriptSplits(path, scriptExtensions))
        : indexed(state).map((path) => cut(path, fastcgi.splitPathInfo) ?? { scriptName: path, pathInfo: "" });

  for (const split of candidates) {
    if (isDisguised(split.scriptName, scriptExtensions)) return deny(403, "source code or a backup");
    if (!fastcgi.checkScript) return toScript(state, split);
    const entry = await files.find(split.scriptName);
    if (entry?.type === "file") return toScript(state, split);
    if (entry?.type === "refused") return deny(403, "outside the document root, or no regular file");
  }
  const front = location.frontController;
  if (front !== undefined && state.path !== front && (await files.find(front))?.type === "file") {
    state.front = front;
    return redirect(state, front);
  }
  return deny(404, "no such script");
}

/** A path that ends in a slash names a folder: its index scripts. */
function indexed(state: RouteState): readonly string[] {
  const { path, location } = state;
  if (!path.endsWith("/")) return [path];
  const { index } = location.fastcgi;
  if (index !== undefined) return [path + index];
  const { scriptExtensions } = location;
  const scripts = location.index.filter((name) => scriptExtensions.some((extension) => name.endsWith(extension)));
  return [...scripts.map((name) => path + name), path];
}

function cut(path: string, regex: RegExp | undefined): ScriptSplit | undefined {
  const match = regex?.exec(path);
  if (match === undefined || match === null) return undefined;
  return { scriptName: match[1] ?? "", pathInfo: match[2] ?? "" };
}

/** What looks like a script and is none by its extension: `x.php.bak`, `x.PHP`. */
function isDisguised(name: string, extensions: readonly string[]): boolean {
  return isSource(name) && !extensions.some((extension) => name.endsWith(extension));
}

function toScript(state: RouteState, split: ScriptSplit, filename?: string): Decision {
  const { location } = state;
  state.scriptName = split.scriptName;
  state.pathInfo = split.pathInfo;
  const documentRoot = state.variables("document_root") ?? "";
  const script = scriptPath(documentRoot, split);
  const scriptFilename = filename ?? (location.alias === undefined ? undefined : state.filename(split.scriptName));
  return {
    type: "script",
    script: scriptFilename === undefined ? script : { ...script, scriptFilename },
    documentRoot,
  };
}

/** To the same path with a slash at its end. */
function withSlash(state: RouteState, path: string): Decision {
  const query = state.query === "" ? "" : `?${state.query}`;
  return { type: "redirect", status: 301, location: `${encodePath(path)}/${query}` };
}

function deny(status: number, reason: string): Decision {
  return { type: "deny", status, reason };
}
