// What `listen` takes and gives, apart from the types of Node: those who name it need not have them.

import type { Address } from "../address.ts";

/** Options of `listen`. */
export interface NodeListenOptions {
  /** Connections the kernel keeps waiting (`listen.backlog`); default 511, as php-fpm and nginx have it. */
  readonly backlog?: number;
  /** Permissions of the socket file (`listen.mode`), such as 0o660; default: what the umask leaves. */
  readonly mode?: number;
  /** Asked with the peer's address (`undefined` on a Unix socket) before a connection is taken. Default: all. */
  readonly allow?: (remote: string | undefined) => boolean;
}

/** An open listener. */
export interface NodeListener {
  /** Where it listens: with the real port when 0 was asked for. */
  readonly address: Address;
  /** Stops accepting and removes the socket file; connections that exist go on. Safe to call twice. */
  close(): Promise<void>;
}
