// Bytes beside what they mean: hex on one side, fields on the other, each lighting the other up.

import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import type { AnnotatedField, Annotation } from "../../../src/capture/annotate.ts";
import { characterOf, hexOf } from "./hex-dump.ts";
import "./annotated-bytes.css";

/** Bytes shown of one record. */
export const MAX_SHOWN = 4 * 1024;
/** Characters shown of one value. */
const MAX_TEXT = 240;

export interface AnnotatedBytesProps {
  readonly bytes: Uint8Array;
  readonly annotation: Annotation;
  /** Names the lists for those who cannot see them. */
  readonly label: string;
}

/** A field to choose, or a whole name-value pair. */
interface Entry {
  /** Places among the fields. */
  readonly fields: readonly number[];
}

export function AnnotatedBytes({ bytes, annotation, label }: AnnotatedBytesProps) {
  /** Place of the field that is lit up. */
  const hot = useSignal<number | undefined>(undefined);
  const box = useRef<HTMLDivElement>(null);
  const { fields } = annotation;

  // Only the two places change, not the whole dump.
  useSignalEffect(() => {
    const index = hot.value;
    const element = box.current;
    if (element === null) return;
    for (const lit of element.querySelectorAll(".lit")) lit.classList.remove("lit");
    if (index === undefined) return;
    for (const part of element.querySelectorAll(`[data-field="${index}"]`)) part.classList.add("lit");
  });

  // The pointer over either half; the keyboard has the list of fields.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const over = ({ target }: Event) => {
      const field = (target as Element).closest<HTMLElement>("[data-field]")?.dataset.field;
      hot.value = field === undefined ? undefined : Number(field);
    };
    const leave = () => {
      hot.value = undefined;
    };
    element.addEventListener("mouseover", over);
    element.addEventListener("mouseleave", leave);
    return () => {
      element.removeEventListener("mouseover", over);
      element.removeEventListener("mouseleave", leave);
    };
  }, [hot]);

  return (
    <div class="annotated" ref={box}>
      <HexView bytes={bytes} fields={fields} label={label} hot={hot} />
      <FieldList
        fields={fields}
        label={label}
        hot={hot}
        onHot={(index) => {
          hot.value = index;
        }}
      />
    </div>
  );
}

interface HexViewProps {
  readonly bytes: Uint8Array;
  readonly fields: readonly AnnotatedField[];
  readonly label: string;
  readonly hot: ReadonlySignal<number | undefined>;
}

function HexView({ bytes, fields, label, hot }: HexViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const columns = useSignal(16);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      columns.value = element.clientWidth < 540 ? 8 : 16;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [columns]);

  // A field chosen by the keyboard comes into sight.
  useSignalEffect(() => {
    const index = hot.value;
    const element = box.current;
    if (index === undefined || element === null || element.matches(":hover")) return;
    const part = element.querySelector<HTMLElement>(`[data-field="${index}"]`);
    if (part === null) return;
    const top = part.offsetTop - element.offsetTop;
    if (top < element.scrollTop || top + 20 > element.scrollTop + element.clientHeight) element.scrollTop = top - 20;
  });

  const lines = useMemo(() => linesOf(bytes, fields, columns.value), [bytes, fields, columns.value]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard.
    <section class="hex" ref={box} tabIndex={0} aria-label={`${label}: bytes`}>
      {lines.map(({ at, parts }) => (
        <div class="hex-line" key={at}>
          <span class="hex-offset">{at.toString(16).padStart(4, "0")}</span>
          <span class="hex-bytes" style={{ width: `${columns.value * 3}ch` }}>
            {parts.map(({ field, start, end, tone }) => (
              <span key={start} data-field={field} data-tone={tone}>
                {[...bytes.subarray(start, end)].map(hexOf).join(" ")}
              </span>
            ))}
          </span>
          <span class="hex-text">
            {parts.map(({ field, start, end, tone }) => (
              <span key={start} data-field={field} data-tone={tone}>
                {[...bytes.subarray(start, end)].map(characterOf).join("")}
              </span>
            ))}
          </span>
        </div>
      ))}
      {bytes.length > MAX_SHOWN && (
        <p class="hint">
          The first {MAX_SHOWN.toLocaleString("en")} of {bytes.length.toLocaleString("en")} bytes.
        </p>
      )}
    </section>
  );
}

interface Line {
  readonly at: number;
  readonly parts: readonly {
    readonly field: number;
    readonly start: number;
    readonly end: number;
    readonly tone: string;
  }[];
}

function linesOf(bytes: Uint8Array, fields: readonly AnnotatedField[], columns: number): Line[] {
  const lines: Line[] = [];
  const length = Math.min(bytes.length, MAX_SHOWN);
  let field = 0;
  for (let at = 0; at < length; at += columns) {
    const end = Math.min(at + columns, length);
    const parts: Line["parts"][number][] = [];
    for (let from = at; from < end; ) {
      while (field < fields.length - 1 && (fields[field] as AnnotatedField).end <= from) field += 1;
      const to = Math.max(from + 1, Math.min(end, fields[field]?.end ?? end));
      parts.push({ field, start: from, end: to, tone: toneOf(fields[field]) });
      from = to;
    }
    lines.push({ at, parts });
  }
  return lines;
}

/** What colour the bytes have: the data-tone of annotated-bytes.css. */
function toneOf(field: AnnotatedField | undefined): string {
  if (field === undefined) return "content";
  if (field.problem !== undefined) return "problem";
  if (field.part !== "content") return field.part;
  switch (field.name) {
    case "nameLength":
    case "valueLength":
      return "length";
    case "name":
      return "name";
    case "value":
      return "value";
    default:
      return "content";
  }
}

interface FieldListProps {
  readonly fields: readonly AnnotatedField[];
  readonly label: string;
  readonly hot: ReadonlySignal<number | undefined>;
  readonly onHot: (index: number | undefined) => void;
}

function FieldList({ fields, label, hot, onHot }: FieldListProps) {
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const entries = useMemo(() => entriesOf(fields), [fields]);
  const active = useSignal(0);

  const choose = (index: number) => {
    const next = Math.max(0, Math.min(entries.length - 1, index));
    active.value = next;
    onHot(entries[next]?.fields[0]);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: active.value + 1,
      ArrowUp: active.value - 1,
      Home: 0,
      End: entries.length - 1,
    };
    // Within a pair, from its lengths to its name and value.
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const own = entries[active.value]?.fields ?? [];
      const at = own.indexOf(hot.value ?? -1);
      const next = own[Math.max(0, Math.min(own.length - 1, at + (event.key === "ArrowRight" ? 1 : -1)))];
      if (next !== undefined) onHot(next);
      event.preventDefault();
      return;
    }
    const index = steps[event.key];
    if (index === undefined) return;
    event.preventDefault();
    choose(index);
  };
  return (
    <div
      class="fields"
      ref={list}
      role="listbox"
      aria-label={`${label}: fields`}
      aria-activedescendant={`${id}-${active.value}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onFocus={() => choose(active.value)}
      onBlur={() => onHot(undefined)}
    >
      {entries.map((entry, index) => (
        <FieldEntry
          key={entry.fields[0]}
          id={`${id}-${index}`}
          entry={entry}
          fields={fields}
          selected={index === active.value}
        />
      ))}
    </div>
  );
}

interface FieldEntryProps {
  readonly id: string;
  readonly entry: Entry;
  readonly fields: readonly AnnotatedField[];
  readonly selected: boolean;
}

function FieldEntry({ id, entry, fields, selected }: FieldEntryProps) {
  const own = entry.fields.map((index) => ({ index, field: fields[index] as AnnotatedField }));
  const first = own[0];
  if (first === undefined) return null;
  if (own.length === 1) {
    const { index, field } = first;
    return (
      // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the chosen field.
      <div
        id={id}
        role="option"
        aria-selected={selected}
        class="field-entry"
        data-field={index}
        data-tone={toneOf(field)}
      >
        <span class="field-name">{field.name}</span>
        <span class="field-value">{shorten(field.value)}</span>
        <span class="field-meaning">{field.problem ?? field.meaning}</span>
        <span class="field-section">{sectionOf(field)}</span>
      </div>
    );
  }
  const problem = own.find(({ field }) => field.problem !== undefined)?.field.problem;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the chosen field.
    <div id={id} role="option" aria-selected={selected} class="field-entry pair-entry" data-tone={problem && "problem"}>
      <span class="pair-lengths">
        {own.map(({ index, field }) =>
          field.name.endsWith("Length") ? (
            <span
              key={index}
              data-field={index}
              data-tone="length"
              title={`${field.name}: ${field.meaning}`}
              class="pair-part"
            >
              {field.value ?? "?"}
            </span>
          ) : null,
        )}
      </span>
      <span class="pair-text">
        {own.map(({ index, field }) =>
          field.name.endsWith("Length") ? null : (
            <span key={index} data-field={index} data-tone={field.name} title={field.meaning} class="pair-part">
              {shorten(field.value) || (field.name === "value" ? "(empty)" : "")}
            </span>
          ),
        )}
        {problem !== undefined && <span class="field-meaning">{problem}</span>}
      </span>
    </div>
  );
}

/** The four fields of a name-value pair make one entry. */
function entriesOf(fields: readonly AnnotatedField[]): Entry[] {
  const entries: { fields: number[] }[] = [];
  let pair: number[] | undefined;
  fields.forEach((field, index) => {
    if (field.start >= MAX_SHOWN) return;
    const ofPair = field.part === "content" && ["nameLength", "valueLength", "name", "value"].includes(field.name);
    if (ofPair && pair !== undefined && field.name !== "nameLength") {
      pair.push(index);
      return;
    }
    pair = ofPair ? [index] : undefined;
    entries.push({ fields: pair ?? [index] });
  });
  return entries;
}

function shorten(value: number | string | undefined): string {
  if (value === undefined) return "";
  const text = String(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} ... (${text.length} characters)` : text;
}

function sectionOf({ section }: AnnotatedField): string {
  return section.replace(/^.*section /, "§ ");
}
