// The same set-up for real servers: what to write into nginx, Apache, Caddy, php-fpm and edge-fpm.

import { computed } from "@preact/signals";
import { useState } from "preact/hooks";
import { PING_PATH, STATUS_PATH } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { Slider } from "../../components/slider.tsx";
import { php } from "../../state/engine.ts";
import { check, checkedNumbers, setNumbers } from "../../state/pool-numbers.ts";
import { hrefOf } from "../../state/route.ts";
import { copyText } from "../../state/share.ts";
import { draft, editDraft } from "../../state/workspace.ts";
import { changedLines } from "./changed-lines.ts";
import { choices, shown } from "./choices.ts";
import type { Setup } from "./setup.ts";
import { type SetupText, setupTexts } from "./texts.ts";
import "./setups.css";

const setup = computed<Setup>(() => ({
  ...choices.value,
  root: choices.value.root || "/var/www/html",
  host: choices.value.host || "example.org",
  php: php.value.version,
  connections: draft.value.connections,
  pool: checkedNumbers.value.config,
  statusPath: STATUS_PATH,
  pingPath: PING_PATH,
}));

/** Where the playground begins: lines that differ from it are marked. */
const INITIAL: Setup = {
  ...choices.peek(),
  php: php.peek().version,
  connections: "own",
  pool: check({}).config,
  statusPath: STATUS_PATH,
  pingPath: PING_PATH,
};

export function SetupsView() {
  const texts = setupTexts(setup.value);
  const text = texts.find(({ id }) => id === shown.value) ?? texts[0];
  const initial = setupTexts(INITIAL).find(({ id }) => id === text?.id);
  return (
    <div class="page setups">
      <header class="view-head">
        <h1>Set-ups</h1>
        <p>
          What you have built here, for real servers. Each choice changes the playground too; lines that differ from
          where it began are marked.
        </p>
      </header>
      <div class="setups-grid">
        <Choices />
        <section class="panel setup" aria-label="Configuration">
          <div class="panel-head">
            <div class="tabs" role="tablist" aria-label="Server">
              {texts.map(({ id, title }) => (
                <button
                  key={id}
                  type="button"
                  role="tab"
                  id={`setup-tab-${id}`}
                  aria-controls="setup-text"
                  aria-selected={id === text?.id}
                  class="tab"
                  onClick={() => {
                    shown.value = id;
                  }}
                >
                  {title}
                </button>
              ))}
            </div>
          </div>
          {text !== undefined && <Text text={text} initial={initial?.text ?? ""} />}
        </section>
      </div>
    </div>
  );
}

function Choices() {
  const { root, host, listen, frontController } = choices.value;
  const { config, problems } = checkedNumbers.value;
  const set = (change: Partial<typeof choices.value>) => {
    choices.value = { ...choices.value, ...change };
  };
  const kept = draft.value.connections !== "own";
  return (
    <section class="panel" aria-label="Choices">
      <div class="panel-head">
        <h2>Choices</h2>
      </div>
      <div class="panel-body stack">
        <label class="field">
          <span class="label">Host name</span>
          <input
            class="input mono"
            value={host}
            onInput={(event) => set({ host: event.currentTarget.value.replaceAll(/[^\w.-]/g, "") })}
          />
        </label>
        <label class="field">
          <span class="label">Document root</span>
          <input
            class="input mono"
            value={root}
            onInput={(event) => set({ root: event.currentTarget.value.replaceAll(/[^\w./-]/g, "") })}
          />
        </label>
        <Segments
          title="Joined by"
          options={[
            ["unix", "Unix socket"],
            ["tcp", "TCP"],
          ]}
          value={listen}
          onChange={(value) => set({ listen: value })}
        />
        <Segments
          title="Connections"
          options={[
            ["own", "one a request"],
            ["kept", "kept"],
          ]}
          value={kept ? "kept" : "own"}
          onChange={(connections) => editDraft({ connections })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={frontController}
            onChange={(event) => set({ frontController: event.currentTarget.checked })}
          />
          index.php answers for every path
        </label>
        <Segments
          title="pm"
          options={[
            ["static", "static"],
            ["dynamic", "dynamic"],
            ["ondemand", "ondemand"],
          ]}
          value={config.pm}
          onChange={(pm) => void setNumbers({ pm })}
        />
        <div class="slider-list">
          <Slider
            name="pm.max_children"
            min={1}
            max={10}
            value={config.maxChildren}
            onChange={(value) => void setNumbers({ maxChildren: value })}
          />
          <Slider
            name="pm.max_requests"
            min={0}
            max={100}
            value={config.maxRequests}
            text={config.maxRequests === 0 ? "off" : String(config.maxRequests)}
            onChange={(value) => void setNumbers({ maxRequests: value })}
          />
        </div>
        {problems.length > 0 && (
          <p class="failure" role="alert">
            php-fpm would not start: {problems.map(({ directive, value }) => `${directive} = ${value}`).join(", ")}.
          </p>
        )}
        <p class="hint">
          All numbers are in the <a href={hrefOf("pool")}>pool</a>.
        </p>
      </div>
    </section>
  );
}

interface SegmentsProps<Value extends string> {
  readonly title: string;
  readonly options: readonly (readonly [Value, string])[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

function Segments<Value extends string>({ title, options, value, onChange }: SegmentsProps<Value>) {
  return (
    <fieldset class="segments titled">
      <legend>{title}</legend>
      <div class="segments">
        {options.map(([option, text]) => (
          <label key={option}>
            <input
              type="radio"
              name={`setup-${title}`}
              value={option}
              checked={value === option}
              onChange={() => onChange(option)}
            />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Text({ text: { id, file, text, note }, initial }: { readonly text: SetupText; readonly initial: string }) {
  const changed = changedLines(initial, text);
  const lines = text.trimEnd().split("\n");
  const count = lines.filter((_, index) => changed[index]).length;
  return (
    <div id="setup-text" class="setup-text" role="tabpanel" aria-labelledby={`setup-tab-${id}`}>
      <div class="setup-tools">
        <code class="setup-file">{file}</code>
        {count > 0 && <span class="badge">{count === 1 ? "1 line differs" : `${count} lines differ`}</span>}
        <Copy text={text} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard. */}
      <section class="setup-lines" tabIndex={0} aria-label={file}>
        <pre>
          {lines.map((line, index) => (
            // The text is part of the key: a line that changes is a new one, and shows it.
            <span key={`${index} ${line}`} class="line" data-changed={changed[index]}>
              {line}
              {"\n"}
            </span>
          ))}
        </pre>
      </section>
      <p class="setup-note">{note}</p>
    </div>
  );
}

function Copy({ text }: { readonly text: string }) {
  const [state, setState] = useState<"" | "copied" | "refused">("");
  const copy = async (button: Element) => {
    const done = await copyText(text);
    setState(done ? "copied" : "refused");
    setTimeout(() => setState(""), 2500);
    // Where copying is not allowed, what is to be copied is at least selected.
    const lines = button.closest(".setup-text")?.querySelector("pre");
    if (!done && lines !== null && lines !== undefined) getSelection()?.selectAllChildren(lines);
  };
  return (
    <span class="copy">
      <span role="status" class={state === "refused" ? "hint" : "visually-hidden"}>
        {state === "copied" && "Copied"}
        {state === "refused" && "Selected: press Ctrl+C"}
      </span>
      <button type="button" class="button small" onClick={(event) => void copy(event.currentTarget)}>
        <Icon name={state === "copied" ? "check" : "copy"} />
        {state === "copied" ? "Copied" : "Copy"}
      </button>
    </span>
  );
}
