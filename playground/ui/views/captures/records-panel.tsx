// The records of a request, or of a whole connection, in the order of time.

import { useSignal } from "@preact/signals";
import type { FollowedItem } from "../../../../src/capture/follow.ts";
import { Icon } from "../../components/icon.tsx";
import { lengthOf, titleOf } from "./item-text.ts";
import { More, ROWS } from "./more.tsx";
import { chosenItem, connection, items } from "./open.ts";

export function RecordsPanel() {
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
