// One record of the composer: header fields in a line, its content below.

import { typeName } from "../../../../src/capture/names.ts";
import { Icon } from "../../components/icon.tsx";
import { Pairs } from "../../components/pairs.tsx";
import { bytesOf, type ComposedRecord, type Content, convert, parseHex } from "./records.ts";

const TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 42];

const ROLES = [
  { value: 1, title: "responder" },
  { value: 2, title: "authorizer" },
  { value: 3, title: "filter" },
  { value: 77, title: "77 (unknown)" },
];

const KINDS: readonly { readonly value: Content["kind"]; readonly title: string }[] = [
  { value: "none", title: "empty" },
  { value: "begin", title: "begin" },
  { value: "params", title: "pairs" },
  { value: "text", title: "text" },
  { value: "hex", title: "hex" },
];

interface RecordFormProps {
  readonly record: ComposedRecord;
  /** From 1. */
  readonly number: number;
  readonly onChange: (record: ComposedRecord) => void;
  readonly onRemove: () => void;
}

export function RecordForm({ record, number, onChange, onRemove }: RecordFormProps) {
  const { type, requestId, content, padding } = record;
  const label = (what: string) => `${what} of record ${number}`;
  return (
    <div
      class="record-form"
      style={{ "--colour": `var(--request-${requestId === 0 ? 0 : ((requestId - 1) % 8) + 1})` }}
    >
      <div class="record-line">
        <select
          class="input record-type"
          aria-label={label("Type")}
          value={String(type)}
          onChange={(event) => onChange({ ...record, type: Number(event.currentTarget.value) })}
        >
          {TYPES.map((code) => (
            <option key={code} value={String(code)}>
              {code} {typeName(code).replace(/^type .*/, "unknown")}
            </option>
          ))}
        </select>
        <label class="record-number">
          id
          <input
            class="input"
            type="number"
            min={0}
            max={65535}
            aria-label={label("Request id")}
            value={requestId}
            onInput={(event) => onChange({ ...record, requestId: within(event.currentTarget.value, 65535) })}
          />
        </label>
        <select
          class="input record-kind"
          aria-label={label("Kind of content")}
          value={content.kind}
          onChange={(event) =>
            onChange({ ...record, content: convert(content, event.currentTarget.value as Content["kind"]) })
          }
        >
          {KINDS.map(({ value, title }) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
        <label class="record-number">
          pad
          <input
            class="input"
            type="number"
            min={0}
            max={255}
            aria-label={label("Padding")}
            placeholder="auto"
            value={padding ?? ""}
            onInput={({ currentTarget: { value } }) =>
              onChange({ ...record, padding: value === "" ? undefined : within(value, 255) })
            }
          />
        </label>
        <span class="hint record-size">{bytesOf(record).length} B</span>
        <button type="button" class="button quiet small" onClick={onRemove}>
          <Icon name="close" />
          <span class="visually-hidden">Remove record {number}</span>
        </button>
      </div>
      <ContentForm
        content={content}
        label={label("Content")}
        onChange={(next) => onChange({ ...record, content: next })}
      />
    </div>
  );
}

interface ContentFormProps {
  readonly content: Content;
  readonly label: string;
  readonly onChange: (content: Content) => void;
}

function ContentForm({ content, label, onChange }: ContentFormProps) {
  switch (content.kind) {
    case "none":
      return null;
    case "begin":
      return (
        <div class="row record-content">
          <label class="record-number">
            role
            <select
              class="input"
              value={String(content.role)}
              onChange={(event) => onChange({ ...content, role: Number(event.currentTarget.value) })}
            >
              {ROLES.map(({ value, title }) => (
                <option key={value} value={String(value)}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={content.keep}
              onChange={(event) => onChange({ ...content, keep: event.currentTarget.checked })}
            />
            keep the connection
          </label>
        </div>
      );
    case "params":
      return (
        <div class="record-content">
          <Pairs name="pair" pairs={content.pairs} onChange={(pairs) => onChange({ ...content, pairs })} />
        </div>
      );
    case "text":
      return (
        <textarea
          class="input record-content"
          aria-label={label}
          rows={2}
          placeholder="text, sent as UTF-8"
          value={content.text}
          onInput={(event) => onChange({ ...content, text: event.currentTarget.value })}
        />
      );
    case "hex": {
      const { problem } = parseHex(content.hex);
      return (
        <div class="record-content">
          <textarea
            class="input"
            aria-label={label}
            rows={2}
            spellcheck={false}
            placeholder="00 01 02 ff"
            value={content.hex}
            onInput={(event) => onChange({ ...content, hex: event.currentTarget.value })}
          />
          {problem !== undefined && <p class="badge warn">{problem}</p>}
        </div>
      );
    }
  }
}

function within(text: string, most: number): number {
  return Math.max(0, Math.min(most, Math.trunc(Number(text)) || 0));
}
