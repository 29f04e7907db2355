// Spans of a request and of its exchanges with applications, by OpenTelemetry's conventions for HTTP servers
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). Without a tracer a trace is still read and passed on.

import type { NameValue } from "../../cgi/index.ts";
import { textOf } from "./escape.ts";
import {
  type Attributes,
  contextWith,
  registeredTracer,
  type Span,
  SpanKind,
  StatusCode,
  type Tracer,
} from "./otel-api.ts";
import { type Random, startTrace, type TraceContext, traceOf } from "./trace-context.ts";

/** Which traces are begun, and who records them. */
export interface TracingOptions {
  /** The tracer to use. Default: that of the provider registered with `@opentelemetry/api`, if the program has one. */
  readonly tracer?: Tracer;
  /**
   * What to do with a request that belongs to no trace while there is no tracer: begin one that the application is told to
   * record (`sampled`, default) or not to record, or leave it without.
   */
  readonly start?: "sampled" | "unsampled" | "never";
  /** Default `crypto.getRandomValues`. */
  readonly random?: Random;
}

/** What is known of a request when it begins. Byte strings. */
export interface TracedRequest {
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  readonly headers: Iterable<NameValue>;
  readonly scheme: "http" | "https";
  /** `HTTP/1.1`. */
  readonly protocol?: string | undefined;
  /** The host that was meant, without a port, and the port. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** The visitor, as far as proxies are believed, and the peer of the connection. */
  readonly clientAddress?: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
}

/** What is known of it when it is over. */
export interface TracedEnd {
  readonly status: number;
  /** The location that answered, as the configuration calls it: `http.route`, and part of the span's name. */
  readonly location?: string | undefined;
  /** Stable code of what went wrong. */
  readonly error?: string | undefined;
}

/** One exchange with an application. */
export interface TracedExchange {
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  readonly role: "responder" | "authorizer" | "filter";
  readonly scriptName?: string | undefined;
}

/** A span that waits for its end. */
export interface ExchangeTrace {
  /** For `withTrace`: what the application is told; `undefined` when there is no trace. */
  readonly context: TraceContext | undefined;
  /** Safe to call twice. */
  end(outcome: { readonly status?: number | undefined; readonly error?: string | undefined }): void;
}

/** A request under way. */
export interface RequestTrace {
  /** For the log; `undefined` when there is no trace. */
  readonly context: TraceContext | undefined;
  exchange(exchange: TracedExchange): ExchangeTrace;
  /** Safe to call twice. */
  end(end: TracedEnd): void;
}

/** Traces of requests, in the format of W3C Trace Context. */
export interface Tracing {
  /** Begins the trace of a request, or goes on with the one that its headers name. */
  begin(request: TracedRequest): RequestTrace;
}

/** Makes what begins the traces of requests. A provider may be registered later. */
export function createTracing(options: TracingOptions = {}): Tracing {
  const { start = "sampled", random = (bytes) => crypto.getRandomValues(bytes) } = options;
  return {
    begin(request) {
      const incoming = traceOf(request.headers);
      const tracer = options.tracer ?? registeredTracer();
      if (tracer !== undefined) return beginSpans(tracer, request, incoming);
      const context = incoming ?? (start === "never" ? undefined : startTrace(random, start === "sampled"));
      // Nobody records a span here: the application is the child of whoever asked us.
      return { context, exchange: () => ({ context, end() {} }), end() {} };
    },
  };
}

function beginSpans(tracer: Tracer, request: TracedRequest, incoming: TraceContext | undefined): RequestTrace {
  const method = knownMethod(request.method);
  const parent = incoming === undefined ? undefined : contextWith({ spanContext: () => remote(incoming) });
  const options = { kind: SpanKind.SERVER, attributes: requestAttributes(request) };
  const span =
    parent === undefined
      ? tracer.startSpan(method, { ...options, root: true }, undefined)
      : tracer.startSpan(method, options, parent);
  let ended = false;
  return {
    context: contextOf(span, incoming),
    exchange: (exchange) => beginExchange(tracer, span, incoming, exchange),
    end({ status, location, error }) {
      if (ended) return;
      ended = true;
      span.setAttribute("http.response.status_code", status);
      if (location !== undefined) {
        span.setAttribute("http.route", location);
        span.updateName(`${method} ${location}`);
      }
      // A visitor's mistake is no failure of the server (status below 500).
      if (status >= 500 || error !== undefined) span.setAttribute("error.type", error ?? String(status));
      if (status >= 500) span.setStatus({ code: StatusCode.ERROR });
      span.end();
    },
  };
}

function beginExchange(
  tracer: Tracer,
  parent: Span,
  incoming: TraceContext | undefined,
  exchange: TracedExchange,
): ExchangeTrace {
  const attributes: Attributes = { "network.protocol.name": "fastcgi", "fastcgi.role": exchange.role };
  Object.assign(attributes, serverOf(exchange.address));
  if (exchange.scriptName !== undefined) attributes["fastcgi.script_name"] = textOf(exchange.scriptName);
  const span = tracer.startSpan(`FastCGI ${exchange.role}`, { kind: SpanKind.CLIENT, attributes }, contextWith(parent));
  let ended = false;
  return {
    context: contextOf(span, incoming),
    end({ status, error }) {
      if (ended) return;
      ended = true;
      if (status !== undefined) span.setAttribute("http.response.status_code", status);
      if (error !== undefined) {
        span.setAttribute("error.type", error);
        span.setStatus({ code: StatusCode.ERROR });
      }
      span.end();
    },
  };
}

/** Address of a server as attributes: a host and a port, or a path. */
function serverOf(address: string): Attributes {
  if (address.startsWith("unix:")) return { "server.address": address.slice(5), "network.transport": "unix" };
  const match = /^(?:tcp:\/\/)?\[?(.*?)\]?:([0-9]+)$/.exec(address);
  if (match === null) return { "server.address": address };
  return { "server.address": match[1] ?? "", "server.port": Number(match[2]), "network.transport": "tcp" };
}

function requestAttributes(request: TracedRequest): Attributes {
  const question = request.target.indexOf("?");
  const path = question === -1 ? request.target : request.target.slice(0, question);
  const method = knownMethod(request.method);
  const attributes: Attributes = {
    "http.request.method": method === "HTTP" ? "_OTHER" : method,
    "url.path": textOf(path),
    "url.scheme": request.scheme,
  };
  const set = (name: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "") attributes[name] = typeof value === "string" ? textOf(value) : value;
  };
  if (method === "HTTP") set("http.request.method_original", request.method);
  if (question !== -1) set("url.query", redacted(request.target.slice(question + 1)));
  set("network.protocol.version", request.protocol?.replace(/^HTTP\//, ""));
  set("server.address", request.host);
  set("server.port", request.port);
  set("client.address", request.clientAddress);
  set("network.peer.address", request.peerAddress);
  set("network.peer.port", request.peerPort);
  for (const [name, value] of request.headers) {
    if (name.length === 10 && name.toLowerCase() === "user-agent") set("user_agent.original", value.slice(0, 1024));
  }
  return attributes;
}

/** Arguments that the conventions count as secret: they sign URLs. */
const SECRET_ARGUMENTS = /(^|&)(AWSAccessKeyId|Signature|sig|X-Goog-Signature|X-Amz-Signature)=[^&]*/g;

function redacted(query: string): string {
  return query.replace(SECRET_ARGUMENTS, "$1$2=REDACTED");
}

const METHODS = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"]);

/** A method as it may stand in a span's name: names must be few, and visitors invent methods. */
function knownMethod(method: string): string {
  return METHODS.has(method) ? method : "HTTP";
}

function remote(context: TraceContext) {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    traceFlags: context.flags & 1,
    isRemote: true,
    traceState: stateOf(context.state),
  };
}

/** The API's TraceState over a list that is only passed on. */
function stateOf(state: string) {
  const members = state === "" ? [] : state.split(",");
  return {
    serialize: () => members.join(","),
    get: (key: string) => members.find((member) => member.startsWith(`${key}=`))?.slice(key.length + 1),
    set: (key: string, value: string) =>
      stateOf([`${key}=${value}`, ...members.filter((member) => !member.startsWith(`${key}=`))].join(",")),
    unset: (key: string) => stateOf(members.filter((member) => !member.startsWith(`${key}=`)).join(",")),
  };
}

/** What the next one is told: the span, as its tracer made it. A tracer that records nothing gives the parent's or no id. */
function contextOf(span: Span, incoming: TraceContext | undefined): TraceContext | undefined {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return incoming;
  const random = incoming?.traceId === traceId ? incoming.flags & 2 : 0;
  return { traceId, spanId, flags: (traceFlags & 1) | random, state: traceState?.serialize() ?? incoming?.state ?? "" };
}
