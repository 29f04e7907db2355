// The connection that is experimented with: what went out, what came back, what was complained about.

import { signal } from "@preact/signals";
import { type RawConnection, runScenario, type Scenario, type ScenarioStep } from "../../../engine/index.ts";
import { engine } from "../../state/engine.ts";
import { messageOf } from "../../state/visits.ts";
import { EXAMPLE_SCRIPTS, scripts } from "../../state/workspace.ts";
import { cut } from "./records.ts";

export type Entry =
  /** Bytes that went out or came back: a record, or none. */
  | { readonly kind: "sent" | "received"; readonly bytes: Uint8Array; readonly whole: boolean }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "end"; readonly text: string; readonly broken: boolean };

export interface Session {
  readonly connection: RawConnection;
  readonly entries: readonly Entry[];
  readonly ended: boolean;
}

/** Entries kept. */
const MAX_ENTRIES = 2000;

export const session = signal<Session | undefined>(undefined);
/** Place of the entry that is looked at. */
export const chosenEntry = signal<number | undefined>(undefined);
export const runningScenario = signal<string | undefined>(undefined);
export const scenarioResult = signal<{ readonly id: string; readonly complete: boolean } | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);

/** Sends bytes on the connection that is open, or on a new one. */
export async function sendBytes(bytes: Uint8Array): Promise<void> {
  problem.value = undefined;
  try {
    if (session.value === undefined || session.value.ended) follow(await engine.open());
    const { connection } = session.value as Session;
    sent(bytes);
    connection.send(bytes);
  } catch (error) {
    problem.value = messageOf(error);
  }
}

export function closeConnection(): void {
  session.value?.connection.close();
}

export function resetConnection(): void {
  session.value?.connection.reset();
}

/** Runs a ready scenario on a connection of its own. */
export async function play(scenario: Scenario): Promise<void> {
  if (runningScenario.value !== undefined) return;
  if (session.value?.ended === false) session.value.connection.close();
  runningScenario.value = scenario.id;
  scenarioResult.value = undefined;
  problem.value = undefined;
  try {
    await restoreFiles(scenario);
    const { complete } = await runScenario(engine, scenario, (step, index, connection) => {
      if (index === 0) follow(connection);
      told(step);
    });
    scenarioResult.value = { id: scenario.id, complete };
  } catch (error) {
    problem.value = messageOf(error);
  } finally {
    runningScenario.value = undefined;
  }
}

/** A scenario counts on its scripts: those that were removed come back. */
async function restoreFiles({ files }: Scenario): Promise<void> {
  const missing = files.filter((path) => !(path in scripts.peek()) && path in EXAMPLE_SCRIPTS);
  if (missing.length === 0) return;
  await engine.files.change(Object.fromEntries(missing.map((path) => [path, EXAMPLE_SCRIPTS[path] ?? ""])));
}

function follow(connection: RawConnection): void {
  chosenEntry.value = undefined;
  session.value = {
    connection,
    entries: [{ kind: "note", text: `connection ${connection.connection} opened` }],
    ended: false,
  };
  let records = 0;
  let errors = 0;
  let over = false;
  let waiting = false;
  const take = () => {
    waiting = false;
    if (session.value?.connection !== connection) return;
    const added: Entry[] = [];
    for (; errors < connection.errors.length; errors++) {
      const error = connection.errors[errors];
      if (error !== undefined) added.push({ kind: "error", code: error.code, message: error.message });
    }
    for (; records < connection.records.length; records++) {
      const received = connection.records[records];
      if (received !== undefined) {
        added.push({ kind: "received", bytes: received.bytes, whole: received.record !== undefined });
      }
    }
    if (connection.ended && !over) {
      over = true;
      void connection.closed.then(({ error }) => {
        if (session.value?.connection !== connection) return;
        const text = error === undefined ? "the connection has ended" : `the connection broke: ${error}`;
        add([{ kind: "end", text, broken: error !== undefined }], true);
      });
    }
    if (added.length > 0) add(added);
  };
  connection.onChange(() => {
    // Once a frame: a fast answer is many changes.
    if (waiting) return;
    waiting = true;
    setTimeout(take, 16);
  });
}

function told(step: ScenarioStep): void {
  if (step.do === "send") {
    // Byte by byte would be hundreds of lines.
    if (step.bytes.length > 1) add([{ kind: "note", text: step.note }]);
    sent(step.bytes);
  } else add([{ kind: "note", text: step.note }]);
}

function sent(bytes: Uint8Array): void {
  const current = session.value;
  const last = current?.entries.at(-1);
  if (current !== undefined && last?.kind === "sent" && !last.whole) {
    // The rest of a record that was cut.
    const joined = new Uint8Array(last.bytes.length + bytes.length);
    joined.set(last.bytes);
    joined.set(bytes, last.bytes.length);
    session.value = { ...current, entries: [...current.entries.slice(0, -1), ...sentEntries(joined)] };
    return;
  }
  add(sentEntries(bytes));
}

function sentEntries(bytes: Uint8Array): Entry[] {
  return cut(bytes).map((item) => ({ kind: "sent", bytes: item.bytes, whole: item.type === "record" }));
}

function add(entries: readonly Entry[], ended = false): void {
  const current = session.value;
  if (current === undefined) return;
  session.value = {
    ...current,
    entries: [...current.entries, ...entries].slice(0, MAX_ENTRIES),
    ended: current.ended || ended,
  };
}
