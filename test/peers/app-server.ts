// Something that serves a PHP application from a document root: real nginx and php-fpm, or our own command.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastCgiAddress } from "./address.ts";
import { startApache } from "./apache.ts";
import { startFpm, startServe } from "./edge-fpm.ts";
import { startNginx } from "./nginx.ts";
import { startPhpFpm } from "./php-fpm.ts";
import { makeScratch } from "./scratch.ts";

export interface AppServer {
  readonly baseUrl: string;
  /** What the servers wrote, for a failing test. */
  log(): string;
  stop(): Promise<void>;
  /** When the server itself was started, by `performance.now()`, if something was made before, such as a build. */
  readonly startedAt?: number;
  /** Memory of one child in bytes, where it can be told. */
  memory?(): Promise<number | undefined>;
}

/** php.ini settings that an application needs, by name. */
export type PhpSettings = Readonly<Record<string, string>>;

/** Starts a server for `root`. Called again for the same root, it is the restart of a scenario. */
export type StartAppServer = (root: string, settings?: PhpSettings) => Promise<AppServer>;

/** The model: nginx in front of php-fpm 8.2 with two children. Needs both peers. */
export const startNative: StartAppServer = (root, settings) => startNativeWith()(root, settings);

export interface NativeOptions {
  /** Default 2. */
  readonly children?: number;
  /** What nginx gives for a path that leads to no file. Default: 404. */
  readonly front?: string;
}

/** nginx in front of php-fpm 8.2. Needs both peers. */
export function startNativeWith({ children = 2, front }: NativeOptions = {}): StartAppServer {
  return async (root, settings = {}) => {
    const poolLines = Object.entries(settings).map(([name, value]) => `php_value[${name}] = ${value}`);
    const fpm = await startPhpFpm({ listen: "unix", children, poolLines });
    return joined(fpm, () => startNginx({ root, fastcgi: fpm.address, ...(front !== undefined && { front }) }));
  };
}

export interface EdgeOptions {
  /** Default 2. */
  readonly children?: number;
  /** Further arguments of `edge-fpm serve`. */
  readonly args?: readonly string[];
}

/** `edge-fpm serve` with its own pool. `isolated` shows PHP nothing but the application's folder. */
export function startEdge(
  php: string,
  isolated = false,
  { children = 2, args = [] }: EdgeOptions = {},
): StartAppServer {
  return async (root, settings = {}) => {
    const server = await startServe(root, { php, children, settings, isolated, args });
    const memory = async () => residentMemory(server.program.pid, children);
    return { ...server, stop: () => server.stop(), memory };
  };
}

/** Resident memory of a process for each child, in bytes; `undefined` where the system does not tell. */
export function residentMemory(pid: number, children: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / children;
  } catch {
    return undefined;
  }
}

/** `edge-fpm serve` in front of a real php-fpm with two children. Needs php-fpm. */
export function startEdgeBefore(listen: "tcp" | "unix"): StartAppServer {
  return async (root) => {
    const fpm = await startPhpFpm({ listen, children: 2 });
    return joined(fpm, () => startServe(root, { upstream: fpm.address }));
  };
}

/** nginx or Apache in front of `edge-fpm fpm` with two children. Needs that web server. */
export function startBeforeEdge(options: {
  readonly server: "nginx" | "apache2";
  readonly listen: "tcp" | "unix";
  readonly php: string;
  /** nginx only: connections to the application are kept. */
  readonly keepConnection?: boolean;
}): StartAppServer {
  return async (root) => {
    const scratch = makeScratch("listen");
    const listen: FastCgiAddress =
      options.listen === "tcp" ? { kind: "tcp", port: 0 } : { kind: "unix", path: join(scratch.path, "edge.sock") };
    try {
      const fpm = await startFpm(root, listen, { php: options.php, children: 2 });
      const server = await joined(fpm, () =>
        options.server === "apache2"
          ? startApache(root, fpm.address)
          : startNginx({ root, fastcgi: fpm.address, keepConnection: options.keepConnection === true }),
      );
      return { ...server, stop: () => server.stop().finally(() => scratch.remove()) };
    } catch (error) {
      scratch.remove();
      throw error;
    }
  };
}

/** A web server started in front of `application`: stopped first, and both logs kept. */
async function joined(
  application: { log(): string; stop(): Promise<void> },
  start: () => Promise<AppServer>,
): Promise<AppServer> {
  try {
    const server = await start();
    return {
      baseUrl: server.baseUrl,
      log: () => `${server.log()}\n${application.log()}`,
      stop: async () => {
        await server.stop();
        await application.stop();
      },
    };
  } catch (error) {
    await application.stop();
    throw error;
  }
}

/** Apache in front of php-fpm 8.2 with two children. Needs both peers. */
export const startApacheNative: StartAppServer = async (root) => {
  const fpm = await startPhpFpm({ listen: "unix", children: 2 });
  return joined(fpm, () => startApache(root, fpm.address));
};
