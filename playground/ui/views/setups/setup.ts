// What is on the screen, as far as a server's configuration says it too.

import type { Connections, PoolConfig } from "../../../engine/index.ts";

/** The servers' side of the playground: the choices of this view, and the pool's own numbers. */
export interface Setup {
  /** Document root, absolute. */
  readonly root: string;
  /** Host name of the site. */
  readonly host: string;
  /** Version of PHP, such as "8.4". */
  readonly php: string;
  /** How web server and php-fpm are joined. */
  readonly listen: "unix" | "tcp";
  /** `kept`: connections are reused. No web server of these multiplexes, so `shared` is `kept` to them. */
  readonly connections: Connections;
  /** One script answers for every path that does not exist. */
  readonly frontController: boolean;
  readonly pool: PoolConfig;
  readonly statusPath: string;
  readonly pingPath: string;
}

/** TCP address of php-fpm where it has one. */
export const TCP = "127.0.0.1:9000";

/** The socket that Debian's packages name. */
export function socketOf({ php }: Pick<Setup, "php">): string {
  return `/run/php/php${php}-fpm.sock`;
}

export function keeps({ connections }: Pick<Setup, "connections">): boolean {
  return connections !== "own";
}

/** Connections that a web server may keep: a child that serves a kept one serves nobody else. */
export function keptConnections({ pool }: Pick<Setup, "pool">): number {
  return Math.max(1, Math.floor(pool.maxChildren / 2));
}

/** Seconds for php-fpm and others: whole ones, and at least one. */
export function seconds(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds / 1000));
}

/** A web server waits a little longer than php-fpm lets a script run. */
export function readTimeout({ pool }: Pick<Setup, "pool">): number {
  return pool.requestTerminateTimeout === 0 ? 60 : seconds(pool.requestTerminateTimeout) + 5;
}
