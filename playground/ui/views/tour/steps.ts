// What each step of the tour does: it drives the same things as the visitor's own hands. By the ids of text.ts.

import { RecordType } from "../../../../src/codec/index.ts";
import type { WireRecord } from "../../../engine/index.ts";
import { engine, pool } from "../../state/engine.ts";
import { setNumbers } from "../../state/pool-numbers.ts";
import { go, type ViewName } from "../../state/route.ts";
import { send } from "../../state/visits.ts";
import { chosen, clearWire, NO_FILTER, paused, setFilter } from "../../state/wire.ts";
import {
  draft,
  draftOf,
  EXAMPLE_SCRIPTS,
  editDraft,
  openScript,
  type RequestDraft,
  scripts,
} from "../../state/workspace.ts";
import * as comparison from "../compare/compare.ts";
import { milliseconds } from "../compare/milliseconds.ts";
import { runBoth } from "../multiplex/run.ts";
import { startLoad } from "../pool/load.ts";
import { showSetup } from "../setups/choices.ts";
import { showWire } from "../workbench/side.ts";

export interface TourAction {
  /** On its button. */
  readonly title: string;
  /** Does it. Gives what came of it in one sentence. */
  readonly run: () => Promise<string>;
}

export interface TourStep {
  readonly view: ViewName;
  readonly actions: readonly TourAction[];
}

/** Longest wait for what follows from an action, in milliseconds. */
const PATIENCE = 5000;

export const STEPS: Readonly<Record<string, TourStep>> = {
  "cgi-and-what-it-costs": {
    view: "compare",
    actions: [{ title: "Measure both", run: measure }],
  },
  "a-process-that-stays": {
    view: "pool",
    actions: [{ title: "Send ten requests", run: sendTen }],
  },
  records: {
    view: "workbench",
    actions: [{ title: "Send a request and choose its first record", run: firstRecord }],
  },
  streams: {
    view: "workbench",
    actions: [
      { title: "Send a form", run: sendForm },
      { title: "Send the slow script", run: sendSlow },
    ],
  },
  "request-ids": {
    view: "multiplex",
    actions: [{ title: "Send three at once", run: multiplex }],
  },
  "master-and-children": {
    view: "pool",
    actions: [
      { title: "Two children, then a rush", run: rush },
      { title: "Allow six", run: sixChildren },
    ],
  },
  "nginx-and-php-fpm": {
    view: "setups",
    actions: [
      { title: "Keep connections", run: () => connections("kept") },
      { title: "One a request", run: () => connections("own") },
    ],
  },
  "at-the-edge": {
    view: "pool",
    actions: [{ title: "Run an endless loop", run: endlessLoop }],
  },
};

async function measure(): Promise<string> {
  comparison.target.value = "hello";
  comparison.count.value = 10;
  await comparison.startComparison();
  const { cgi, fastcgi, ratio, problem } = comparison;
  if (cgi.value === undefined || fastcgi.value === undefined) throw new Error(problem.value ?? "nothing was measured");
  const times = Math.round(ratio.value ?? 0);
  return `CGI took ${milliseconds(cgi.value.total)}, FastCGI ${milliseconds(fastcgi.value.total)}: ${times} times as long.`;
}

async function sendTen(): Promise<string> {
  bring("/hello.php");
  await startLoad({ target: "hello", total: 10, concurrency: 1, rate: 4 });
  const busiest = [...(pool.value?.status.processes ?? [])].sort((a, b) => b.requests - a.requests)[0];
  return busiest === undefined
    ? "All children have left."
    : `Child ${busiest.pid} has served ${busiest.requests} requests and is still there.`;
}

async function firstRecord(): Promise<string> {
  const record = await sendAndChoose(draftOf({ url: "/hello.php?name=Ada" }), "/hello.php", RecordType.BEGIN_REQUEST);
  return `Chosen: BEGIN_REQUEST with request id ${record.requestId}. The inspector explains each byte.`;
}

async function sendForm(): Promise<string> {
  const body = new TextEncoder().encode("name=Ada&colour=green");
  const type = ["content-type", "application/x-www-form-urlencoded"] as const;
  const record = await sendAndChoose(
    draftOf({ method: "POST", url: "/form.php", headers: [type], body }),
    "/form.php",
    RecordType.PARAMS,
  );
  return `Chosen: PARAMS, ${record.contentLength} bytes of names and values. The next one is empty and ends the stream; STDIN holds the form.`;
}

async function sendSlow(): Promise<string> {
  await sendAndChoose(draftOf({ url: "/slow.php?pieces=5&ms=300" }), "/slow.php", RecordType.STDOUT);
  return "Five STDOUT records, one a flush, 300 ms apart. The first is chosen.";
}

async function multiplex(): Promise<string> {
  bring("/slow.php");
  bring("/hello.php");
  await runBoth(["/slow.php?pieces=4&ms=250", "/hello.php?name=quick", "/slow.php?pieces=2&ms=250"]);
  return "On one connection the records are mixed, and the quick request is answered first. On one each every id is 1.";
}

async function rush(): Promise<string> {
  bring("/slow.php");
  await setNumbers({
    pm: "dynamic",
    maxChildren: 2,
    startServers: undefined,
    minSpareServers: undefined,
    maxSpareServers: undefined,
  });
  await engine.loadPhp();
  let most = 0;
  const forget = engine.on("pool", ({ status }) => {
    most = Math.max(most, status.listenQueue);
  });
  await startLoad({ target: "slow", total: 24, concurrency: 12, rate: 0 });
  forget();
  return `Two children worked, up to ${most} requests waited. The log says that pm.max_children was reached.`;
}

async function sixChildren(): Promise<string> {
  await setNumbers({ maxChildren: 6 });
  await engine.loadPhp();
  let most = 0;
  const forget = engine.on("pool", ({ status }) => {
    most = Math.max(most, status.totalProcesses);
  });
  await startLoad({ target: "slow", total: 48, concurrency: 12, rate: 0 });
  forget();
  return `Up to ${most} children: the master added some each second while none was idle.`;
}

async function connections(kept: "own" | "kept"): Promise<string> {
  showSetup("nginx");
  editDraft({ connections: kept });
  return kept === "kept"
    ? "nginx has got two lines more. Requests of the workbench now keep their connection too."
    : "A connection for each request again, in the workbench too.";
}

async function endlessLoop(): Promise<string> {
  bring("/loop.php");
  await engine.loadPhp();
  const before = new Set(pool.value?.status.processes.map(({ pid }) => pid));
  await setNumbers({ requestTerminateTimeout: 3000 });
  const response = await engine.request({ url: "/loop.php" });
  await response.bytes();
  const after = await replaced(before);
  return `After 3 seconds the child was ended; the visitor got ${response.status}. ${after}`;
}

/** What became of the pool, once it is whole again. */
async function replaced(before: ReadonlySet<number>): Promise<string> {
  const deadline = performance.now() + PATIENCE;
  while (performance.now() < deadline) {
    const fresh = pool.value?.status.processes.find(({ pid, state }) => !before.has(pid) && state === "Idle");
    if (fresh !== undefined) return `Child ${fresh.pid} has taken its place.`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return "Others are idle still; the next request may start a new one.";
}

/** Sends as the "Send" button does, and chooses the first record of a type between web server and master. */
async function sendAndChoose(request: RequestDraft, script: string, type: number): Promise<WireRecord> {
  bring(script);
  openScript.value = script;
  draft.value = { ...request, cookies: true };
  paused.value = false;
  setFilter(NO_FILTER);
  clearWire();
  showWire();
  const visit = await send(draft.peek());
  if (visit.response === undefined) throw new Error(visit.error ?? "there was no answer");
  const record = await recordOf(visit.response.request, type);
  chosen.value = record;
  return record;
}

/** The first record of a type between web server and master. Records come with the next frame, or a later one. */
async function recordOf(request: number, type: number): Promise<WireRecord> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const record = engine.wire.events.find(
      (event): event is WireRecord =>
        event.kind === "record" && event.hop === "web" && event.request === request && event.type === type,
    );
    if (record !== undefined) return record;
    if (performance.now() > deadline) throw new Error("the wire is not recorded");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** An example that the visitor has changed stays as it is; one that was removed comes back. */
function bring(path: string): void {
  const source = EXAMPLE_SCRIPTS[path];
  if (path in scripts.peek() || source === undefined) return;
  scripts.value = { ...scripts.peek(), [path]: source };
}

/** Brings a step's view onto the screen. */
export function showView({ view }: TourStep): void {
  go(view);
}
