// What is to be done with a request, as the gateway's routes have it: a decision, and the settings that hold for it.

import type { ScriptPath } from "../../cgi/index.ts";
import type { ResolvedLocation, ResolvedRole } from "../config/resolved.ts";
import type { Variables } from "../config/variables.ts";
import type { Visit } from "../request/visit.ts";
import type { Decision } from "../routing/decision.ts";
import type { ScriptEvents } from "../script/run-script.ts";
import type { Outcome } from "../script/script-outcome.ts";
import type { ScriptSettings } from "../script/script-settings.ts";

/** One stop of a request on its way. */
export interface Step {
  readonly decision: Decision;
  readonly settings: ScriptSettings;
  /** As the routes left it: rewrites may have changed the path. */
  readonly visit: Visit;
  /** What the configuration says beyond that; absent in a gateway of one site, which has no more to say. */
  readonly rules?: StepRules | undefined;
}

export interface StepRules {
  readonly location: ResolvedLocation;
  readonly variables: Variables;
  /** Runs the script behind the location's cache; absent where there is none. */
  readonly script?: ((step: Step, events: ScriptEvents) => Outcome | Promise<Outcome>) | undefined;
  /** The settings for another application than the location's: an authorizer, a filter. */
  application(name: string): ScriptSettings;
}

/** From requests to steps. */
export interface Routes {
  /**
   * @param from the step before, when a script or an error sent the request here
   * @param named the location that was named, `@` included
   */
  next(visit: Visit, from: Step | undefined, named: string | undefined): Step | Promise<Step>;
}

/** What an authorizer or a filter is told to run: its own script, or what is asked for, as if it were one. */
export function scriptOf({ decision, settings, visit, rules }: Step, role: ResolvedRole): ScriptPath {
  const own = rules === undefined ? undefined : role.script?.(rules.variables);
  if (decision.type === "script") {
    return own === undefined ? decision.script : { ...decision.script, scriptFilename: own };
  }
  const { documentRoot } = settings;
  const root = documentRoot.endsWith("/") ? documentRoot.slice(0, -1) : documentRoot;
  return { scriptName: visit.path, pathInfo: "", scriptFilename: own ?? root + visit.path };
}
