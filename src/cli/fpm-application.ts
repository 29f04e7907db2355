// What answers on the addresses of a pool: its scripts, its status page and its ping.

import type { ChildLink } from "../dispatch/child-link.ts";
import { type MasterPagesOptions, masterPagesOnly, withMasterPages } from "../dispatch/master-pages.ts";
import { poolExchange } from "../dispatch/pool-exchange.ts";
import type { PoolFile } from "../fpm/conf/types.ts";
import type { Pool } from "../fpm/index.ts";
import type { Exchange } from "../transport/exchange.ts";

/** An address, and what answers there. */
export interface Application {
  readonly address: string;
  readonly exchange: Exchange;
}

/** The applications of a pool: one, or two with `pm.status_listen`. */
export function poolApplications(file: PoolFile, pool: Pool<ChildLink>): Application[] {
  const pages: MasterPagesOptions = {
    statusPath: file.pmStatusPath,
    pingPath: file.pingPath,
    pingResponse: file.pingResponse,
  };
  const scripts = withMasterPages(poolExchange(pool), pool, pages);
  const applications = [{ address: file.listen, exchange: scripts }];
  if (file.pmStatusListen !== undefined && file.pmStatusPath !== undefined) {
    applications.push({ address: file.pmStatusListen, exchange: masterPagesOnly(pool, pages) });
  }
  return applications;
}
