// What a gateway with a configuration needs beside it: the platform's files, applications, stores and so on.

import type { Compressor } from "./answer/compress.ts";
import type { CreateResponse } from "./answer/reply.ts";
import type { CacheStore } from "./cache/store.ts";
import type { CacheZone } from "./config/config.ts";
import type { AccessEntry } from "./observe/entry.ts";
import type { Tracing } from "./observe/tracing.ts";
import type { GatewayTimeouts, RequestName } from "./options.ts";
import type { RouteResources } from "./routing/place.ts";
import type { ObservedExchange } from "./script/script-settings.ts";
import type { Spool } from "./spool.ts";

/** What a configuration names and a platform has: files, applications, stores of caches. */
export interface GatewayResources extends RouteResources {
  /**
   * An application by the name or address that the configuration has; `undefined` where it has none. Asked once for each
   * name. An upstream's `exchange` and a pool's are such.
   */
  application(name: string | undefined): ObservedExchange;
  /** The store of a zone; asked once for each. Without it nothing is cached. */
  cacheStore?(zone: string, settings: CacheZone): CacheStore;
  /** Where long bodies wait: see `GatewayOptions.spool`. */
  readonly spool?: Spool | undefined;
  /** Without it nothing is compressed. */
  readonly compress?: Compressor | undefined;
  /** The platform's `Response` when absent. */
  readonly createResponse?: CreateResponse | undefined;
  /** SERVER_SOFTWARE. */
  readonly serverSoftware?: string | undefined;
  /** Those that the configuration does not set. */
  readonly timeouts?: Partial<GatewayTimeouts> | undefined;
  /** The text of the page at `metrics.path`, in OpenMetrics. */
  readonly metrics?: (() => string | Promise<string>) | undefined;
  /** Traces are passed on to applications, and recorded. */
  readonly tracing?: Tracing | undefined;
  /** As in `GatewayOptions`. */
  readonly onError?: ((error: unknown, request: RequestName, status: number, broken: boolean) => void) | undefined;
  /** As in `GatewayOptions`. */
  readonly onStderr?: ((line: string, request: RequestName) => void) | undefined;
  /**
   * Told of each request when it is over, for the access log (unless `logged` is false) and for metrics. Must not throw.
   */
  readonly onAccess?: ((entry: AccessEntry, logged: boolean) => void) | undefined;
  /** Milliseconds since 1970; `Date.now`. */
  readonly now?: (() => number) | undefined;
}
