// From a request to what is done with it, by a compiled configuration. No I/O but finding files; nothing is sent here.
//
//   compileConfig(config, { root }): CompiledGateway                              config/compile.ts
//   findSite(gateway, host), findLocation(site, path): { found, captures }        nginx's precedence
//   requestVariables(facts): Variables                                            the request's own ($http_*, $remote_addr ...)
//   route(gateway, request, resources): Routed | Promise<Routed>
//     request    { host, path, query, remoteAddress, variables, from?, named? }
//     resources  { files(root, { followSymlinks }): FileSource, folder?(root): bytes }
//     Routed     { decision, site, location, path, query, variables, changes }
//     decision   script { script: ScriptPath, documentRoot } | file { path, file } | redirect { status, location }
//                | answer { status, body, contentType } | deny { status, reason }
//
// An internal redirect (X-Accel-Redirect, an error page, a local Location) is another `route` with `from: routed`, and
// `named: "@name"` where a named location is meant. Locations and settings: config/resolved.ts.

export { compileConfig } from "../config/compile.ts";
export type { Decision, Routed } from "./decision.ts";
export { type Found, findLocation, findSite } from "./find.ts";
export type { RouteResources } from "./place.ts";
export { type RouteRequest, route } from "./route.ts";
export { type RequestFacts, requestVariables } from "./variables.ts";
