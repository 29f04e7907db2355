// What the gateway counts. Labels are names from the configuration and closed lists, never anything that a visitor chose.

import type { CronStatus } from "../../cron/index.ts";
import type { AccessEntry } from "./entry.ts";
import { Counter, counterText, gaugeText, Histogram, stateText } from "./openmetrics.ts";

/** How a server of an upstream is at this moment. */
export interface UpstreamServerState {
  readonly upstream: string;
  /** `unix:/path` or `host:port`. */
  readonly server: string;
  readonly state: UpstreamState;
  /** Connections in use and kept. */
  readonly active?: number;
  readonly idle?: number;
}

/** `failed`: left alone for a while after failures. `unhealthy`: its health checks fail. `down`: by configuration. */
export type UpstreamState = (typeof UPSTREAM_STATES)[number];

const UPSTREAM_STATES = ["up", "failed", "unhealthy", "down"] as const;

/** What the metrics show beyond the requests they have seen, and their bounds. */
export interface MetricsOptions {
  /** Asked when the metrics are read. */
  readonly upstreams?: () => readonly UpstreamServerState[];
  /** Requests waiting for a connection, by upstream. Asked when the metrics are read. */
  readonly waiting?: () => Readonly<Record<string, number>>;
  /** The jobs of the schedule. */
  readonly cron?: () => readonly CronStatus[];
  /** Series of one family at most; what is beyond is counted under `other`. 200. */
  readonly maxSeries?: number;
  /** Upper ends of the buckets of durations, in seconds. From 5 ms to a minute. */
  readonly buckets?: readonly number[];
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts since the start of the gateway. */
export class GatewayMetrics {
  readonly #options: MetricsOptions;
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #received: Counter;
  readonly #sent: Counter;
  readonly #aborted: Counter;
  readonly #refused: Counter;
  readonly #cache: Counter;
  readonly #attempts: Counter;
  readonly #connects: Histogram;
  readonly #headers: Histogram;
  readonly #responses: Histogram;
  #active = 0;

  constructor(options: MetricsOptions = {}) {
    this.#options = options;
    const max = options.maxSeries ?? 200;
    const bounds = options.buckets ?? BUCKETS;
    const counter = (name: string, labels: readonly string[], help: string, unit?: "bytes") =>
      new Counter({ name: `edgefpm_gateway_${name}`, help, ...(unit !== undefined && { unit }) }, labels, max);
    const seconds = (name: string, labels: readonly string[], help: string) =>
      new Histogram({ name: `edgefpm_gateway_${name}_seconds`, help, unit: "seconds" }, labels, max, bounds);

    this.#requests = counter("requests", ["location", "class"], "Requests answered, by class of the status.");
    this.#durations = seconds("request_duration", ["location"], "From a request's first byte to its answer's last.");
    this.#received = counter("received_bytes", ["location"], "Bytes of requests, where the server can tell.", "bytes");
    this.#sent = counter("sent_bytes", ["location"], "Bytes of answers; of their bodies, where it cannot.", "bytes");
    this.#aborted = counter("aborted_requests", ["location"], "Requests whose visitor left before the end.");
    this.#refused = counter("refused_requests", ["status"], "Requests that the HTTP server refused by itself.");
    this.#cache = counter("cache_requests", ["location", "status"], "Requests by what the cache did.");
    this.#attempts = counter("upstream_attempts", ["server", "outcome"], "Exchanges, by class of status or error.");
    this.#connects = seconds("upstream_connect", ["server"], "Until a connection was open; kept ones are 0.");
    this.#headers = seconds("upstream_header", ["server"], "Until a script's headers were there.");
    this.#responses = seconds("upstream_response", ["server"], "Until the end of an exchange.");
  }

  /** A request has begun. `end` or `cancel` must follow. */
  begin(): void {
    this.#active++;
  }

  /** A request is over. */
  end(entry: AccessEntry): void {
    this.#active--;
    const location = entry.location ?? "";
    this.#requests.add(1, location, classOf(entry.status));
    this.#durations.observe(entry.requestTime / 1000, location);
    this.#received.add(entry.requestLength ?? 0, location);
    this.#sent.add(entry.bytesSent ?? entry.bodyBytesSent, location);
    if (entry.aborted === true) this.#aborted.add(1, location);
    if (entry.cacheStatus !== undefined) this.#cache.add(1, location, entry.cacheStatus);
    for (const attempt of entry.upstream) {
      const { address, status, error } = attempt;
      this.#attempts.add(1, address, error ?? (status === undefined ? "none" : classOf(status)));
      if (attempt.connectTime !== undefined) this.#connects.observe(attempt.connectTime / 1000, address);
      if (attempt.headerTime !== undefined) this.#headers.observe(attempt.headerTime / 1000, address);
      if (attempt.responseTime !== undefined) this.#responses.observe(attempt.responseTime / 1000, address);
    }
  }

  /** A request that had begun is not counted after all. */
  cancel(): void {
    this.#active--;
  }

  /** The HTTP server has refused what never became a request. */
  refused(status: number): void {
    this.#refused.add(1, String(status));
  }

  /** Everything, to be sent as `OPENMETRICS_TYPE`. */
  text(): string {
    const servers = this.#options.upstreams?.() ?? [];
    const waiting = Object.entries(this.#options.waiting?.() ?? {});
    const labels = ({ upstream, server }: UpstreamServerState) => ({ upstream, server });
    return [
      this.#requests.text(),
      gaugeText({ name: "edgefpm_gateway_active_requests", help: "Requests under way." }, [{ value: this.#active }]),
      this.#durations.text(),
      this.#received.text(),
      this.#sent.text(),
      this.#aborted.text(),
      this.#refused.text(),
      this.#cache.text(),
      this.#attempts.text(),
      this.#connects.text(),
      this.#headers.text(),
      this.#responses.text(),
      stateText(
        { name: "edgefpm_gateway_upstream_state", help: "How a server of an upstream is." },
        UPSTREAM_STATES,
        servers.map((server) => ({ labels: labels(server), state: server.state })),
      ),
      gaugeText(
        { name: "edgefpm_gateway_upstream_connections", help: "Connections to a server, in use and kept." },
        servers.flatMap((server) => [
          { labels: { ...labels(server), use: "active" }, value: server.active ?? 0 },
          { labels: { ...labels(server), use: "idle" }, value: server.idle ?? 0 },
        ]),
      ),
      gaugeText(
        { name: "edgefpm_gateway_upstream_waiting", help: "Requests waiting for a connection." },
        waiting.map(([upstream, value]) => ({ labels: { upstream }, value })),
      ),
      cronText(this.#options.cron?.()),
      "# EOF\n",
    ].join("");
  }
}

/** The schedule, where there is one. */
function cronText(jobs: readonly CronStatus[] | undefined): string {
  if (jobs === undefined) return "";
  const of = (value: (job: CronStatus) => number) =>
    jobs.map((job) => ({ labels: { job: job.name }, value: value(job) }));
  return [
    counterText(
      { name: "edgefpm_cron_runs", help: "Runs of a job that have ended." },
      of(({ runs }) => runs),
    ),
    counterText(
      { name: "edgefpm_cron_failures", help: "Runs that failed or were ended by their timeout." },
      of(({ failures }) => failures),
    ),
    counterText(
      { name: "edgefpm_cron_skipped", help: "Times that came while the job still ran." },
      of(({ skipped }) => skipped),
    ),
    gaugeText(
      { name: "edgefpm_cron_running", help: "Whether a job runs now." },
      of(({ running }) => (running ? 1 : 0)),
    ),
    gaugeText(
      { name: "edgefpm_cron_last_duration_seconds", help: "How long the last run took.", unit: "seconds" },
      jobs.flatMap(({ name, last }) =>
        last === undefined ? [] : [{ labels: { job: name }, value: last.duration / 1000 }],
      ),
    ),
  ].join("");
}

const CLASSES = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

/** `2xx`. */
function classOf(status: number): string {
  return CLASSES[Math.floor(status / 100)] ?? "other";
}
