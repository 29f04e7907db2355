// Requests sent all at once, and their records between web server and master, as they pass.

import { signal } from "@preact/signals";
import type { BatchOptions, WireEvent, WireRecord } from "../../../engine/index.ts";
import { engine, pool } from "../../state/engine.ts";

export type Way = BatchOptions["connections"];

/** One request of a run. */
export interface Lane {
  /** Place among the requests that were sent, from 0. */
  readonly index: number;
  readonly url: string;
  readonly connection: number;
  readonly requestId: number;
  readonly records: readonly WireRecord[];
  readonly ended: boolean;
}

export interface Run {
  readonly way: Way;
  readonly state: "running" | "done" | "failed";
  readonly lanes: readonly Lane[];
  /** Records to the web server in the order in which they passed. */
  readonly answers: readonly WireRecord[];
  /** Places of the requests, in the order of their ends. */
  readonly order: readonly number[];
  readonly connections: number;
  /** Milliseconds since 1970 of the first record. */
  readonly start: number;
  /** Milliseconds from the first record to the last so far. */
  readonly length: number;
  readonly error?: string;
}

/** Milliseconds: longest wait for the children. */
const PATIENCE = 10_000;

/** END_REQUEST. */
const END = 3;

export const runs = signal<Readonly<Partial<Record<Way, Run>>>>({});
export const busy = signal(false);

/** Sends the requests over one connection, then over one each. */
export async function runBoth(urls: readonly string[]): Promise<void> {
  busy.value = true;
  runs.value = {};
  try {
    await engine.loadPhp();
    const { pm, maxChildren } = await engine.pool.configure({});
    await engine.pool.configure({ pm: "static" });
    try {
      await allStarted(maxChildren);
      for (const way of ["shared", "own"] as const) await run(way, urls);
    } finally {
      await engine.pool.configure({ pm });
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    runs.value = { ...runs.value, shared: { ...empty("shared"), state: "failed", error: message } };
  } finally {
    busy.value = false;
  }
}

/** Children that start in the midst of a run would blur it: both ways find all of them. */
async function allStarted(count: number): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  const started = () => pool.peek()?.status.processes.filter(({ state }) => state !== "Starting").length ?? 0;
  while (performance.now() < deadline && started() < count) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function run(way: Way, urls: readonly string[]): Promise<void> {
  const records: WireRecord[] = [];
  const show = (state: Run["state"]) => {
    runs.value = { ...runs.value, [way]: runOf(way, state, urls, records) };
  };
  const forget = engine.on("wire", (events) => {
    for (const event of events) if (isOurs(event)) records.push(event);
    show("running");
  });
  try {
    const inputs = urls.map((url) => ({ url, headers: [["Host", "playground.test"] as const] }));
    await engine.batch(inputs, { connections: way });
    // The last records come with the next frame.
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    forget();
  }
  show("done");
}

function isOurs(event: WireEvent): event is WireRecord {
  return event.kind === "record" && event.hop === "web" && engine.wire.connection(event.connection)?.origin === "batch";
}

function empty(way: Way): Run {
  return { way, state: "running", lanes: [], answers: [], order: [], connections: 0, start: 0, length: 0 };
}

function runOf(way: Way, state: Run["state"], urls: readonly string[], records: readonly WireRecord[]): Run {
  const byRequest = new Map<number, WireRecord[]>();
  for (const record of records) {
    if (record.request === 0) continue;
    const own = byRequest.get(record.request);
    if (own === undefined) byRequest.set(record.request, [record]);
    else own.push(record);
  }
  // Requests are numbered as they are sent.
  const lanes = [...byRequest]
    .sort(([a], [b]) => a - b)
    .map(
      ([, own], index): Lane => ({
        index,
        url: urls[index] ?? "",
        connection: own[0]?.connection ?? 0,
        requestId: own[0]?.requestId ?? 0,
        records: own,
        ended: own.some(({ type }) => type === END),
      }),
    );
  const place = new Map([...byRequest.keys()].sort((a, b) => a - b).map((request, index) => [request, index]));
  const answers = records.filter(({ direction }) => direction === "to-web-server");
  const start = records[0]?.time ?? 0;
  return {
    way,
    state,
    lanes,
    answers,
    order: answers.filter(({ type }) => type === END).map(({ request }) => place.get(request) ?? 0),
    connections: new Set(records.map(({ connection }) => connection)).size,
    start,
    length: (records.at(-1)?.time ?? start) - start,
  };
}
