// Captures: what Wireshark or tcpdump recorded, or what passed here, request by request and record by record.

import { signal, useSignal } from "@preact/signals";
import { annotate } from "../../../../src/capture/annotate.ts";
import type { FollowedItem, FollowedRequest } from "../../../../src/capture/follow.ts";
import { captureToJson } from "../../../../src/capture/json.ts";
import { typeName } from "../../../../src/capture/names.ts";
import { writePcapng } from "../../../../src/capture/pcapng-write.ts";
import { AnnotatedBytes } from "../../components/annotated-bytes.tsx";
import { Icon } from "../../components/icon.tsx";
import { engine, wireVersion } from "../../state/engine.ts";
import { StateDiagram } from "../wire/state-diagram.tsx";
import { download } from "./download.ts";
import {
  chooseRequest,
  chosenConnection,
  chosenItem,
  chosenRequest,
  connection,
  HEX_SAMPLE,
  item,
  items,
  type OpenCapture,
  openBytes,
  opened,
  openFile,
  openSample,
  openWire,
  paramOf,
  problem,
  SAMPLES,
  statusOf,
} from "./open.ts";
import { captureOfWire } from "./wire-capture.ts";
import "../wire/inspector.css";
import "./captures.css";

/** Rows that are drawn at first, and with each wish for more. */
const ROWS = 300;

const dragging = signal(false);

export function CapturesView() {
  const capture = opened.value;
  return (
    <section
      class="page captures"
      aria-label="Captures"
      data-dragging={dragging.value}
      onDragOver={(event) => {
        event.preventDefault();
        dragging.value = true;
      }}
      onDragLeave={() => {
        dragging.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        dragging.value = false;
        const file = event.dataTransfer?.files[0];
        if (file !== undefined) void openFile(file);
      }}
    >
      <header class="view-head">
        <h1>Captures</h1>
        <p>
          Open what tcpdump or Wireshark recorded between your web server and php-fpm, or a hex dump. It is read in this
          page and sent nowhere. Or keep what passed here, for Wireshark.
        </p>
      </header>
      <div class="sources">
        <OpenPanel />
        <WirePanel />
      </div>
      {problem.value !== undefined && (
        <p class="failure" role="alert">
          {problem.value}
        </p>
      )}
      {capture !== undefined && <Opened capture={capture} />}
    </section>
  );
}

function OpenPanel() {
  const pasting = useSignal(false);
  const text = useSignal("");
  return (
    <section
      class="panel source drop"
      aria-label="Open a capture"
      onPaste={(event) => {
        const { files } = event.clipboardData ?? {};
        if (files?.[0] !== undefined) void openFile(files[0]);
      }}
    >
      <h2>Open a capture</h2>
      <p class="hint">Drop a file here: pcap, pcapng, a hex dump, or bare records.</p>
      <div class="row">
        <label class="button primary file-button">
          <Icon name="upload" />
          Choose a file
          <input
            type="file"
            class="visually-hidden"
            accept=".pcap,.pcapng,.cap,.txt,.hex,.bin"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file !== undefined) void openFile(file);
              event.currentTarget.value = "";
            }}
          />
        </label>
        <button
          type="button"
          class="button"
          aria-expanded={pasting.value}
          onClick={() => {
            pasting.value = !pasting.value;
          }}
        >
          Paste a hex dump
        </button>
      </div>
      {pasting.value && (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            openBytes("the hex dump", new TextEncoder().encode(text.value || HEX_SAMPLE));
          }}
        >
          <textarea
            class="input"
            rows={5}
            aria-label="Hex dump"
            placeholder={HEX_SAMPLE}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
          <button type="submit" class="button small">
            {text.value === "" ? "Read this example" : "Read it"}
          </button>
        </form>
      )}
      <p class="samples-line">
        <span class="hint">Samples, php-fpm behind</span>
        {SAMPLES.map((sample) => (
          <button
            key={sample.name}
            type="button"
            class="button small"
            title={sample.about}
            onClick={() => void openSample(sample)}
          >
            {sample.name}
          </button>
        ))}
      </p>
    </section>
  );
}

function WirePanel() {
  wireVersion.value;
  const { events } = engine.wire;
  const records = events.filter(({ kind }) => kind === "record").length;
  const connections = new Set(events.map((event) => event.connection)).size;
  const all = () => captureOfWire(events, (number) => engine.wire.connection(number));
  return (
    <section class="panel source" aria-label="What passed here">
      <h2>What passed here</h2>
      <p class="hint">
        {records === 0
          ? "Nothing yet: send a request in the workbench."
          : `${records.toLocaleString("en")} records on ${connections.toLocaleString("en")} connections, with their times.`}
      </p>
      <div class="row">
        <button
          type="button"
          class="button"
          disabled={records === 0}
          onClick={() => download("edge-fpm-playground.pcapng", "application/x-pcapng", writePcapng(all().connections))}
        >
          <Icon name="download" />
          pcapng for Wireshark
        </button>
        <button
          type="button"
          class="button"
          disabled={records === 0}
          onClick={() =>
            download("edge-fpm-playground.json", "application/json", JSON.stringify(captureToJson(all()), undefined, 1))
          }
        >
          <Icon name="download" />
          JSON
        </button>
        <button type="button" class="button quiet" disabled={records === 0} onClick={() => openWire("all")}>
          Walk through it
          <Icon name="arrow-right" />
        </button>
      </div>
      <p class="hint">
        In Wireshark: Decode As, TCP port 9000, FastCGI. Or <code>tshark -r file -d tcp.port==9000,fcgi -V</code>
      </p>
    </section>
  );
}

function Opened({ capture }: { readonly capture: OpenCapture }) {
  const { name, connections, capture: read } = capture;
  const requests = connections.reduce((sum, one) => sum + one.requests.length, 0);
  return (
    <>
      <div class="opened-head">
        <h2>{name}</h2>
        <span class="badge">{read.format}</span>
        <span class="hint">
          {connections.length} {connections.length === 1 ? "connection" : "connections"}, {requests}{" "}
          {requests === 1 ? "request" : "requests"}
          {read.packets > 0 && `, ${read.packets.toLocaleString("en")} packets`}
          {read.otherConnections > 0 && `; ${read.otherConnections} connections are not FastCGI`}
        </span>
        <span class="end">
          <button
            type="button"
            class="button quiet small"
            onClick={() =>
              download(`${name}.json`, "application/json", JSON.stringify(captureToJson(read), undefined, 1))
            }
          >
            <Icon name="download" />
            JSON
          </button>
        </span>
      </div>
      {read.warnings.length > 0 && <p class="hint">{read.warnings.join("; ")}.</p>}
      {connections.length === 0 ? (
        <p class="empty panel">No FastCGI connection is in it.</p>
      ) : (
        <div class="captures-grid">
          <Requests capture={capture} />
          <Records />
          <Inspector />
        </div>
      )}
    </>
  );
}

function Requests({ capture: { connections } }: { readonly capture: OpenCapture }) {
  const shown = useSignal(ROWS);
  const rows = connections.flatMap((one) => [
    { id: one.connection.id, request: undefined, one },
    ...one.requests.map((request) => ({ id: one.connection.id, request, one })),
  ]);
  return (
    <section class="panel requests" aria-label="Requests">
      <div class="panel-head">
        <h2>Requests</h2>
      </div>
      <ul class="choose">
        {rows.slice(0, shown.value).map(({ id, request, one }) => (
          <li key={`${id} ${request?.number ?? ""}`}>
            {request === undefined ? (
              <button
                type="button"
                class="connection-row"
                aria-pressed={chosenConnection.value === id && chosenRequest.value === undefined}
                onClick={() => chooseRequest(id, undefined)}
              >
                <span>Connection {id}</span>
                <span class="hint">
                  {one.connection.webServer} → {one.connection.application}
                </span>
              </button>
            ) : (
              <RequestRow id={id} request={request} />
            )}
          </li>
        ))}
      </ul>
      {rows.length > shown.value && (
        <More
          left={rows.length - shown.value}
          onMore={() => {
            shown.value += ROWS;
          }}
        />
      )}
    </section>
  );
}

function RequestRow({ id, request }: { readonly id: number; readonly request: FollowedRequest }) {
  const status = statusOf(request);
  const { begin, end } = request.times;
  const tone = status === undefined ? "" : Number(status) >= 500 ? "bad" : Number(status) >= 400 ? "warn" : "good";
  return (
    <button
      type="button"
      class="request-row"
      aria-pressed={chosenRequest.value === request.number}
      onClick={() => chooseRequest(id, request.number)}
    >
      <span class={`badge ${tone}`}>{status ?? "none"}</span>
      <span class="request-uri mono">
        {paramOf(request, "REQUEST_METHOD") || String(request.role)} {paramOf(request, "REQUEST_URI")}
      </span>
      <span class="hint">
        id {request.requestId}
        {begin !== undefined && end !== undefined && `, ${(end - begin).toFixed(1)} ms`}
        {request.aborted && ", aborted"}
        {request.problems.length > 0 && ", has problems"}
      </span>
    </button>
  );
}

function More({ left, onMore }: { readonly left: number; readonly onMore: () => void }) {
  return (
    <button type="button" class="button quiet small more" onClick={onMore}>
      {left.toLocaleString("en")} more
    </button>
  );
}

function Records() {
  const shown = useSignal(ROWS);
  const all = items.value;
  const first = all.find((one) => one.item.time !== undefined)?.item.time;
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = all.findIndex(({ index }) => index === chosenItem.value);
    const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
    if (next === undefined) return;
    chosenItem.value = next.index;
    const row = (event.currentTarget as Element).querySelector<HTMLElement>(`[data-index="${next.index}"]`);
    row?.focus();
  };
  return (
    <section class="panel records" aria-label="Records">
      <div class="panel-head">
        <h2>Records</h2>
        <span class="hint">{all.length.toLocaleString("en")}</span>
        <span class="end hint">
          {connection.value?.connection.webServer} | {connection.value?.connection.application}
        </span>
      </div>
      <ol class="choose" onKeyDown={move}>
        {all.slice(0, shown.value).map((one) => (
          <li key={one.index}>
            <RecordRow followed={one} first={first} />
          </li>
        ))}
      </ol>
      {all.length > shown.value && (
        <More
          left={all.length - shown.value}
          onMore={() => {
            shown.value += ROWS;
          }}
        />
      )}
    </section>
  );
}

function RecordRow({ followed, first }: { readonly followed: FollowedItem; readonly first: number | undefined }) {
  const { index, item: one, problems } = followed;
  const id = one.type === "record" ? one.requestId : 0;
  const back = one.direction === "to-web-server";
  const chosen = chosenItem.value === index;
  return (
    <button
      type="button"
      class="record-row"
      data-index={index}
      data-back={back}
      aria-pressed={chosen}
      style={{ "--colour": `var(--request-${id === 0 ? 0 : ((id - 1) % 8) + 1})` }}
      onClick={() => {
        chosenItem.value = index;
      }}
    >
      <span class="record-time mono">
        {one.time === undefined || first === undefined ? "" : `${(one.time - first).toFixed(2)} ms`}
      </span>
      <span class="record-way">
        <Icon name={back ? "arrow-left" : "arrow-right"} />
        <span class="visually-hidden">{back ? "to the web server" : "to the application"}</span>
      </span>
      <span class="record-type mono">{titleOf(followed)}</span>
      <span class="record-length hint">{lengthOf(followed)}</span>
      {problems.length > 0 && <span class="badge bad">problem</span>}
    </button>
  );
}

function titleOf({ item: one }: FollowedItem): string {
  switch (one.type) {
    case "record":
      return typeName(one.recordType);
    case "fragment":
      return "no record";
    case "gap":
      return "missing in the capture";
    case "end":
      return one.how === "reset" ? "connection broken" : "end of this direction";
  }
}

function lengthOf({ item: one }: FollowedItem): string {
  switch (one.type) {
    case "record":
      return `${one.contentLength.toLocaleString("en")} B${one.paddingLength > 0 ? ` + ${one.paddingLength}` : ""}`;
    case "fragment":
      return `${one.bytes.length.toLocaleString("en")} B`;
    case "gap":
      return `${one.missing.toLocaleString("en")} B`;
    case "end":
      return "";
  }
}

function Inspector() {
  const followed = item.value;
  const part = useSignal<"bytes" | "states">("bytes");
  if (followed === undefined || !("bytes" in followed.item)) {
    return (
      <section class="panel inspector" aria-label="Inspector">
        <p class="empty">{followed === undefined ? "Choose a record." : "There are no bytes here."}</p>
      </section>
    );
  }
  const { bytes } = followed.item;
  const name = titleOf(followed);
  const annotation = annotate(bytes, { before: followed.paramsBefore });
  const problems = [...new Set([...followed.problems, ...annotation.problems])];
  return (
    <section class="panel inspector" aria-label="Inspector">
      <div class="panel-head">
        <h2 class="mono">{name}</h2>
        <div class="tabs" role="tablist" aria-label="Parts of the record">
          {(["bytes", "states"] as const).map((one) => (
            <button
              key={one}
              type="button"
              role="tab"
              id={`capture-tab-${one}`}
              aria-controls="capture-part"
              class="tab"
              aria-selected={part.value === one}
              onClick={() => {
                part.value = one;
              }}
            >
              {one === "bytes" ? "Bytes" : "States"}
            </button>
          ))}
        </div>
      </div>
      <p class="inspector-summary">{annotation.summary}</p>
      {problems.length > 0 && <p class="inspector-problems">{problems.join("; ")}</p>}
      <div
        class="inspector-part"
        id="capture-part"
        role="tabpanel"
        aria-labelledby={`capture-tab-${part.value}`}
        tabIndex={part.value === "states" ? 0 : undefined}
      >
        {part.value === "bytes" ? (
          <AnnotatedBytes key={followed.index} bytes={bytes} annotation={annotation} label={name} />
        ) : (
          <States followed={followed} />
        )}
      </div>
    </section>
  );
}

function States({ followed }: { readonly followed: FollowedItem }) {
  const { before, after, webServerInput, applicationInput, request } = followed;
  if (request === undefined) return <p class="empty">It belongs to no request: no state changes.</p>;
  const filter = [before, after].some(({ webServer, application }) => `${webServer} ${application}`.includes("data"));
  return (
    <div class="states-pair">
      <StateDiagram
        side="web-server"
        title="web server"
        before={before.webServer}
        after={after.webServer}
        input={webServerInput}
        filter={filter}
      />
      <StateDiagram
        side="application"
        title="application"
        before={before.application}
        after={after.application}
        input={applicationInput}
        filter={filter}
      />
    </div>
  );
}
