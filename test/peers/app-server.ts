// Something that serves a PHP application from a document root: real nginx and php-fpm, or our own command.

import { startServe } from "./edge-fpm.ts";
import { startNginx } from "./nginx.ts";
import { startPhpFpm } from "./php-fpm.ts";

export interface AppServer {
  readonly baseUrl: string;
  /** What the servers wrote, for a failing test. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts a server for `root`. Called again for the same root, it is the restart of a scenario. */
export type StartAppServer = (root: string) => Promise<AppServer>;

/** The model: nginx in front of php-fpm 8.2 with two children. Needs both peers. */
export const startNative: StartAppServer = async (root) => {
  const fpm = await startPhpFpm({ listen: "unix", children: 2 });
  try {
    const nginx = await startNginx({ root, fastcgi: fpm.address });
    return {
      baseUrl: nginx.baseUrl,
      log: () => `${nginx.log()}\n${fpm.log()}`,
      stop: async () => {
        await nginx.stop();
        await fpm.stop();
      },
    };
  } catch (error) {
    await fpm.stop();
    throw error;
  }
};

/** `edge-fpm serve` with its own pool of two children. */
export function startEdge(php: string): StartAppServer {
  return (root) => startServe(root, { php, children: 2 });
}
