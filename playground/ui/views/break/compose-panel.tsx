// Bytes made by hand: records from a form, or hex digits explained as they are typed.

import { computed, signal } from "@preact/signals";
import { annotate } from "../../../../src/capture/annotate.ts";
import { concat } from "../../../../src/codec/index.ts";
import { DOCUMENT_ROOT } from "../../../engine/index.ts";
import { AnnotatedBytes } from "../../components/annotated-bytes.tsx";
import { Icon } from "../../components/icon.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { shared } from "../../state/stored.ts";
import { RecordForm } from "./record-form.tsx";
import { areRecords, bytesOf, type ComposedRecord, cut, formatHex, parseHex, wholeRequest } from "./records.ts";
import { problem, sendBytes, session } from "./session.ts";

/** Records are kept over a reload with their keys: those of this visit go on above. */
let lastKey = Date.now();

function withKey(record: Omit<ComposedRecord, "key">): ComposedRecord {
  lastKey += 1;
  return { ...record, key: lastKey };
}

const WHOLE_REQUEST = wholeRequest("/hello.php", DOCUMENT_ROOT).map((record, key) => ({ ...record, key }));

const mode = shared<"records" | "hex">("compose", "records", (value) => value === "records" || value === "hex");
const records = shared<readonly ComposedRecord[]>("records", WHOLE_REQUEST, areRecords);
const hex = shared(
  "hex",
  formatHex(concat(WHOLE_REQUEST.map(bytesOf))),
  (value): value is string => typeof value === "string",
);
/** The record whose bytes are explained below the hex digits. */
const looked = signal(0);

const bytes = computed<Uint8Array>(() =>
  mode.value === "records" ? concat(records.value.map(bytesOf)) : parseHex(hex.value).bytes,
);

const MODES = [
  { name: "records", title: "Records" },
  { name: "hex", title: "Raw bytes" },
] as const;

export function ComposePanel() {
  const open = session.value !== undefined && !session.value.ended;
  return (
    <section class="panel compose" aria-label="Compose">
      <div class="panel-head">
        <h2>Compose</h2>
        <Tabs
          label="Ways to compose"
          id="compose"
          tabs={MODES}
          selected={mode.value}
          onSelect={(name) => {
            if (name === "hex" && mode.value !== "hex") hex.value = formatHex(bytes.value);
            mode.value = name;
          }}
        />
      </div>
      <div class="compose-part" id="compose-part" role="tabpanel" aria-labelledby={`compose-tab-${mode.value}`}>
        {mode.value === "records" ? <Records /> : <RawBytes />}
      </div>
      <div class="compose-foot">
        <span class="hint">
          {bytes.value.length.toLocaleString("en")} bytes
          {open ? `, on connection ${session.value?.connection.connection}` : ""}
        </span>
        {problem.value !== undefined && (
          <span class="badge bad" role="alert">
            {problem.value}
          </span>
        )}
        <button
          type="button"
          class="button primary"
          disabled={bytes.value.length === 0}
          onClick={() => void sendBytes(bytes.value)}
        >
          <Icon name="play" />
          {open ? "Send" : "Open and send"}
        </button>
      </div>
    </section>
  );
}

function Records() {
  const set = (index: number, record: ComposedRecord) => {
    records.value = records.value.map((old, i) => (i === index ? record : old));
  };
  return (
    <>
      <ol class="composed">
        {records.value.map((record, index) => (
          <li key={record.key}>
            <RecordForm
              record={record}
              number={index + 1}
              onChange={(changed) => set(index, changed)}
              onRemove={() => {
                records.value = records.value.filter((_, i) => i !== index);
              }}
            />
          </li>
        ))}
      </ol>
      <div class="row compose-more">
        <button
          type="button"
          class="button small"
          onClick={() => {
            const record = withKey({ type: 5, requestId: 1, content: { kind: "text", text: "" }, padding: undefined });
            records.value = [...records.value, record];
          }}
        >
          <Icon name="plus" />
          Add a record
        </button>
        <button
          type="button"
          class="button quiet small"
          onClick={() => {
            records.value = WHOLE_REQUEST;
          }}
        >
          <Icon name="refresh" />A whole request
        </button>
      </div>
    </>
  );
}

function RawBytes() {
  const parsed = parseHex(hex.value);
  const items = cut(parsed.bytes);
  const index = Math.min(looked.value, Math.max(0, items.length - 1));
  const item = items[index];
  return (
    <div class="raw-bytes">
      <label class="field">
        <span class="label">Hex digits</span>
        <textarea
          class="input"
          rows={9}
          spellcheck={false}
          value={hex.value}
          onInput={(event) => {
            hex.value = event.currentTarget.value;
            looked.value = recordAt(event.currentTarget);
          }}
          onKeyUp={(event) => {
            looked.value = recordAt(event.currentTarget);
          }}
          onClick={(event) => {
            looked.value = recordAt(event.currentTarget);
          }}
        />
      </label>
      {parsed.problem !== undefined && <p class="badge warn">{parsed.problem}</p>}
      {item !== undefined && (
        <div class="raw-explained">
          <p class="hint">
            Record {index + 1} of {items.length}, where the caret stands: {annotate(item.bytes).summary}
          </p>
          <AnnotatedBytes bytes={item.bytes} annotation={annotate(item.bytes)} label={`Record ${index + 1}`} />
        </div>
      )}
    </div>
  );
}

/** Which record the caret stands in. */
function recordAt({ value, selectionStart }: HTMLTextAreaElement): number {
  const before = value.slice(0, selectionStart ?? 0).replace(/\s+/g, "").length >> 1;
  let at = 0;
  const items = cut(parseHex(value).bytes);
  for (const [index, { bytes: own }] of items.entries()) {
    at += own.length;
    if (before < at) return index;
  }
  return Math.max(0, items.length - 1);
}
