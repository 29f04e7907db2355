// An application in the role of an authorizer (FastCGI 1.0, section 6.3): it is asked before a request is served.

import type { NameValue } from "../../cgi/index.ts";
import type { ResolvedRole } from "../config/resolved.ts";
import type { Visit } from "../request/visit.ts";
import { templateParams } from "../script/location-settings.ts";
import { runScript, type ScriptEvents } from "../script/run-script.ts";
import type { Outcome } from "../script/script-outcome.ts";
import { type Step, scriptOf } from "./step.ts";

/** The request may go on, with the params that the authorizer granted; or the authorizer's answer is the answer. */
export type Authorized =
  | { readonly type: "granted"; readonly visit: Visit }
  | { readonly type: "denied"; readonly outcome: Outcome };

/** An authorizer is told of the request, not of the script: section 6.3 names these. */
const NOT_SENT: ReadonlySet<string> = new Set(["CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"]);

const PREFIX = "variable-";

/**
 * Asks an authorizer, once a request. Status 200 lets the request go on; its `Variable-*` headers become params, without
 * that prefix. Anything else, and any failure, does not.
 */
export async function authorize(step: Step, role: ResolvedRole, events: ScriptEvents): Promise<Authorized> {
  const { visit, rules } = step;
  if (visit.authorizers?.includes(role.id) === true) return { type: "granted", visit };
  const settings = rules?.application(role.pass) ?? step.settings;
  const asked = { ...visit, hasBody: false };
  const params = rules === undefined ? [] : templateParams(role.params, rules.variables);
  const outcome = await runScript(settings, asked, scriptOf(step, role), events, {
    role: "authorizer",
    params,
    without: NOT_SENT,
  });
  if (outcome.type !== "reply" || outcome.reply.status !== 200) return { type: "denied", outcome };

  const { headers, body } = outcome.reply;
  if (body instanceof ReadableStream) await body.cancel();
  const granted: NameValue[] = [...(visit.granted ?? [])];
  for (const [header, value] of headers) {
    if (header.toLowerCase().startsWith(PREFIX)) granted.push([variableName(header), value]);
  }
  return { type: "granted", visit: { ...visit, granted, authorizers: [...(visit.authorizers ?? []), role.id] } };
}

/** Params are in capitals; a name all in small letters went through something that makes every header's so, as fetch does. */
function variableName(header: string): string {
  const name = header.slice(PREFIX.length);
  return header === header.toLowerCase() ? name.toUpperCase() : name;
}
