// The wire as its panel shows it: filtered, paused, with one event chosen.

import { batch, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { typeName } from "../../../src/capture/names.ts";
import type { Hop, WireEvent, WireRecord } from "../../engine/index.ts";
import { engine, wireVersion } from "./engine.ts";

/** Records of one request; where there is none (a raw connection), those of a connection. */
export type Only = { readonly request: number } | { readonly connection: number };

export interface WireFilter {
  readonly hop: Hop | "all";
  readonly only: Only | undefined;
  /** Part of a type's name. */
  readonly type: string;
}

export interface Rows {
  /** In order. Grows, and loses its oldest, in place: a new object says that it did. */
  readonly list: readonly WireEvent[];
  /** How many rows were taken from the front since the list before, when it is the same list. */
  readonly removed: number;
  /** More came at once than can be followed one by one. */
  readonly flood: boolean;
}

export const NO_FILTER: WireFilter = { hop: "all", only: undefined, type: "" };

export const filter = signal<WireFilter>(NO_FILTER);
export const paused = signal(false);
/** The event that is inspected; it stays when the wire has forgotten it. */
export const chosen = signal<WireEvent | undefined>(undefined);
/** Time of the first event since the start or the last `clearWire`. */
export const firstTime = signal(0);

const shown = signal<Rows>({ list: [], removed: 0, flood: false });
/** What the panel shows. Changes at most once a frame. */
export const rows: ReadonlySignal<Rows> = shown;

let list: WireEvent[] = [];
/** Number of the last event that was looked at. */
let seen = 0;

/** Events at once that are shown as they come, and milliseconds between two looks at more. */
const CALM = 40;
const FLOOD_INTERVAL = 150;
let lastShown = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

effect(() => {
  wireVersion.value;
  if (paused.value) return;
  untracked(schedule);
});

effect(() => {
  filter.value;
  untracked(rebuild);
});

/** Few events are shown with their frame; a flood as often as an eye can follow. */
function schedule(): void {
  const pending = (engine.wire.events.at(-1)?.seq ?? 0) - seen;
  if (pending <= CALM) {
    take();
    return;
  }
  timer ??= setTimeout(take, Math.max(0, lastShown + FLOOD_INTERVAL - performance.now()));
}

function take(): void {
  clearTimeout(timer);
  timer = undefined;
  if (paused.peek()) return;
  lastShown = performance.now();
  const { events } = engine.wire;
  const firstSeq = events[0]?.seq ?? Number.POSITIVE_INFINITY;
  let removed = 0;
  while (removed < list.length && (list[removed] as WireEvent).seq < firstSeq) removed += 1;
  if (removed > 0) list.splice(0, removed);
  if (firstTime.peek() === 0 && events[0] !== undefined) firstTime.value = events[0].time;
  let next = events.length;
  while (next > 0 && (events[next - 1] as WireEvent).seq > seen) next -= 1;
  const flood = events.length - next > CALM;
  for (; next < events.length; next++) {
    const event = events[next] as WireEvent;
    if (passes(event, filter.peek())) list.push(event);
  }
  seen = events.at(-1)?.seq ?? seen;
  shown.value = { list, removed, flood };
}

/** Anew, with another filter: of what is kept, or of what stood there when it was paused. */
function rebuild(): void {
  const { value } = filter;
  const last = paused.peek() ? seen : Number.POSITIVE_INFINITY;
  list = engine.wire.events.filter((event) => event.seq <= last && passes(event, value));
  seen = paused.peek() ? seen : (engine.wire.events.at(-1)?.seq ?? seen);
  shown.value = { list, removed: 0, flood: false };
}

function passes(event: WireEvent, { hop, only, type }: WireFilter): boolean {
  if (hop !== "all" && event.hop !== hop) return false;
  if (event.kind !== "record") return type === "" && (only === undefined || ofConnection(event, only));
  if (only !== undefined && !("request" in only ? event.request === only.request : ofConnection(event, only)))
    return false;
  return type === "" || nameOf(event).toLowerCase().includes(type.toLowerCase());
}

function ofConnection(event: WireEvent, only: Only): boolean {
  return "connection" in only && event.connection === only.connection;
}

export function setFilter(change: Partial<WireFilter>): void {
  filter.value = { ...filter.value, ...change };
}

/** Forgets what passed; time starts again with the next event. */
export function clearWire(): void {
  engine.wire.clear();
  batch(() => {
    list = [];
    firstTime.value = 0;
    chosen.value = undefined;
    shown.value = { list, removed: 0, flood: false };
  });
}

/** The type of a record in the specification's words. */
export function nameOf({ malformed, type }: Pick<WireRecord, "malformed" | "type">): string {
  return malformed ? "no record" : typeName(type);
}

/** Which of the eight colours a request has; 0 for what belongs to none. */
export function colourOf({ request, requestId }: Pick<WireRecord, "request" | "requestId">): number {
  const number = request === 0 ? requestId : request;
  return number === 0 ? 0 : ((number - 1) % 8) + 1;
}
