// How the scripts of a configuration's locations are run: each location's settings, worked out once.

import { type NameValue, toByteString } from "../../cgi/index.ts";
import type { CompiledGateway, CompiledSite, ResolvedFastCgi, ResolvedLocation } from "../config/resolved.ts";
import type { Variables } from "../config/variables.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type GatewayLimits } from "../options.ts";
import type { Visit } from "../request/visit.ts";
import type { GatewayResources } from "../resources.ts";
import type { HeaderPolicy } from "./response-head.ts";
import type { ObservedExchange, ScriptSettings } from "./script-settings.ts";
import type { SendFolder } from "./send-file.ts";

/** The settings of locations, and of applications that are asked in another role. */
export interface LocationSettings {
  of(site: CompiledSite, location: ResolvedLocation): ScriptSettings;
  /** The same for an authorizer or a filter of the location. */
  with(site: CompiledSite, location: ResolvedLocation, application: string): ScriptSettings;
}

export function locationSettings(gateway: CompiledGateway, resources: GatewayResources): LocationSettings {
  const limits: GatewayLimits = { ...DEFAULT_LIMITS, ...gateway.limits };
  const applications = new Map<string | undefined, ObservedExchange>();
  const known = new Map<ResolvedLocation, ScriptSettings>();
  const others = new Map<ResolvedLocation, Map<string, ScriptSettings>>();

  const application = (name: string | undefined): ObservedExchange => {
    let exchange = applications.get(name);
    if (exchange === undefined) {
      exchange = resources.application(name);
      applications.set(name, exchange);
    }
    return exchange;
  };
  const of = (site: CompiledSite, location: ResolvedLocation): ScriptSettings => {
    let settings = known.get(location);
    if (settings === undefined) {
      settings = makeSettings(gateway, site, location, resources, limits, application);
      known.set(location, settings);
    }
    return settings;
  };
  return {
    of,
    with(site, location, name) {
      const made = others.get(location) ?? new Map<string, ScriptSettings>();
      others.set(location, made);
      let settings = made.get(name);
      if (settings === undefined) {
        // What is said of headers and errors is said of the location's own application.
        const { policy: _policy, intercepted: _intercepted, catchStderr: _catchStderr, ...rest } = of(site, location);
        settings = { ...rest, exchange: application(name), application: name, limitRate: 0, forceRanges: false };
        made.set(name, settings);
      }
      return settings;
    },
  };
}

function makeSettings(
  gateway: CompiledGateway,
  site: CompiledSite,
  location: ResolvedLocation,
  resources: GatewayResources,
  limits: GatewayLimits,
  application: (name: string | undefined) => ObservedExchange,
): ScriptSettings {
  const { fastcgi, errorPages, timeouts, maxBody } = location;
  const intercepts = fastcgi.interceptErrors && errorPages.size > 0 && location.cache === undefined;
  const exchange: ObservedExchange = (...asked) => application(fastcgi.pass)(...asked);
  return {
    exchange,
    application: fastcgi.pass ?? "application",
    limits: maxBody === undefined ? limits : { ...limits, maxBody },
    timeouts: {
      ...DEFAULT_TIMEOUTS,
      ...resources.timeouts,
      ...(timeouts.read !== undefined && { read: timeouts.read }),
      ...(timeouts.body !== undefined && { body: timeouts.body }),
    },
    documentRoot: folderOf(location.root, resources),
    serverName: site.serverName,
    serverSoftware: resources.serverSoftware ?? "edge-fpm",
    underscoresInHeaders: gateway.underscoresInHeaders,
    params: [],
    paramsOf: fastcgi.params.length === 0 ? undefined : (visit) => ownParams(fastcgi, visit),
    passRequestHeaders: fastcgi.passRequestHeaders,
    passRequestBody: fastcgi.passRequestBody,
    policy: policyOf(fastcgi, location.cache !== undefined),
    buffering: fastcgi.buffering,
    requestBuffering: fastcgi.requestBuffering,
    spool: resources.spool,
    limitRate: fastcgi.limitRate,
    ignoreClientAbort: fastcgi.ignoreClientAbort,
    catchStderr: fastcgi.catchStderr.length === 0 ? undefined : fastcgi.catchStderr,
    forceRanges: fastcgi.forceRanges,
    intercepted: intercepts ? (status) => status >= 300 && errorPages.has(status) : undefined,
    sendFolders: sendFolders(site, location, resources),
  };
}

function ownParams(fastcgi: ResolvedFastCgi, visit: Visit): NameValue[] {
  return templateParams(fastcgi.params, visit.variables ?? (() => undefined));
}

/** Params with the values that a request gives them. */
export function templateParams(templates: ResolvedFastCgi["params"], variables: Variables): NameValue[] {
  const params: NameValue[] = [];
  for (const { name, value, ifNotEmpty } of templates) {
    const text = value(variables);
    if (text !== "" || !ifNotEmpty) params.push([name, text]);
  }
  return params;
}

function policyOf(fastcgi: ResolvedFastCgi, cached: boolean): HeaderPolicy | undefined {
  const { hideHeaders, passHeaders, ignoreHeaders } = fastcgi;
  if (!cached && hideHeaders.size === 0 && passHeaders.size === 0 && ignoreHeaders.size === 0) return undefined;
  return { hide: hideHeaders, pass: passHeaders, ignore: ignoreHeaders, keepExpires: cached };
}

/** The location's root, and the folders that internal locations of its site stand for. */
function sendFolders(site: CompiledSite, location: ResolvedLocation, resources: GatewayResources): SendFolder[] {
  const roots = new Set([location.root]);
  for (const { internal, alias } of site.all) if (internal && alias !== undefined) roots.add(alias);
  const { followSymlinks } = location;
  return [...roots].map((root) => ({
    name: folderOf(root, resources),
    get files() {
      return resources.files(root, { followSymlinks });
    },
  }));
}

/** A folder as the application sees it, without a slash at its end. */
function folderOf(root: string, resources: GatewayResources): string {
  const folder = resources.folder?.(root) ?? toByteString(root);
  return folder.length > 1 && folder.endsWith("/") ? folder.slice(0, -1) : folder;
}
