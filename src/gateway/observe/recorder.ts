// What is noted of one request while it is served, for the access log, traces and Server-Timing.

import type { NameValue, ScriptPath } from "../../cgi/index.ts";
import type { AnswerEvents } from "../answer/answer.ts";
import type { Reply } from "../answer/reply.ts";
import type { Step } from "../answer/step.ts";
import type { RequestName } from "../options.ts";
import { schemeOf, type Visit } from "../request/visit.ts";
import type { GatewayResources } from "../resources.ts";
import type { ExchangeEvents, ScriptRole } from "../script/run-script.ts";
import type { ScriptSettings } from "../script/script-settings.ts";
import type { AccessEntry, CacheStatus, UpstreamAttempt } from "./entry.ts";
import { serverTiming } from "./server-timing.ts";
import { traceparent } from "./trace-context.ts";
import type { ExchangeTrace, RequestTrace } from "./tracing.ts";

/** The events of one request. Of its exchanges only when somebody wants to know. */
export class Recorder implements AnswerEvents {
  readonly attempts: UpstreamAttempt[] = [];
  cacheStatus: CacheStatus | undefined;
  readonly #resources: GatewayResources;
  readonly #name: RequestName;
  readonly #started = performance.now();
  readonly #trace: RequestTrace | undefined;
  readonly #observes: boolean;
  #error: string | undefined;
  #script: ScriptPath | undefined;

  constructor(resources: GatewayResources, visit: Visit, observes: boolean) {
    this.#resources = resources;
    this.#name = { method: visit.request.method, target: visit.requestUri };
    this.#trace = resources.tracing?.begin({
      method: visit.request.method,
      target: visit.requestUri,
      headers: visit.headers,
      scheme: schemeOf(visit),
      protocol: visit.info.protocol,
      host: visit.variables?.("host"),
      port: visit.client?.port ?? visit.info.serverPort,
      clientAddress: visit.client?.remoteAddress ?? visit.info.remoteAddress,
      peerAddress: visit.info.remoteAddress,
      peerPort: visit.info.remotePort,
    });
    this.#observes = observes || this.#trace !== undefined;
  }

  stderr(line: string): void {
    this.#resources.onStderr?.(line, this.#name);
  }

  broken(error: unknown, status: number): void {
    this.#error = codeOf(error);
    this.#resources.onError?.(error, this.#name, status, true);
  }

  failed(error: unknown, status: number): void {
    this.#error = codeOf(error);
    this.#resources.onError?.(error, this.#name, status, false);
  }

  begun({ application }: ScriptSettings, role: ScriptRole["role"], script: ScriptPath): ExchangeEvents | undefined {
    return this.#observes ? this.#begin(application, role, script) : undefined;
  }

  /** Server-Timing, as far as things are known when the head is sent. */
  timing(): string | undefined {
    const { attempts, cacheStatus } = this;
    const spent = attempts.reduce((sum, { headerTime, responseTime }) => sum + (headerTime ?? responseTime ?? 0), 0);
    return serverTiming({
      cacheStatus,
      connectTime: attempts.at(-1)?.connectTime,
      upstreamTime: attempts.length > 0 ? spent : undefined,
      attempts: attempts.length,
      totalTime: performance.now() - this.#started,
    });
  }

  #begin(application: string, role: ScriptRole["role"], script: ScriptPath): ExchangeEvents {
    this.#script = script;
    const trace = this.#trace?.exchange({ address: application, role, scriptName: script.scriptName });
    const started = performance.now();
    const { attempts } = this;
    const at = attempts.length;
    // The exchange as one attempt, for those that tell nothing of theirs.
    const whole: { -readonly [K in keyof UpstreamAttempt]: UpstreamAttempt[K] } = { address: application };
    if (at > 0) whole.redirected = true;
    attempts.push(whole);
    let told = 0;
    return {
      params: traceParams(trace),
      connected: () => {
        whole.connectTime = performance.now() - started;
      },
      head: (status) => {
        whole.status = status;
        whole.headerTime = performance.now() - started;
      },
      attempt: (attempt) => {
        attempts.splice(
          at + told,
          told === 0 ? 1 : 0,
          told === 0 && at > 0 ? { ...attempt, redirected: true } : attempt,
        );
        told++;
      },
      ended: (bytes, error) => {
        whole.responseTime = performance.now() - started;
        whole.responseLength = bytes;
        whole.error = error === undefined ? undefined : codeOf(error);
        trace?.end({ status: whole.status, error: whole.error });
      },
    };
  }

  /** The request is over. */
  end(
    visit: Visit,
    step: Step | undefined,
    reply: Pick<Reply, "status" | "headers">,
    sent: number,
    aborted: boolean,
  ): void {
    const location = step?.rules?.location;
    this.#trace?.end({ status: reply.status, location: location?.id, error: this.#error });
    const { onAccess, now = Date.now } = this.#resources;
    if (onAccess === undefined) return;
    const { info, client, request } = visit;
    const variables = step?.rules?.variables ?? visit.variables;
    const entry: AccessEntry = {
      time: now(),
      requestTime: performance.now() - this.#started,
      remoteAddress: client === undefined ? info.remoteAddress : client.remoteAddress,
      remotePort: client === undefined ? info.remotePort : client.remotePort,
      remoteUser: step?.visit.granted?.find(([name]) => name === "REMOTE_USER")?.[1] ?? variables?.("remote_user"),
      serverAddress: info.serverAddress,
      serverPort: info.serverPort,
      serverName: step?.settings.serverName ?? variables?.("server_name"),
      scheme: schemeOf(visit),
      method: request.method,
      target: visit.requestUri,
      uri: step?.visit.path,
      protocol: info.protocol ?? "HTTP/1.1",
      host: variables?.("host"),
      requestHeaders: visit.headers,
      responseHeaders: reply.headers,
      status: reply.status,
      bodyBytesSent: sent,
      upstream: this.attempts,
      cacheStatus: this.cacheStatus,
      requestId: variables?.("request_id"),
      traceId: this.#trace?.context?.traceId,
      scriptName: this.#script?.scriptName,
      pathInfo: this.#script?.pathInfo,
      scriptFilename: this.#script?.scriptFilename,
      documentRoot: step?.settings.documentRoot,
      location: location?.id,
      aborted,
      error: this.#error,
    };
    onAccess(entry, location?.accessLog ?? true);
  }
}

function traceParams(trace: ExchangeTrace | undefined): NameValue[] {
  const context = trace?.context;
  if (context === undefined) return [];
  // An empty state too: the visitor's belongs to the visitor's traceparent.
  return [
    ["HTTP_TRACEPARENT", traceparent(context)],
    ["HTTP_TRACESTATE", context.state],
  ];
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "UNKNOWN";
}
