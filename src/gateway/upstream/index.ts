// Several servers as one exchange: balance, health, and the next server when one fails.

export {
  DEFAULT_HEALTH_CHECK,
  type HealthCheck,
  type HealthCheckOptions,
  type PingOptions,
  pingCheck,
} from "./health-check.ts";
export type {
  Attempt,
  AttemptObserver,
  AttemptOutcome,
} from "./observer.ts";
export type { Balance, HashKey, NextCondition, NextUpstreamOptions } from "./options.ts";
export {
  DEFAULT_NEXT,
  DEFAULT_QUEUE,
  NEXT_CONDITIONS,
  type QueueOptions,
  type UpstreamOptions,
  type UpstreamServer,
  upstreamProblems,
} from "./options.ts";
export type { ServerState, ServerStatus } from "./server.ts";
export { createUpstream, type Upstream, type UpstreamStatus } from "./upstream.ts";
