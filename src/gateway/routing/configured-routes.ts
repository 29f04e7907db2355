// The routes of a configuration, for one request: sites, locations, and the caches before their scripts.

import type { Routes, Step, StepRules } from "../answer/step.ts";
import type { CompiledGateway } from "../config/resolved.ts";
import type { Recorder } from "../observe/recorder.ts";
import type { Visit } from "../request/visit.ts";
import type { GatewayResources } from "../resources.ts";
import { type CachedOutcome, type Caches, cachedScript } from "../script/cached-script.ts";
import type { LocationSettings } from "../script/location-settings.ts";
import { interceptedOutcome, type Outcome } from "../script/script-outcome.ts";
import type { Routed } from "./decision.ts";
import { type RouteRequest, route } from "./route.ts";

interface RoutedStep extends Step {
  readonly routed: Routed;
}

/** The configuration's routes, for one request. */
export function configuredRoutes(
  config: CompiledGateway,
  resources: GatewayResources,
  settings: LocationSettings,
  caches: Caches,
  recorder: Recorder,
): Routes {
  const cached = (cache: NonNullable<ReturnType<Caches["of"]>>): StepRules["script"] => {
    const done = (step: Step, { outcome, status }: CachedOutcome): Outcome => {
      recorder.cacheStatus = status;
      return intercepted(step, outcome);
    };
    return (step, events) => {
      const answered = cachedScript(cache, step, events);
      return answered instanceof Promise ? answered.then((later) => done(step, later)) : done(step, answered);
    };
  };
  const stepOf = (visit: Visit, routed: Routed): RoutedStep => {
    const { site, location, decision, path, query } = routed;
    const own = settings.of(site, location);
    const other = decision.type === "script" && decision.documentRoot !== own.documentRoot;
    const cache = decision.type === "script" ? caches.of(location) : undefined;
    return {
      decision,
      routed,
      settings: other ? { ...own, documentRoot: decision.documentRoot } : own,
      visit: { ...visit, path, target: { ...visit.target, query }, variables: routed.variables },
      rules: {
        location,
        variables: routed.variables,
        script: cache && cached(cache),
        application: (name) => settings.with(site, location, name),
      },
    };
  };
  return {
    next(visit, from, named): RoutedStep | Promise<RoutedStep> {
      const { variables = () => undefined, client, info } = visit;
      const request: RouteRequest = {
        host: visit.host,
        path: visit.path,
        query: visit.target.query,
        remoteAddress: client === undefined ? info.remoteAddress : client.remoteAddress,
        variables,
        ...(from !== undefined && { from: (from as RoutedStep).routed }),
        ...(named !== undefined && { named }),
      };
      const routed = route(config, request, resources);
      return routed instanceof Promise ? routed.then((later) => stepOf(visit, later)) : stepOf(visit, routed);
    },
  };
}

/** A cached answer is kept as it is; that the visitor gets another page for it comes after. */
function intercepted(step: Step, outcome: Outcome): Outcome {
  const location = step.rules?.location;
  if (outcome.type !== "reply" || location?.fastcgi.interceptErrors !== true) return outcome;
  const { status, body } = outcome.reply;
  if (status < 300 || !location.errorPages.has(status)) return outcome;
  if (body instanceof ReadableStream) void body.cancel();
  return interceptedOutcome(outcome.reply);
}
