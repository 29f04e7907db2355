// The chosen record: its bytes and what they mean, the specification in plain words, and the state of both sides.

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { annotate } from "../../../../src/capture/annotate.ts";
import type { FollowedItem } from "../../../../src/capture/follow.ts";
import type { WireClosed, WireOpened, WireRecord } from "../../../engine/index.ts";
import { AnnotatedBytes } from "../../components/annotated-bytes.tsx";
import { hexDump } from "../../components/hex-dump.ts";
import { Icon } from "../../components/icon.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { engine } from "../../state/engine.ts";
import { chosen, colourOf, nameOf } from "../../state/wire.ts";
import { followRecord } from "./followed.ts";
import { plainWords } from "./plain-words.ts";
import { StateDiagram } from "./state-diagram.tsx";
import "./inspector.css";

const PARTS = [
  { name: "bytes", title: "Bytes" },
  { name: "states", title: "States" },
  { name: "words", title: "Specification" },
] as const;
type Part = (typeof PARTS)[number]["name"];

const shownPart = signal<Part>("bytes");

export function InspectorPanel() {
  const event = chosen.value;
  return (
    <section class="panel inspector" id="inspector" aria-label="Inspector" tabIndex={-1}>
      {event === undefined ? (
        <>
          <div class="panel-head">
            <h2>Inspector</h2>
          </div>
          <p class="empty">Choose a record on the wire to see its bytes, and what they mean.</p>
        </>
      ) : event.kind === "record" ? (
        <RecordInspector key={event.seq} record={event} />
      ) : (
        <ConnectionInspector event={event} />
      )}
    </section>
  );
}

function RecordInspector({ record }: { readonly record: WireRecord }) {
  const part = shownPart.value;
  const followed = followRecord(engine.wire.events, record);
  const annotation = annotate(record.bytes, followed === undefined ? {} : { before: followed.paramsBefore });
  const name = nameOf(record);
  const problems = followed?.problems ?? annotation.problems;
  return (
    <>
      <div class="panel-head">
        <h2 class="inspector-title" style={{ "--colour": `var(--request-${colourOf(record)})` }}>
          <span class="inspector-dot" />
          <span>{name}</span>
        </h2>
        <Tabs
          label="Parts of the record"
          id="inspector"
          tabs={PARTS}
          selected={part}
          onSelect={(name) => {
            shownPart.value = name;
          }}
        />
        <div class="end">
          <CopyHex bytes={record.bytes} />
        </div>
      </div>
      <p class="inspector-summary">
        {annotation.summary} <span class="hint">{wayOf(record)}</span>
      </p>
      {problems.length > 0 && <p class="inspector-problems">{problems.join("; ")}</p>}
      <div
        class="inspector-part"
        id="inspector-part"
        role="tabpanel"
        aria-labelledby={`inspector-tab-${part}`}
        tabIndex={part === "bytes" ? undefined : 0}
      >
        {part === "bytes" && <AnnotatedBytes bytes={record.bytes} annotation={annotation} label={name} />}
        {part === "states" && <States record={record} followed={followed} />}
        {part === "words" && <Words record={record} />}
      </div>
    </>
  );
}

function wayOf({ hop, direction, connection, request, bytes }: WireRecord): string {
  const pid = engine.wire.connection(connection)?.pid;
  const near = hop === "web" ? "web server" : "master";
  const far = hop === "web" ? "master" : `child ${pid ?? ""}`.trim();
  const way = direction === "to-application" ? `${near} → ${far}` : `${far} → ${near}`;
  const of = request === 0 ? "" : `, request ${request}`;
  return `${way}, connection ${connection}${of}, ${bytes.length.toLocaleString("en")} bytes`;
}

function States({ record, followed }: { readonly record: WireRecord; readonly followed: FollowedItem | undefined }) {
  if (followed === undefined || record.requestId === 0) {
    return (
      <p class="empty">
        {record.malformed
          ? "Bytes that are no record move nobody."
          : "A management record is about the connection: no request changes its state."}
      </p>
    );
  }
  const { before, after, webServerInput, applicationInput } = followed;
  const filter = [before, after].some(({ webServer, application }) => `${webServer} ${application}`.includes("data"));
  const [near, far] = record.hop === "web" ? ["web server", "master"] : ["master", "child"];
  return (
    <div class="states-pair">
      {before.webServer === "none" && webServerInput === undefined && (
        <p class="hint">The beginning of this request is not kept any more, or there was none.</p>
      )}
      <StateDiagram
        side="web-server"
        title={`${near} (sends the request)`}
        before={before.webServer}
        after={after.webServer}
        input={webServerInput}
        filter={filter}
      />
      <StateDiagram
        side="application"
        title={`${far} (answers it)`}
        before={before.application}
        after={after.application}
        input={applicationInput}
        filter={filter}
      />
    </div>
  );
}

function Words({ record }: { readonly record: WireRecord }) {
  return (
    <dl class="words">
      {plainWords(record.type, record.malformed).map(({ section, title, text }) => (
        <div key={title}>
          <dt>
            {title} <span class="badge">FastCGI 1.0, section {section}</span>
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function CopyHex({ bytes }: { readonly bytes: Uint8Array }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      class="button quiet small"
      onClick={async () => {
        await navigator.clipboard?.writeText(hexDump(bytes)).catch(() => {});
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      }}
    >
      <Icon name={copied ? "check" : "copy"} />
      <span class="copy-name">{copied ? "Copied" : "Hex"}</span>
      <span class="visually-hidden">{copied ? "" : ": copy the record as hex"}</span>
    </button>
  );
}

function ConnectionInspector({ event }: { readonly event: WireOpened | WireClosed }) {
  const between = event.hop === "web" ? "web server and master" : "master and child";
  return (
    <>
      <div class="panel-head">
        <h2>
          Connection {event.connection} {event.kind === "opened" ? "opened" : "closed"}
        </h2>
      </div>
      <div class="panel-body">
        <p>
          Between {between}. {event.kind === "closed" && event.error !== undefined && `It broke: ${event.error}.`}
        </p>
      </div>
    </>
  );
}
