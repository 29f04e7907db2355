// The part of the Workers runtime's modules that this folder and src/platform/workers call, written down as types: the
// platform's own type package declares globals that contradict those of Node and of the web.

declare module "cloudflare:sockets" {
  interface SocketInfo {
    readonly remoteAddress?: string;
    readonly localAddress?: string;
  }
  interface Socket {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
    /** Rejects when the connection cannot be made. */
    readonly opened: Promise<SocketInfo>;
    /** May reject after a normal end too. */
    readonly closed: Promise<void>;
    close(): Promise<void>;
  }
  function connect(
    address: { readonly hostname: string; readonly port: number } | string,
    options?: { readonly allowHalfOpen?: boolean },
  ): Socket;
}

declare module "cloudflare:email" {
  /** A mail for one recipient. */
  class EmailMessage {
    readonly from: string;
    readonly to: string;
    constructor(from: string, to: string, raw: ReadableStream<Uint8Array> | string);
  }
}

declare module "cloudflare:workers" {
  /** What a Durable Object's class is made from. */
  abstract class DurableObject<Env = unknown> {
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
  /** What a Worker's further entry points are made from. */
  abstract class WorkerEntrypoint<Env = unknown, Props = unknown> {
    protected readonly ctx: { readonly props: Props };
    protected readonly env: Env;
  }
  interface DurableObjectState {
    /** The Worker's own entry points, as bindings that can be handed on. */
    readonly exports: Readonly<Record<string, (options: { readonly props: unknown }) => unknown>>;
    readonly id: { readonly name?: string; toString(): string };
    waitUntil(promise: Promise<unknown>): void;
    blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T>;
  }
}
