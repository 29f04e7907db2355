// What the master logs, as php-fpm writes it; its status page, the real one, asked for over FastCGI; and scripts' mails.

import { useEffect, useRef, useState } from "preact/hooks";
import { logLine } from "../../../../src/fpm/log-line.ts";
import { type EngineLog, STATUS_PATH, type StatusFormat } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { Mails } from "../../components/mails.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { engine, logs } from "../../state/engine.ts";

const PARTS = [
  { name: "log", title: "Log" },
  { name: "status", title: "Status page" },
  { name: "mails", title: "Mails" },
] as const;
type Part = (typeof PARTS)[number]["name"];

export function LogPanel() {
  const [part, setPart] = useState<Part>("log");
  return (
    <section class="panel pool-log" aria-label="Log, status page and mails">
      <div class="panel-head">
        <Tabs label="Log, status page or mails" id="pool" tabs={PARTS} selected={part} onSelect={setPart} />
      </div>
      <div class="pool-part" id="pool-part" role="tabpanel" aria-labelledby={`pool-tab-${part}`}>
        {part === "log" ? <Log /> : part === "status" ? <Status /> : <Mails />}
      </div>
    </section>
  );
}

interface Line {
  readonly key: number;
  readonly text: string;
}

/** Made once for each entry: a busy pool logs much. */
const made = new WeakMap<EngineLog, Line>();
let lastKey = 0;

function lineOf(entry: EngineLog): Line {
  let line = made.get(entry);
  if (line === undefined) {
    lastKey += 1;
    line = { key: lastKey, text: logLine(entry, entry.time, { level: "debug" })?.trimEnd() ?? "" };
    made.set(entry, line);
  }
  return line;
}

function Log() {
  const box = useRef<HTMLElement>(null);
  const lines = logs.value;
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    // Whoever has scrolled back to read is left alone.
    if (element.scrollHeight - element.scrollTop - element.clientHeight < 80) element.scrollTop = element.scrollHeight;
  }, [lines]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard.
    <section class="log" ref={box} tabIndex={0} aria-label="Log lines">
      {lines.length === 0 && <p class="empty">Nothing yet. Children that start, end or are missing are told here.</p>}
      <ol>
        {lines.map((entry) => {
          const { key, text } = lineOf(entry);
          return (
            <li key={key} data-level={entry.level}>
              {text}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

const FORMATS: readonly StatusFormat[] = ["text", "json", "xml", "html", "openmetrics"];

function Status() {
  const [format, setFormat] = useState<StatusFormat>("text");
  const [full, setFull] = useState(true);
  const [asked, setAsked] = useState(0);
  const [page, setPage] = useState<{ readonly contentType: string; readonly body: string }>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    let wanted = true;
    engine.pool.statusPage(format, full).then(
      (answer) => {
        if (!wanted) return;
        setPage(answer);
        setProblem(undefined);
      },
      (error: Error) => wanted && setProblem(error.message),
    );
    return () => {
      wanted = false;
    };
  }, [format, full, asked]);
  const query = [format === "text" ? "" : format, full ? "full" : ""].filter((part) => part !== "").join("&");
  return (
    <div class="status">
      <div class="status-tools">
        <label class="field inline">
          <span class="visually-hidden">Format of the status page</span>
          <select
            class="input"
            value={format}
            onChange={(event) => setFormat(event.currentTarget.value as StatusFormat)}
          >
            {FORMATS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={full} onChange={(event) => setFull(event.currentTarget.checked)} />
          full
        </label>
        <code class="status-url">
          {STATUS_PATH}
          {query === "" ? "" : `?${query}`}
        </code>
        <button type="button" class="button small" onClick={() => setAsked(asked + 1)}>
          <Icon name="refresh" />
          Ask again
        </button>
      </div>
      {problem !== undefined && (
        <p class="failure" role="alert">
          {problem}
        </p>
      )}
      {page !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard.
        <section class="status-page" tabIndex={0} aria-label={`Status page, ${page.contentType}`}>
          <pre>{page.body}</pre>
        </section>
      )}
    </div>
  );
}
