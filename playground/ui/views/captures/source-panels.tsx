// Where a capture comes from: a file, a sample, pasted text, or what passed in the page.

import { useSignal } from "@preact/signals";
import { captureToJson } from "../../../../src/capture/json.ts";
import { writePcapng } from "../../../../src/capture/pcapng-write.ts";
import { Icon } from "../../components/icon.tsx";
import { engine, wireVersion } from "../../state/engine.ts";
import { download } from "./download.ts";
import { HEX_SAMPLE, openBytes, openFile, openSample, openWire, SAMPLES } from "./open.ts";
import { captureOfWire } from "./wire-capture.ts";

export function OpenPanel() {
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

export function WirePanel() {
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
