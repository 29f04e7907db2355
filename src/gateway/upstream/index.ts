// Several servers as one exchange: balance, health, and the next server when one fails.

export {
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
export type {
  Balance,
  HashKey,
  NextCondition,
  NextUpstreamOptions,
  QueueOptions,
  UpstreamOptions,
  UpstreamServer,
} from "./options.ts";
export type { ServerState, ServerStatus } from "./server.ts";
export { createUpstream, type Upstream, type UpstreamStatus } from "./upstream.ts";
