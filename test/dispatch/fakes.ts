// A pool whose children are handlers in this thread: the real pool, the real wire, no interpreter.

import { ChildLink } from "../../src/dispatch/child-link.ts";
import { type Child, type ChildExit, Pool, type PoolConfigInput, poolConfig } from "../../src/fpm/index.ts";
import { ApplicationLink } from "../../src/transport/application-link.ts";
import type { ApplicationRequest } from "../../src/transport/application-request.ts";
import type { ExchangeEnd } from "../../src/transport/exchange.ts";
import { memoryPair } from "../../src/transport/memory.ts";

export const DONE: ExchangeEnd = { applicationStatus: 0, protocolStatus: "request-complete" };

export interface ScriptedChild {
  readonly pid: number;
  readonly link: ApplicationLink;
  /** Requests that run in it now, and the most that ever did. */
  running: number;
  most: number;
  crash(): void;
}

export type Script = (request: ApplicationRequest, child: ScriptedChild) => Promise<ExchangeEnd>;

export interface ScriptedPool {
  readonly pool: Pool<ChildLink>;
  readonly children: ScriptedChild[];
}

export async function scriptedPool(script: Script, config: PoolConfigInput = {}): Promise<ScriptedPool> {
  const children: ScriptedChild[] = [];
  let lastPid = 100;
  const spawn = (): Child<ChildLink> => {
    lastPid += 1;
    const exited = Promise.withResolvers<ChildExit>();
    const [master, own] = memoryPair();
    const link = new ApplicationLink(
      own,
      async (request) => {
        child.running += 1;
        child.most = Math.max(child.most, child.running);
        try {
          return await script(request, child);
        } finally {
          child.running -= 1;
        }
      },
      { limits: { idleTimeout: 0 } },
    );
    const end = (exit: ChildExit) => {
      link.reset();
      exited.resolve(exit);
    };
    const child: ScriptedChild = {
      pid: lastPid,
      link,
      running: 0,
      most: 0,
      crash: () => end({ reason: "crashed", message: "memory access out of bounds" }),
    };
    children.push(child);
    return {
      pid: lastPid,
      wire: new ChildLink(master),
      ready: Promise.resolve(),
      exited: exited.promise,
      stop: () => end({ reason: "stopped" }),
      kill: () => end({ reason: "killed" }),
    };
  };
  const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2, ...config }), spawn);
  await pool.start();
  return { pool, children };
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function sink() {
  const chunks: Uint8Array[] = [];
  const errors: Uint8Array[] = [];
  return {
    stdout: (chunk: Uint8Array): void => {
      chunks.push(chunk.slice());
    },
    stderr: (chunk: Uint8Array): void => {
      errors.push(chunk.slice());
    },
    get text() {
      return Buffer.concat(chunks).toString();
    },
    get bytes() {
      return Buffer.concat(chunks);
    },
    get errors() {
      return Buffer.concat(errors).toString();
    },
  };
}
