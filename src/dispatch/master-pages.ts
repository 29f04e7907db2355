// The pages that the master answers itself: `pm.status_path` and `ping.path`. In php-fpm a child answers them, so they
// wait when all children are busy; here they never do, and they take no child from anybody.

import { byteStringToBytes, concat } from "../codec/index.ts";
import type { PoolStatus } from "../fpm/status.ts";
import type { FpmPage } from "../fpm/status-page.ts";
import { pingPage, statusPage } from "../fpm/status-page.ts";
import type { Exchange, ExchangeEnd, ExchangeSink } from "../transport/exchange.ts";
import { describeRequest } from "./request-info.ts";
import { RequestLog, type RequestLogOptions } from "./request-log.ts";

/** The pages that the master answers itself. */
export interface MasterPagesOptions {
  /** `pm.status_path`. Absent: no status page. */
  readonly statusPath?: string | undefined;
  /** `ping.path`. Absent: no ping. */
  readonly pingPath?: string | undefined;
  /** `ping.response`. Default `pong`. */
  readonly pingResponse?: string | undefined;
  /** Absent: they are not logged. */
  readonly requestLog?: RequestLogOptions | undefined;
}

/** What is needed of a pool. */
export interface StatusSource {
  status(): PoolStatus;
}

const COMPLETE: ExchangeEnd = { applicationStatus: 0, protocolStatus: "request-complete" };

/** Answers the pages of `pool`, passes on everything else. The path is SCRIPT_NAME, byte for byte, as in php-fpm. */
export function withMasterPages(exchange: Exchange, pool: StatusSource, options: MasterPagesOptions): Exchange {
  const { statusPath, pingPath, pingResponse = "pong", requestLog } = options;
  if (statusPath === undefined && pingPath === undefined) return exchange;
  return async (request, sink, signal) => {
    const path = request.params.findLast(([name]) => name === "SCRIPT_NAME")?.[1];
    if (path === undefined || (path !== statusPath && path !== pingPath)) return exchange(request, sink, signal);
    const info = describeRequest(request.params);
    const log = requestLog && new RequestLog(requestLog, request, { ...info, script: "" }, sink);
    const page = path === pingPath ? pingPage(info, pingResponse) : statusPage(info, () => pool.status());
    await send(page, log?.sink ?? sink);
    log?.ended();
    return COMPLETE;
  };
}

/**
 * The application behind `pm.status_listen`: the pages of `pool` and nothing else.
 * php-fpm runs scripts there too, in children of a second pool; ours answers 404.
 */
export function masterPagesOnly(pool: StatusSource, options: MasterPagesOptions): Exchange {
  return withMasterPages(notFound, pool, options);
}

const notFound: Exchange = async (_request, sink) => {
  await sink.stderr(byteStringToBytes("Primary script unknown"));
  await send(
    { head: ["Status: 404 Not Found", "Content-type: text/html; charset=UTF-8"], body: "File not found.\n" },
    sink,
  );
  return COMPLETE;
};

async function send({ head, body }: FpmPage, sink: ExchangeSink): Promise<void> {
  await sink.stdout(concat([byteStringToBytes(`${head.join("\r\n")}\r\n\r\n`), new TextEncoder().encode(body)]));
}
