// The connection: what went out and what came back, in order; and the bytes of what is chosen.

import { useLayoutEffect, useRef } from "preact/hooks";
import { type Annotation, annotate } from "../../../../src/capture/annotate.ts";
import { typeName } from "../../../../src/capture/names.ts";
import { RecordType } from "../../../../src/codec/index.ts";
import { AnnotatedBytes } from "../../components/annotated-bytes.tsx";
import { Icon } from "../../components/icon.tsx";
import { explanationOf } from "./explanations.ts";
import { glance } from "./records.ts";
import { chosenEntry, closeConnection, type Entry, resetConnection, runningScenario, session } from "./session.ts";

export function ConnectionPanel() {
  const current = session.value;
  const open = current !== undefined && !current.ended;
  return (
    <section class="panel connection" aria-label="Connection">
      <div class="panel-head">
        <h2>{current === undefined ? "Connection" : `Connection ${current.connection.connection}`}</h2>
        <span class={`badge ${open ? "good" : ""}`} role="status">
          {runningScenario.value !== undefined ? "running" : current === undefined ? "none" : open ? "open" : "ended"}
        </span>
        <div class="end">
          <button type="button" class="button small" disabled={!open} onClick={closeConnection}>
            Close
          </button>
          <button type="button" class="button small danger" disabled={!open} onClick={resetConnection}>
            Reset
          </button>
        </div>
      </div>
      {current === undefined ? (
        <p class="empty">Run a scenario, or compose records and send them: what passes appears here.</p>
      ) : (
        <>
          <Entries entries={current.entries} />
          <Chosen entries={current.entries} />
        </>
      )}
    </section>
  );
}

function Entries({ entries }: { readonly entries: readonly Entry[] }) {
  const list = useRef<HTMLOListElement>(null);
  useLayoutEffect(() => {
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [entries.length]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard.
    <ol class="entries" ref={list} tabIndex={0} aria-label="What passed">
      {entries.map((entry, index) => (
        <li key={index} class="entry" data-kind={entry.kind}>
          <EntryLine entry={entry} index={index} />
        </li>
      ))}
    </ol>
  );
}

function EntryLine({ entry, index }: { readonly entry: Entry; readonly index: number }) {
  switch (entry.kind) {
    case "note":
      return <p class="entry-note">{entry.text}</p>;
    case "end":
      return <p class={`entry-end ${entry.broken ? "bad" : ""}`}>{entry.text}</p>;
    case "error": {
      const explanation = explanationOf(entry.code);
      return (
        <div class="entry-error" role="alert">
          <p>
            <code>{entry.code}</code> {entry.message}
          </p>
          {explanation !== undefined && <p class="entry-explained">{explanation}</p>}
        </div>
      );
    }
    default: {
      const { kind, bytes, whole } = entry;
      const requestId = whole ? ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0) : 0;
      const length = ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0);
      const content = bytes.subarray(whole ? 8 : 0, whole ? 8 + length : undefined);
      return (
        <button
          type="button"
          class="entry-record"
          aria-pressed={chosenEntry.value === index}
          style={{ "--colour": `var(--request-${requestId === 0 ? 0 : ((requestId - 1) % 8) + 1})` }}
          onClick={() => {
            chosenEntry.value = chosenEntry.value === index ? undefined : index;
          }}
        >
          <Icon name={kind === "sent" ? "arrow-right" : "arrow-left"} />
          <span class="visually-hidden">{kind === "sent" ? "sent" : "received"}</span>
          <b>{whole ? typeName(bytes[1] ?? 0) : "no whole record"}</b>
          {whole && <span>#{requestId}</span>}
          <span class="entry-length">{whole ? length : bytes.length} B</span>
          <span class="entry-text">{glance(content, 60)}</span>
        </button>
      );
    }
  }
}

function Chosen({ entries }: { readonly entries: readonly Entry[] }) {
  const index = chosenEntry.value ?? latest(entries);
  const entry = index === undefined ? undefined : entries[index];
  if (entry === undefined || (entry.kind !== "sent" && entry.kind !== "received")) return null;
  const before = pairBefore(entries, index ?? 0);
  const annotation = annotate(entry.bytes, before === undefined ? {} : { before });
  return (
    <div class="chosen">
      <p class="inspector-summary">
        {annotation.summary} <span class="hint">{entry.kind}</span>
      </p>
      {annotation.problems.length > 0 && <p class="inspector-problems">{annotation.problems.join("; ")}</p>}
      <AnnotatedBytes key={index} bytes={entry.bytes} annotation={annotation} label={`The record ${entry.kind}`} />
    </div>
  );
}

/** The start of a name-value pair that the record goes on with: PARAMS is a stream, cut into records anywhere. */
function pairBefore(entries: readonly Entry[], index: number): Annotation["rest"] | undefined {
  const chosen = entries[index];
  if (chosen?.kind !== "sent" || chosen.bytes[1] !== RecordType.PARAMS) return undefined;
  let rest: Annotation["rest"] | undefined;
  for (const entry of entries.slice(0, index)) {
    if (entry.kind !== "sent" || !entry.whole) continue;
    const { bytes } = entry;
    if (bytes[1] !== RecordType.PARAMS || bytes[2] !== chosen.bytes[2] || bytes[3] !== chosen.bytes[3]) continue;
    rest = annotate(bytes, rest === undefined ? {} : { before: rest }).rest;
  }
  return rest;
}

/** What came back last, or went out last. */
function latest(entries: readonly Entry[]): number | undefined {
  const received = entries.findLastIndex(({ kind }) => kind === "received");
  if (received !== -1) return received;
  const sent = entries.findLastIndex(({ kind }) => kind === "sent");
  return sent === -1 ? undefined : sent;
}
