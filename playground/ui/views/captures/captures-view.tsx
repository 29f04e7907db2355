// Captures: what Wireshark or tcpdump recorded, or what passed here, request by request and record by record.

import { signal } from "@preact/signals";
import { captureToJson } from "../../../../src/capture/json.ts";
import { Icon } from "../../components/icon.tsx";
import { CaptureInspector } from "./capture-inspector.tsx";
import { download } from "./download.ts";
import { type OpenCapture, opened, openFile, problem } from "./open.ts";
import { RecordsPanel } from "./records-panel.tsx";
import { RequestsPanel } from "./requests-panel.tsx";
import { OpenPanel, WirePanel } from "./source-panels.tsx";
import "./captures.css";

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
          <RequestsPanel capture={capture} />
          <RecordsPanel />
          <CaptureInspector />
        </div>
      )}
    </>
  );
}
