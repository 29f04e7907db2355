// One request to a script: its params and body out, its output in, and everything that may end it before its time.

import type { NameValue, ScriptPath } from "../../cgi/index.ts";
import type { Body, ExchangeRequest } from "../../transport/exchange.ts";
import { GatewayError } from "../errors.ts";
import { type BodySource, type PreparedBody, prepareBody } from "../request/request-body.ts";
import type { Visit } from "../request/visit.ts";
import type { Attempt, Patience } from "../upstream/observer.ts";
import type { Outcome } from "./script-outcome.ts";
import { ScriptOutput } from "./script-output.ts";
import { scriptParams } from "./script-params.ts";
import type { ScriptSettings } from "./script-settings.ts";
import { Watchdog } from "./watchdog.ts";
import { WatchedSink, watched } from "./watched.ts";

/** What is told of a script beside its outcome. */
export interface ScriptEvents {
  /** A line of STDERR. */
  stderr(line: string): void;
  /** The visitor sees a broken transfer after a head with this status. */
  broken(error: unknown, status: number): void;
  /** A request goes to an application. The result is told of that exchange. Absent where nobody wants to know. */
  begun?(settings: ScriptSettings, role: ScriptRole["role"], script: ScriptPath): ExchangeEvents | undefined;
}

/** What is told of one exchange. */
export interface ExchangeEvents {
  /** Params that stand above all others: the trace. */
  readonly params: readonly NameValue[];
  /** A connection to the application is there. */
  connected(): void;
  /** The header block is whole. */
  head(status: number): void;
  /** One server was tried; where the exchange can tell. */
  attempt(attempt: Attempt): void;
  /** The exchange is over, with `error` if it failed. */
  ended(bytes: number, error: unknown): void;
}

/** What differs from the usual request to a responder. */
export interface ScriptRole {
  readonly role: "responder" | "authorizer" | "filter";
  /** Params that stand above all others. */
  readonly params?: readonly NameValue[];
  /** Names of params that are not sent. */
  readonly without?: ReadonlySet<string>;
  /** The file's content, for a filter. */
  readonly data?: Body;
  /** The visitor's leaving does not end it: the answer is for others too. */
  readonly shared?: boolean;
}

const RESPONDER: ScriptRole = { role: "responder" };

/**
 * Runs a script and waits until the visitor can be answered. The exchange may go on after that.
 * @throws what fails before; `GatewayError`, `ExchangeError`, `CgiError`
 */
export async function runScript(
  settings: ScriptSettings,
  visit: Visit,
  script: ScriptPath,
  events: ScriptEvents,
  role: ScriptRole = RESPONDER,
): Promise<Outcome> {
  const { limits, timeouts } = settings;
  const abort = new AbortController();
  const source = visit.hasBody && settings.passRequestBody ? bodySource(visit) : undefined;
  const body = source === undefined ? undefined : await bodyOf(settings, visit, source, abort);
  const watched = events.begun?.(settings, role.role, script);
  let params: NameValue[];
  try {
    const more = watched === undefined ? role.params : [...(role.params ?? []), ...watched.params];
    params = scriptParams(settings, visit, script, body?.length, more);
    if (role.without !== undefined) params = params.filter(([name]) => role.without?.has(name) !== true);
  } catch (error) {
    watched?.ended(0, error);
    await body?.discard();
    throw error;
  }
  const output = new ScriptOutput({
    method: visit.method,
    maxHeaderBytes: limits.maxResponseHeaders,
    bufferBytes: limits.responseBuffer,
    holdBack: timeouts.holdBack,
    buffering: settings.buffering,
    spool: limits.responseSpool > 0 ? settings.spool : undefined,
    spoolAfter: timeouts.spoolAfter,
    spoolBytes: limits.responseSpool,
    policy: settings.policy,
    intercepted: role.role === "authorizer" ? undefined : settings.intercepted,
    catchStderr: settings.catchStderr,
    stderr: (line) => events.stderr(line),
    head: watched?.head,
    abandon: (reason) => {
      if (settings.ignoreClientAbort && !isFailure(reason)) return;
      abort.abort(reason);
      output.fail(abort.signal.reason);
    },
    broken: (error, status) => {
      if (!visit.request.signal.aborted) events.broken(error, status);
    },
  });
  // Not awaited: the exchange outlives this call, and `runExchange` sees to all of its ends.
  void runExchange(settings, visit, abort, requestOf(role, params), body, output, watched, role.shared === true);
  return output.outcome;
}

/** The request's body, if it has or announces one. */
function bodySource({ request, info }: Visit): BodySource | undefined {
  const { method, headers } = request;
  const body = info.body?.() ?? request.body;
  // A `Request` with these methods has no body that anybody could read, whatever its headers say.
  if (body === null && (method === "GET" || method === "HEAD")) return undefined;
  return { method, headers, body };
}

function bodyOf(
  settings: ScriptSettings,
  { info }: Visit,
  source: BodySource,
  abort: AbortController,
): Promise<PreparedBody> {
  const { limits } = settings;
  return prepareBody(
    source,
    {
      maxBody: limits.maxBody,
      maxBodyInMemory: limits.maxBodyInMemory,
      bodyTimeout: settings.timeouts.body,
      spool: settings.spool,
      buffering: settings.requestBuffering,
    },
    () => info.beginBody?.(),
    (error) => abort.abort(error),
  );
}

function requestOf({ role, data }: ScriptRole, params: NameValue[]): ExchangeRequest {
  return data === undefined ? { role, params } : { role, params, data };
}

/** One exchange from beginning to end. Never rejects: whatever happens is told to `output`. */
async function runExchange(
  settings: ScriptSettings,
  visit: Visit,
  abort: AbortController,
  request: ExchangeRequest,
  body: PreparedBody | undefined,
  output: ScriptOutput,
  events: ExchangeEvents | undefined,
  shared: boolean,
): Promise<void> {
  const limit = settings.timeouts.read;
  // The visitor's answer does not wait until the application has noticed.
  const giveUp = (reason: unknown) => {
    abort.abort(reason);
    output.fail(abort.signal.reason);
  };
  const patience: Patience = { renew: () => watchdog.touch() };
  const watchdog = new Watchdog(limit, () => {
    const error = new GatewayError("GATEWAY_TIMEOUT", 504, `the application was silent for ${limit} ms`);
    if (patience.giveUp?.(error) === true) return true;
    giveUp(error);
    return false;
  });
  const forgetClient = settings.ignoreClientAbort || shared ? undefined : heedClient(visit, giveUp);
  // Whoever sees to the body aborts too.
  if (body !== undefined) abort.signal.addEventListener("abort", () => output.fail(abort.signal.reason));
  try {
    abort.signal.throwIfAborted();
    const stdin = body?.stdin;
    const whole =
      stdin === undefined
        ? request
        : { ...request, stdin: stdin instanceof Uint8Array ? stdin : watched(stdin, watchdog) };
    const sink = new WatchedSink(output, watchdog, events);
    const { exchange } = settings;
    const end = await exchange(whole, sink, abort.signal, events?.attempt, patience);
    sink.ended(end);
  } catch (error) {
    // What aborted the exchange is the cause; what it rejects with is the consequence.
    const cause: unknown = abort.signal.aborted ? abort.signal.reason : error;
    output.fail(cause);
    events?.ended(output.length, cause);
  } finally {
    watchdog.stop();
    forgetClient?.();
    if (body !== undefined) await body.discard().catch((error: unknown) => output.fail(error));
  }
}

/** Calls back when the visitor leaves, or has left. @returns what ends that */
function heedClient({ request, info }: Visit, gone: (reason: unknown) => void): () => void {
  if (info.whenGone !== undefined) return info.whenGone(gone);
  const { signal } = request;
  const aborted = () => gone(signal.reason);
  if (signal.aborted) aborted();
  else signal.addEventListener("abort", aborted);
  return () => signal.removeEventListener("abort", aborted);
}

/** Whether an exchange is given up because something broke, not because the visitor left. */
function isFailure(reason: unknown): boolean {
  const code = (reason as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^(?:GATEWAY|CGI|EXCHANGE)_/.test(code);
}
