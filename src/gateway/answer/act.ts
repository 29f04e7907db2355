// One step of a request: a script is run, a file is read, or the configuration's own answer is made.

import type { NameValue } from "../../cgi/index.ts";
import type { ResolvedRole } from "../config/resolved.ts";
import { GatewayError, type GatewayErrorCode } from "../errors.ts";
import type { FileEntry } from "../files.ts";
import type { Visit } from "../request/visit.ts";
import type { Decision } from "../routing/decision.ts";
import { templateParams } from "../script/location-settings.ts";
import { runScript, type ScriptEvents } from "../script/run-script.ts";
import type { Outcome } from "../script/script-outcome.ts";
import { fileReply } from "../static/static-files.ts";
import { authorize } from "./authorizer.ts";
import { type Step, scriptOf } from "./step.ts";

/**
 * @param isPage the step makes the page of an error: it is sent whole, to whoever asked
 * @throws whatever fails: `GatewayError`, `ExchangeError`, `CgiError`
 */
export function act(step: Step, events: ScriptEvents, isPage: boolean): Outcome | Promise<Outcome> {
  const authorizer = step.rules?.location.authorizer;
  if (authorizer === undefined || isPage || step.decision.type === "deny") return perform(step, events, isPage);
  return authorized(step, authorizer, events);
}

async function authorized(step: Step, authorizer: ResolvedRole, events: ScriptEvents): Promise<Outcome> {
  const granted = await authorize(step, authorizer, events);
  return granted.type === "denied" ? granted.outcome : perform({ ...step, visit: granted.visit }, events, false);
}

// Not `async`: a script has a promise already, and a page in the cache needs none.
function perform(step: Step, events: ScriptEvents, isPage: boolean): Outcome | Promise<Outcome> {
  const { decision, visit, settings } = step;
  switch (decision.type) {
    case "script":
      return step.rules?.script?.(step, events) ?? runScript(settings, visit, decision.script, events);
    case "file": {
      const filter = step.rules?.location.filter;
      if (filter !== undefined) return filtered(step, decision.file, filter, events);
      return file(visit, decision.path, decision.file, isPage);
    }
    case "redirect":
    case "answer":
      return { type: "reply", reply: ownReply(decision, visit.method) };
    case "deny":
      throw new GatewayError(denied(decision.status), decision.status, decision.reason);
  }
}

async function file(visit: Visit, path: string, entry: FileEntry, isPage: boolean): Promise<Outcome> {
  const asked = { method: visit.method, headers: visit.request.headers };
  return { type: "reply", reply: await fileReply(asked, path, entry, isPage) };
}

function ownReply(decision: Decision & { readonly type: "redirect" | "answer" }, method: string) {
  const body = Uint8Array.from(decision.body ?? "", (char) => char.charCodeAt(0));
  const headers: [string, string][] = [];
  if (decision.type === "redirect") headers.push(["Location", decision.location]);
  if (body.length > 0) headers.push(["Content-Type", decision.contentType ?? "text/plain; charset=utf-8"]);
  const bodyless = decision.status === 204 || decision.status === 304;
  if (!bodyless) headers.push(["Content-Length", String(body.length)]);
  return { status: decision.status, headers, body: body.length === 0 || bodyless || method === "HEAD" ? null : body };
}

function denied(status: number): GatewayErrorCode {
  return status === 403 ? "GATEWAY_FORBIDDEN" : status === 404 ? "GATEWAY_NOT_FOUND" : "GATEWAY_DENIED";
}

/** A file through an application in the role of a filter (FastCGI 1.0, section 6.4). */
async function filtered(step: Step, file: FileEntry, role: ResolvedRole, events: ScriptEvents): Promise<Outcome> {
  const settings = step.rules?.application(role.pass) ?? step.settings;
  const data = await file.read(0, file.size);
  const own = step.rules === undefined ? [] : templateParams(role.params, step.rules.variables);
  const params: NameValue[] = [
    ...own,
    ["FCGI_DATA_LAST_MOD", String(Math.floor(file.modified / 1000))],
    ["FCGI_DATA_LENGTH", String(file.size)],
  ];
  const body = data instanceof Uint8Array ? data : (data as unknown as AsyncIterable<Uint8Array>);
  return runScript(settings, step.visit, scriptOf(step, role), events, { role: "filter", params, data: body });
}
