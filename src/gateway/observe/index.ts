// What is seen of requests: the access log, traces, metrics, Server-Timing. Pure: the gateway says when, others say where to.

export { type AccessEntry, type CacheStatus, refusedEntry, type UpstreamAttempt } from "./entry.ts";
export type { LogEscape } from "./escape.ts";
export { type LogFormat, LogFormatError, logFormat } from "./log-format.ts";
export { GatewayMetrics, type MetricsOptions, type UpstreamServerState, type UpstreamState } from "./metrics.ts";
export { OPENMETRICS_TYPE } from "./openmetrics.ts";
export type { Span, Tracer } from "./otel-api.ts";
export { type ServerTimings, serverTiming } from "./server-timing.ts";
export {
  hexId,
  parseTraceparent,
  parseTracestate,
  startTrace,
  type TraceContext,
  traceOf,
  traceparent,
  withTrace,
} from "./trace-context.ts";
export {
  createTracing,
  type ExchangeTrace,
  type RequestTrace,
  type TracedEnd,
  type TracedExchange,
  type TracedRequest,
  type Tracing,
  type TracingOptions,
} from "./tracing.ts";
