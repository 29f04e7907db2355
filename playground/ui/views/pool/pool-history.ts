// What a pool did lately: how many children did what, and which child ran which request when. Bounded; knows no page.

import { RecordType } from "../../../../src/codec/index.ts";
import type { PoolSnapshot, WireEvent } from "../../../engine/types.ts";

/** Milliseconds that are kept. */
export const KEPT = 120_000;

/** Most of each that is kept. */
const MAX_POINTS = 2400;
const MAX_SPANS = 6000;
const MAX_LIVES = 400;

/** The pool at a time. Times are milliseconds since 1970. */
export interface Point {
  readonly time: number;
  readonly idle: number;
  readonly active: number;
  /** Starting and stopping ones. */
  readonly other: number;
  readonly queue: number;
}

/** A child from its start to its end. */
export interface Life {
  readonly pid: number;
  /** Row of the drawing: the lowest that was free. */
  readonly lane: number;
  readonly from: number;
  /** When it first took requests. */
  ready: number | undefined;
  to: number | undefined;
}

/** A request in a child. */
export interface Span {
  readonly pid: number;
  readonly request: number;
  readonly from: number;
  to: number | undefined;
}

export class PoolHistory {
  readonly points: Point[] = [];
  readonly lives: Life[] = [];
  readonly spans: Span[] = [];
  readonly #alive = new Map<number, Life>();
  readonly #running = new Map<number, Span>();

  /** Takes a look at the pool. */
  look({ time, status }: PoolSnapshot): void {
    const { idleProcesses: idle, activeProcesses: active, totalProcesses, listenQueue: queue } = status;
    this.points.push({ time, idle, active, other: totalProcesses - idle - active, queue });
    const seen = new Set<number>();
    for (const { pid, state, startTime } of status.processes) {
      seen.add(pid);
      const life = this.#alive.get(pid) ?? this.#begin(pid, Math.min(time, startTime));
      if (life.ready === undefined && state !== "Starting") life.ready = time;
    }
    for (const [pid, life] of this.#alive) {
      if (seen.has(pid)) continue;
      life.to = time;
      this.#alive.delete(pid);
    }
    this.#trim(time);
  }

  /** Takes what passed on the wire: a request is in a child from its BEGIN_REQUEST to its END_REQUEST. */
  take(events: readonly WireEvent[], pidOf: (connection: number) => number | undefined): void {
    for (const event of events) {
      if (event.hop !== "child") continue;
      if (event.kind === "closed") this.#end(event.connection, event.time);
      if (event.kind !== "record") continue;
      if (event.type === RecordType.END_REQUEST) this.#end(event.connection, event.time);
      if (event.type !== RecordType.BEGIN_REQUEST) continue;
      const pid = pidOf(event.connection);
      if (pid === undefined) continue;
      const span: Span = { pid, request: event.request, from: event.time, to: undefined };
      this.#running.set(event.connection, span);
      this.spans.push(span);
    }
    if (this.spans.length > MAX_SPANS) this.spans.splice(0, this.spans.length - MAX_SPANS);
  }

  #begin(pid: number, from: number): Life {
    const taken = new Set([...this.#alive.values()].map(({ lane }) => lane));
    let lane = 0;
    while (taken.has(lane)) lane += 1;
    const life: Life = { pid, lane, from, ready: undefined, to: undefined };
    this.#alive.set(pid, life);
    this.lives.push(life);
    return life;
  }

  #end(connection: number, time: number): void {
    const span = this.#running.get(connection);
    if (span === undefined) return;
    span.to = time;
    this.#running.delete(connection);
  }

  #trim(now: number): void {
    const old = this.points.findIndex(({ time }) => time >= now - KEPT);
    // One before the window stays: what held at its edge.
    if (old > 1) this.points.splice(0, old - 1);
    if (this.points.length > MAX_POINTS) this.points.splice(0, this.points.length - MAX_POINTS);
    const gone = this.lives.findIndex(({ to }) => to === undefined || to >= now - KEPT);
    if (gone > 0) this.lives.splice(0, gone);
    if (this.lives.length > MAX_LIVES) this.lives.splice(0, this.lives.length - MAX_LIVES);
  }
}
