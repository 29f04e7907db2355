// The wire: every record between web server, master and children as an arrow, newest at the end.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { WireEvent } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { chosen, paused, rows } from "../../state/wire.ts";
import { openTour, tourOpen } from "../tour/state.ts";
import { WireRow } from "./wire-row.tsx";
import { WireTools } from "./wire-tools.tsx";
import "./wire.css";

/** Pixels of a row, as in wire.css. */
const ROW = 28;
/** Rows drawn above and below what is seen. */
const OVERSCAN = 6;

const rowId = (event: WireEvent) => `wire-${event.seq}`;

export function WirePanel() {
  return (
    <section class="panel wire" aria-label="Wire">
      <WireTools />
      <div class="wire-lanes" aria-hidden="true">
        <span class="lane-name" data-lane="web-server">
          web server
        </span>
        <span class="lane-name" data-lane="master">
          master
        </span>
        <span class="lane-name" data-lane="child">
          child
        </span>
      </div>
      <WireList />
    </section>
  );
}

function WireList() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(400);
  const following = useSignal(true);
  const { list, removed, flood } = rows.value;
  const selected = chosen.value;

  const end = Math.max(0, list.length * ROW - height.value);
  const at = following.value ? end : Math.min(top.value, end);
  const first = Math.max(0, Math.floor(at / ROW) - OVERSCAN);
  const last = Math.min(list.length, Math.ceil((at + height.value) / ROW) + OVERSCAN);
  const seen = list.slice(first, last);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [height]);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (following.peek()) element.scrollTop = element.scrollHeight;
    // What is read stays where it is while older rows go.
    else if (removed > 0) element.scrollTop -= removed * ROW;
  });

  // A record chosen elsewhere comes into sight.
  useSignalEffect(() => {
    const event = chosen.value;
    const element = box.current;
    if (event === undefined || element === null) return;
    const index = indexOf(rows.peek().list, event);
    if (index === -1) return;
    const from = index * ROW;
    const above = from < element.scrollTop;
    const below = from + ROW > element.scrollTop + element.clientHeight;
    if (!above && !below) return;
    following.value = false;
    const to = above ? from : from + ROW - element.clientHeight;
    top.value = to;
    element.scrollTop = to;
  });

  const move = (index: number) => {
    const event = list[Math.max(0, Math.min(list.length - 1, index))];
    if (event !== undefined) chosen.value = event;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const current = selected === undefined ? -1 : indexOf(list, selected);
    const page = Math.max(1, Math.floor(height.value / ROW) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: current + 1,
      ArrowUp: current === -1 ? list.length - 1 : current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: list.length - 1,
    };
    if (event.key === "Enter" || event.key === " ") {
      document.getElementById("inspector")?.focus();
    } else {
      const index = steps[event.key];
      if (index === undefined) return;
      move(index);
    }
    event.preventDefault();
  };

  if (list.length === 0) {
    return (
      <div class="wire-list">
        <div class="empty">
          <p>Nothing has passed{paused.value && " while it was recorded"}. Each record will be an arrow here.</p>
          {!tourOpen.value && (
            <p>
              New to FastCGI?{" "}
              <button type="button" class="button small" onClick={() => openTour()}>
                <Icon name="compass" />
                Show me around
              </button>
            </p>
          )}
        </div>
      </div>
    );
  }
  const rendered = selected !== undefined && seen.includes(selected);
  return (
    <div class="wire-list">
      <div
        class="wire-scroll"
        ref={box}
        role="listbox"
        aria-label="Records, oldest first"
        aria-activedescendant={rendered && selected !== undefined ? rowId(selected) : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={({ currentTarget }) => {
          top.value = currentTarget.scrollTop;
          following.value = currentTarget.scrollTop + currentTarget.clientHeight >= currentTarget.scrollHeight - ROW;
        }}
      >
        <div class="wire-space" role="presentation" style={{ height: `${list.length * ROW}px` }}>
          {seen.map((event, index) => (
            <WireRow
              // In a flood all rows are others each time: their elements are used again.
              key={flood ? `row ${index}` : event.seq}
              id={rowId(event)}
              event={event}
              index={first + index}
              count={list.length}
              top={(first + index) * ROW}
              selected={event === selected}
              calm={!flood}
            />
          ))}
        </div>
      </div>
      {!following.value && (
        <button
          type="button"
          class="button small wire-newest"
          onClick={() => {
            following.value = true;
          }}
        >
          <Icon name="arrow-down" />
          Newest
        </button>
      )}
    </div>
  );
}

/** Numbers grow along the list. */
function indexOf(list: readonly WireEvent[], event: WireEvent): number {
  let low = 0;
  let high = list.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const seq = (list[middle] as WireEvent).seq;
    if (seq === event.seq) return middle;
    if (seq < event.seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
