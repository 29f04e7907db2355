// Above the wire: what is shown of it.

import type { Hop, WireEvent } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { engine } from "../../state/engine.ts";
import { chosen, clearWire, filter, type Only, paused, rows, setFilter } from "../../state/wire.ts";

const HOPS: readonly { readonly value: Hop | "all"; readonly title: string }[] = [
  { value: "all", title: "all lanes" },
  { value: "web", title: "web server, master" },
  { value: "child", title: "master, child" },
];

export function WireTools() {
  const { hop, type } = filter.value;
  return (
    <div class="panel-head wire-tools">
      <h2>Wire</h2>
      <Count />
      <div class="wire-filters">
        <select
          class="input"
          aria-label="Hop"
          value={hop}
          onChange={(event) => setFilter({ hop: event.currentTarget.value as Hop | "all" })}
        >
          {HOPS.map(({ value, title }) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
        <input
          class="input"
          type="search"
          aria-label="Part of a record type"
          placeholder="type"
          spellcheck={false}
          value={type}
          onInput={(event) => setFilter({ type: event.currentTarget.value })}
        />
        <RequestFilter />
      </div>
      <div class="end">
        <button
          type="button"
          class="button quiet small"
          title={paused.value ? "Go on" : "Pause"}
          onClick={() => {
            paused.value = !paused.value;
          }}
        >
          <Icon name={paused.value ? "play" : "pause"} />
          <span class="visually-hidden">{paused.value ? "Go on" : "Pause"}</span>
        </button>
        <button type="button" class="button quiet small" title="Clear" onClick={clearWire}>
          <Icon name="trash" />
          <span class="visually-hidden">Clear</span>
        </button>
      </div>
    </div>
  );
}

function RequestFilter() {
  const { only } = filter.value;
  const number = only !== undefined && "request" in only ? String(only.request) : "";
  return (
    <>
      <input
        class="input wire-request"
        type="number"
        min={1}
        aria-label="Number of a request"
        placeholder="no."
        value={number}
        onInput={({ currentTarget }) => {
          const request = Number(currentTarget.value);
          setFilter({ only: request > 0 ? { request } : undefined });
        }}
      />
      <OnlyThis />
    </>
  );
}

function OnlyThis() {
  const { only } = filter.value;
  const of = chosen.value === undefined ? undefined : onlyOf(chosen.value);
  if (only !== undefined) {
    return (
      <button type="button" class="button small" aria-pressed={true} onClick={() => setFilter({ only: undefined })}>
        <Icon name="close" />
        {"request" in only ? `Request ${only.request}` : `Connection ${only.connection}`}
      </button>
    );
  }
  return (
    <button
      type="button"
      class="button small"
      aria-pressed={false}
      title="Only the request of the chosen record"
      disabled={of === undefined}
      onClick={() => setFilter({ only: of })}
    >
      Only this
    </button>
  );
}

function onlyOf(event: WireEvent): Only {
  if (event.kind === "record" && event.request > 0) return { request: event.request };
  return { connection: event.connection };
}

function Count() {
  const { list } = rows.value;
  const all = engine.wire.events.length;
  const { dropped } = engine.wire;
  const shown = list.length.toLocaleString("en");
  return (
    <span class="hint wire-count">
      {list.length === all || paused.value ? shown : `${shown} of ${all.toLocaleString("en")}`}
      {paused.value && ", paused"}
      {dropped > 0 && (
        <span title="The wire keeps 20,000 events and 16 MiB; the oldest go first">
          , {dropped.toLocaleString("en")} older gone
        </span>
      )}
    </span>
  );
}
