// Starting children in the master's Durable Object: a Dynamic Worker each, or, without a Worker Loader, the one
// interpreter that the master's own isolate has room for. Either way a child's life is one byte stream to it.

import type { Child, ChildExit, Spawn } from "../../fpm/spawn.ts";
import { type ConnectBinding, socketTransport } from "../../transport/cloudflare/socket.ts";
import type { StreamSocket } from "../../transport/streams-socket.ts";
import type { Transport } from "../../transport/transport.ts";
import { WorkerWire } from "./child-wire.ts";
import { type ChildEnvironment, MOST_CHILDREN } from "./settings.ts";

/** A Worker Loader binding. */
export interface WorkerLoader {
  get(name: string, code: () => DynamicWorkerCode | Promise<DynamicWorkerCode>): { getEntrypoint(): ConnectBinding };
}

/** Code of a Dynamic Worker: the runtime takes it once for each name. */
export interface DynamicWorkerCode {
  readonly compatibilityDate: string;
  readonly mainModule: string;
  readonly modules: Readonly<Record<string, string | Readonly<Record<string, unknown>>>>;
  readonly env: ChildEnvironment;
}

/** Opens the stream to the child of a slot. Throws when it cannot. */
export type OpenChild = (place: { readonly pool: string; readonly slot: number }) => Transport;

/**
 * Children as Dynamic Workers. Names are fixed: a new name for each life would leave the isolates of the old ones
 * behind. What runs under a name is brought to its first state by the child itself.
 *
 * @param version changes with every build, so that the code of another build is not taken for this one's
 */
export function openDynamicWorker(
  loader: WorkerLoader,
  version: string,
  code: (place: { readonly pool: string; readonly slot: number }) => DynamicWorkerCode | Promise<DynamicWorkerCode>,
): OpenChild {
  return (place) => {
    if (place.slot >= MOST_CHILDREN) {
      throw new Error(`slot ${place.slot} is one too many: a pool has at most ${MOST_CHILDREN} Dynamic Workers`);
    }
    const name = `${place.pool}-${place.slot}-${version}`;
    const socket = loader
      .get(name, () => code(place))
      .getEntrypoint()
      .connect("child:9000");
    return letGo(socket, socketTransport(socket));
  };
}

/**
 * A transport that gives its socket back when it is closed. An end of both streams is not enough: the runtime would take
 * the child for connected, and never put the object away.
 */
function letGo(socket: StreamSocket, transport: Transport): Transport {
  return {
    ...transport,
    close() {
      transport.close();
      socket.close().catch(() => {});
    },
  };
}

/** Process ids of children: unique in this isolate, whatever the pools. */
let lastPid = 0;

/** What the master has to do with its children's lives. */
export interface WorkerSpawnOptions {
  /** Told how a child started (JSON of a `Start`). */
  readonly onStart?: (pid: number, start: string) => void;
  /** Told when a child has ended, before another takes its slot. */
  readonly onExit?: (place: { readonly pool: string; readonly slot: number }) => void;
  /** Told to the child with each request. */
  readonly filesState?: (place: { readonly pool: string; readonly slot: number }) => number;
  /** Told when a child has ended a request and runs nothing. */
  readonly onIdle?: (place: { readonly pool: string; readonly slot: number }) => void;
}

export function createWorkerSpawn(open: OpenChild, options: WorkerSpawnOptions = {}): Spawn<WorkerWire> {
  const { onStart, onExit, onIdle, filesState } = options;
  return (place) => {
    const pid = ++lastPid;
    let wanted: ChildExit["reason"] | undefined;
    let wire: WorkerWire;
    let failure: Error | undefined;
    try {
      wire = new WorkerWire(
        open(place),
        () => filesState?.(place) ?? 0,
        () => onIdle?.(place),
      );
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      wire = new WorkerWire(nowhere());
    }
    const ready = wire.ready.then(
      (start) => onStart?.(pid, start),
      (error: unknown) => {
        failure ??= error instanceof Error ? error : new Error(String(error));
        throw failure;
      },
    );
    ready.catch(() => {});
    const exited = wire.closed.then((): ChildExit => {
      onExit?.(place);
      if (wanted !== undefined) return { reason: wanted };
      const message = failure?.message ?? "the stream to the child ended";
      return { reason: "crashed", message };
    });
    const child: Child<WorkerWire> = {
      pid,
      wire,
      ready,
      exited,
      stop() {
        wanted ??= "stopped";
        wire.close();
      },
      kill() {
        wanted = "killed";
        // An isolate cannot be ended from here: the child's next life abandons what still runs.
        wire.reset("the child was killed");
      },
    };
    return child;
  };
}

/** A transport that is over as soon as it starts. */
function nowhere(): Transport {
  return { start: (handler) => queueMicrotask(() => handler.onEnd()), write: () => undefined, close() {}, reset() {} };
}
