// The master's wire to a child in an isolate: FastCGI, and in band the word that it is ready, or why it never will be.

import type { Pair } from "../../codec/index.ts";
import { ChildLink } from "../../dispatch/child-link.ts";
import type { Exchange } from "../../transport/exchange.ts";
import type { Transport } from "../../transport/transport.ts";
import { GROWN } from "./memory-budget.ts";

/** The child can take requests; the value is a `Start` as JSON. */
export const CHILD_READY = "EDGE_FPM_READY";

/** With each request: the newest state of the pool's files, so that a child which knows it need not ask. */
export const FILES_STATE = "EDGE_FPM_FILES";

/** The child cannot start; the value is the reason. */
export const CHILD_FAILED = "EDGE_FPM_FAILED";

export class WorkerWire extends ChildLink {
  declare readonly exchange: Exchange;
  readonly #state: WireState;

  /**
   * @param filesState told with each request: see `FILES_STATE`
   * @param onIdle told when the child has ended a request and runs nothing
   */
  constructor(transport: Transport, filesState: () => number = () => 0, onIdle: () => void = () => {}) {
    const state: WireState = { ready: Promise.withResolvers<string>(), memoryAtStart: 0 };
    super(transport, (values) => learn(state, values));
    this.#state = state;
    const { exchange } = this;
    this.exchange = (request, sink, signal) => {
      const params = [...request.params, [FILES_STATE, String(filesState())] as const];
      return exchange({ ...request, params }, sink, signal).finally(() => {
        void (this.whenIdle() ?? Promise.resolve()).then(() => {
          // The next request may have come first.
          if (this.whenIdle() === undefined) onIdle();
        });
      });
    };
    state.ready.promise.catch(() => {});
    void this.closed.then(() => state.ready.reject(new Error("the child ended before it was ready")));
  }

  /** Settles with how the child started (JSON of a `Start`); rejects when it cannot. */
  get ready(): Promise<string> {
    return this.#state.ready.promise;
  }

  /** Also false for a child that has grown too much in this life: it gets no further request. */
  override get usable(): boolean {
    return super.usable && (this.memory ?? 0) <= Math.max(GROWN, this.#state.memoryAtStart);
  }
}

interface WireState {
  readonly ready: PromiseWithResolvers<string>;
  memoryAtStart: number;
}

function learn(state: WireState, values: readonly Pair[]): void {
  for (const [name, value] of values) {
    if (name === CHILD_FAILED) state.ready.reject(new Error(value));
    if (name !== CHILD_READY) continue;
    state.memoryAtStart = Number((JSON.parse(value) as { memory?: unknown }).memory ?? 0);
    state.ready.resolve(value);
  }
}
