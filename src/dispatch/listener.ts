// One connection of a web server (nginx, cgi-fcgi ...) to our master: FastCGI ends here, and each request is passed on
// through an exchange of its own.

import type { ConnectionCounters } from "../fpm/connections.ts";
import { ApplicationLink, type ApplicationLinkOptions } from "../transport/application-link.ts";
import type { ApplicationRequest } from "../transport/application-request.ts";
import type { Exchange, ExchangeEnd, ExchangeRequest } from "../transport/exchange.ts";
import type { Transport } from "../transport/transport.ts";
import { explainFailure } from "./failure.ts";

/** Options of `serveConnection`. */
export interface ServeConnectionOptions extends ApplicationLinkOptions {
  /** IP address of the web server, for the logs. */
  readonly remote?: string | undefined;
  /** Counts the connection and the limits that it reaches: a pool's `connections`. */
  readonly counters?: Pick<ConnectionCounters, "opened" | "closed" | "timedOut"> | undefined;
}

/**
 * Serves a connection until it ends. Every request, multiplexed or not, goes to `exchange`, in any order.
 *
 * The exchange starts when STDIN is complete or its buffer is full, so a slow upload holds no child. A request that
 * fails before its first STDOUT gets a small page with the status; one that fails later must not look complete:
 * a connection of its own is broken, on a shared one it ends with application status 1.
 *
 * @returns the link: `closed` tells its end, `drain` ends it after the requests that run
 */
export function serveConnection(
  transport: Transport,
  exchange: Exchange,
  options: ServeConnectionOptions = {},
): ApplicationLink {
  const { remote, counters, ...linkOptions } = options;
  const link: ApplicationLink = new ApplicationLink(transport, (request) => relay(request, exchange, link, remote), {
    ...linkOptions,
    onTimeout(why) {
      counters?.timedOut(why);
      linkOptions.onTimeout?.(why);
    },
  });
  if (counters !== undefined) {
    counters.opened();
    void link.closed.then(() => counters.closed());
  }
  return link;
}

async function relay(
  request: ApplicationRequest,
  exchange: Exchange,
  link: ApplicationLink,
  remote: string | undefined,
): Promise<ExchangeEnd> {
  const body = await request.bufferedBody();
  const passedOn: ExchangeRequest = {
    role: request.role,
    params: request.params,
    stdin: body ?? request.stdin,
    ...(request.role === "filter" ? { data: request.data } : {}),
    ...(remote === undefined ? {} : { remote }),
  };
  let begun = false;
  try {
    const end = await exchange(
      passedOn,
      {
        // What comes in one piece from the child, the end included, leaves in one piece.
        stdout(chunk) {
          begun = true;
          return request.stdout(chunk, true);
        },
        stderr: (chunk) => request.stderr(chunk, true),
      },
      request.signal,
    );
    return end;
  } catch (error) {
    if (request.signal.aborted || !(error instanceof Error)) throw error;
    const failure = explainFailure(error);
    void request.stderr(failure.line, true);
    if (begun) {
      if (link.active === 1) link.breakOff();
      return { applicationStatus: 1, protocolStatus: "request-complete" };
    }
    void request.stdout(failure.page, true);
    return { applicationStatus: 1, protocolStatus: failure.protocolStatus };
  }
}
