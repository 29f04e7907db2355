// What came back: the page as a browser shows it, headers, raw bytes, STDERR.

import { useState } from "preact/hooks";
import { Tabs } from "../../components/tabs.tsx";
import { toBase64 } from "../../state/base64.ts";
import { shownVisit, type Visit, visits } from "../../state/visits.ts";

const PARTS = ["page", "headers", "raw", "stderr"] as const;
type Part = (typeof PARTS)[number];

const TITLES: Readonly<Record<Part, string>> = { page: "Page", headers: "Headers", raw: "Raw", stderr: "STDERR" };

export function AnswerPanel() {
  const [part, setPart] = useState<Part>("page");
  const visit = visits.value.find(({ id }) => id === shownVisit.value);
  const stderr = visit?.end?.stderr ?? [];
  return (
    <section class="panel answer" aria-label="Answer" data-visit={visit?.id} data-state={visit?.state}>
      <div class="panel-head">
        <Tabs
          label="Parts of the answer"
          id="answer"
          tabs={PARTS.map((name) => ({
            name,
            title: (
              <>
                {TITLES[name]}
                {name === "stderr" && stderr.length > 0 && <span class="badge warn">{stderr.length}</span>}
              </>
            ),
          }))}
          selected={part}
          onSelect={setPart}
        />
        <div class="end">
          <Summary visit={visit} />
          <History />
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard. */}
      <div class="answer-part" id="answer-part" role="tabpanel" aria-labelledby={`answer-tab-${part}`} tabIndex={0}>
        {visit === undefined ? (
          <p class="empty">Send a request: its answer appears here, its records on the wire.</p>
        ) : (
          <PartOf part={part} visit={visit} />
        )}
      </div>
    </section>
  );
}

function Summary({ visit }: { readonly visit: Visit | undefined }) {
  if (visit === undefined) return null;
  const { response, state, end, body } = visit;
  if (response === undefined) {
    return (
      <span class={`badge ${state === "failed" ? "bad" : ""}`} role="status">
        {state === "failed" ? "no answer" : "waiting"}
      </span>
    );
  }
  const tone = response.status >= 500 || state === "failed" ? "bad" : response.status >= 400 ? "warn" : "good";
  return (
    <span class="answer-summary" role="status">
      <span class={`badge ${tone}`}>
        {response.status} <span class="status-text">{response.statusText}</span>
      </span>{" "}
      <span class="hint">
        {body.length.toLocaleString("en")} B{end !== undefined && ` in ${milliseconds(end.timings.total)}`}
        {state === "receiving" && ", more to come"}
      </span>
    </span>
  );
}

function History() {
  if (visits.value.length < 2) return null;
  return (
    <select
      class="input history"
      aria-label="Earlier requests"
      value={String(shownVisit.value)}
      onChange={(event) => {
        shownVisit.value = Number(event.currentTarget.value);
      }}
    >
      {visits.value.map(({ id, input, response }) => (
        <option key={id} value={String(id)}>
          {id}: {input.method} {input.url} {response?.status ?? ""}
        </option>
      ))}
    </select>
  );
}

function PartOf({ part, visit }: { readonly part: Part; readonly visit: Visit }) {
  const { response, body, end, error } = visit;
  switch (part) {
    case "page":
      return (
        <>
          {error !== undefined && <p class="failure">{error}</p>}
          <Page visit={visit} />
        </>
      );
    case "headers":
      return response === undefined ? (
        <p class="empty">No answer yet.</p>
      ) : (
        <table class="table mono">
          <tbody>
            {response.headers.map(([name, value], index) => (
              <tr key={index}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      );
    case "raw":
      return (
        <pre class="raw">
          {new TextDecoder().decode(body)}
          {visit.cut && "\n[the rest is not kept]"}
        </pre>
      );
    default:
      return end === undefined || end.stderr.length === 0 ? (
        <p class="empty">Nothing was written to STDERR.</p>
      ) : (
        <pre class="raw">{end.stderr.join("\n")}</pre>
      );
  }
}

/** HTML in a frame that can do nothing, an image as an image, anything else as text. */
function Page({ visit: { response, body, state, end } }: { readonly visit: Visit }) {
  const type = response?.headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (response === undefined) return state === "failed" ? null : <p class="empty">Waiting for the script.</p>;
  if (state === "done" && body.length === 0) {
    const told = (end?.stderr.length ?? 0) > 0;
    return <p class="empty">The body is empty.{told && " What the script complained about is under STDERR."}</p>;
  }
  if (type.startsWith("text/html")) {
    return (
      <iframe
        key={state}
        class="page-frame"
        title="The page that the script made"
        sandbox=""
        srcdoc={new TextDecoder().decode(body)}
      />
    );
  }
  if (type.startsWith("image/") && state === "done") {
    return <img class="page-image" alt="What the script made" src={dataUrl(body, type)} />;
  }
  return <pre class="raw">{new TextDecoder().decode(body)}</pre>;
}

function dataUrl(body: Uint8Array, type: string): string {
  return `data:${type.split(";", 1)[0]};base64,${toBase64(body)}`;
}

function milliseconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}
