// A request from its first step to its answer: internal redirects, files in a script's place, pages for errors.

import { GatewayError } from "../errors.ts";
import type { Visit } from "../request/visit.ts";
import { carryOver } from "../script/response-head.ts";
import type { ScriptEvents } from "../script/run-script.ts";
import type { Outcome } from "../script/script-outcome.ts";
import { sendableFile } from "../script/send-file.ts";
import { fileReply } from "../static/static-files.ts";
import { act } from "./act.ts";
import { type ErrorTurn, errorTurn } from "./error-page.ts";
import { failureReply, failureStatus } from "./failures.ts";
import { checkJumps, type Jump, scriptJump } from "./jump.ts";
import type { Reply } from "./reply.ts";
import type { Routes, Step } from "./step.ts";

export interface AnswerEvents extends ScriptEvents {
  /** The request, or a script for it, failed; the visitor gets this status, or the page for it. */
  failed(error: unknown, status: number): void;
}

export interface Answer {
  readonly reply: Reply;
  /** The last step; what it says of headers and compression holds for the answer. */
  readonly step: Step | undefined;
}

/** An error whose page is being made. */
interface PageState {
  readonly error: number;
  /** What the visitor sees; absent: what the page says. */
  readonly status: number | undefined;
}

/**
 * Answers one request. Rejects when the visitor has left, and never else.
 * @param debug tells causes in a header
 */
export async function answerVisit(routes: Routes, first: Visit, events: AnswerEvents, debug: boolean): Promise<Answer> {
  let jump: Jump = { visit: first, named: undefined };
  let step: Step | undefined;
  let page: PageState | undefined;
  let carried: readonly [string, string][] = [];
  let bodyTaken = false;
  for (let jumps = 0; ; jumps++) {
    let reply: Reply;
    try {
      const { method } = jump.visit;
      if (method === "TRACE" || method === "CONNECT") {
        throw new GatewayError("GATEWAY_METHOD", 405, `${method} is not for an application`);
      }
      const next = routes.next(jump.visit, step, jump.named);
      step = next instanceof Promise ? await next : next;
      bodyTaken ||= jump.visit.hasBody && takesBody(step);
      const acted = act(step, events, page !== undefined);
      const outcome = acted instanceof Promise ? await acted : acted;
      if (outcome.type === "redirect") {
        checkJumps(jumps, outcome.target);
        jump = scriptJump(step, outcome);
        carried = outcome.carried;
        continue;
      }
      const turn = outcome.type === "intercepted" && page === undefined ? turnOf(step, outcome, bodyTaken) : undefined;
      if (turn?.type === "jump") {
        page = { error: outcome.type === "intercepted" ? outcome.status : 500, status: turn.status };
        carried = outcome.type === "intercepted" ? outcome.headers : [];
        jump = turn.jump;
        continue;
      }
      reply = outcome.type === "reply" ? outcome.reply : (turn?.reply ?? (await replyOf(step, outcome)));
    } catch (error) {
      if (first.request.signal.aborted) throw error;
      const status = failureStatus(error);
      events.failed(error, status);
      const turn = page === undefined ? errorTurn(step, status, bodyTaken) : undefined;
      if (turn?.type === "jump") {
        page = { error: status, status: turn.status };
        carried = [];
        jump = turn.jump;
        continue;
      }
      // A page that fails does not hide the error that it was for.
      reply = turn?.reply ?? failureReply(page?.error ?? status, first.method, debug ? error : undefined);
      page = undefined;
    }
    if (page?.status !== undefined && page.status !== reply.status) {
      reply.status = page.status;
      delete reply.statusText;
    }
    if (carried.length > 0) reply.headers = carryOver(carried, reply.headers);
    return { reply, step };
  }
}

/** Whether an application reads the request's body. */
function takesBody({ decision, rules }: Step): boolean {
  return decision.type === "script" || (decision.type === "file" && rules?.location.filter !== undefined);
}

function turnOf(step: Step, outcome: Outcome & { type: "intercepted" }, bodyTaken: boolean): ErrorTurn | undefined {
  return errorTurn(step, outcome.status, bodyTaken);
}

async function replyOf(step: Step, outcome: Outcome & { type: "file" | "intercepted" }): Promise<Reply> {
  if (outcome.type === "intercepted") return failureReply(outcome.status, step.visit.method);
  const file = await sendableFile(outcome.name, step.settings.sendFolders);
  const { method, request } = step.visit;
  const reply = await fileReply(
    { method: method === "HEAD" ? "HEAD" : "GET", headers: request.headers },
    outcome.name,
    file,
  );
  // All that the script says, but its length and its validators: the bytes are the file's.
  const own = outcome.reply.headers.filter(
    ([name]) => !/^(?:etag|last-modified|accept-ranges|content-range)$/i.test(name),
  );
  reply.headers = carryOver(own, reply.headers);
  return reply;
}
