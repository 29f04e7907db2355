// What answers on the addresses of a pool: its scripts, its status page and its ping, with the access log.

import type { ChildLink } from "../dispatch/child-link.ts";
import { type MasterPagesOptions, masterPagesOnly, withMasterPages } from "../dispatch/master-pages.ts";
import { type PoolExchangeOptions, poolExchange } from "../dispatch/pool-exchange.ts";
import type { PoolFile } from "../fpm/conf/types.ts";
import { type Log, type Pool, saidOfStderr, workerOutput } from "../fpm/index.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { LogFiles } from "./fpm-logs.ts";

/** An address, and what answers there. */
export interface Application {
  readonly address: string;
  readonly exchange: Exchange;
}

/** The applications of a pool: one, or two with `pm.status_listen`. */
export function poolApplications(file: PoolFile, pool: Pool<ChildLink>, logs: LogFiles, log: Log): Application[] {
  const access = logs.access(file);
  const requestLog = access && { log: access, pool: file.name, masterPid: process.pid, now: Date.now };
  const pages: MasterPagesOptions = {
    statusPath: file.pmStatusPath,
    pingPath: file.pingPath,
    pingResponse: file.pingResponse,
    requestLog,
  };
  const scripts = withMasterPages(poolExchange(pool, { requestLog, onStderr: overhear(file, log) }), pool, pages);
  const applications = [{ address: file.listen, exchange: scripts }];
  if (file.pmStatusListen !== undefined && file.pmStatusPath !== undefined) {
    applications.push({ address: file.pmStatusListen, exchange: masterPagesOnly(pool, pages) });
  }
  return applications;
}

/** `catch_workers_output`: what scripts say on STDERR goes into the error log too. */
function overhear(file: PoolFile, log: Log): PoolExchangeOptions["onStderr"] {
  if (!file.catchWorkersOutput) return undefined;
  const output = workerOutput(log, { pool: file.name, decorate: file.decorateWorkersOutput });
  return (pid, text) => {
    const said = saidOfStderr(text);
    if (said !== undefined) output(pid, "stderr", said);
  };
}
