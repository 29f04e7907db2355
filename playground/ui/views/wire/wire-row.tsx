// One event of the wire: a record as an arrow between two lanes, or a connection opened or closed.

import type { WireClosed, WireEvent, WireOpened, WireRecord } from "../../../engine/index.ts";
import { engine } from "../../state/engine.ts";
import { chosen, colourOf, firstTime, nameOf } from "../../state/wire.ts";
import { elapsed } from "./times.ts";

/** Types whose empty record ends a stream. */
const STREAMS = new Set(["PARAMS", "STDIN", "STDOUT", "STDERR", "DATA"]);

/** Milliseconds for which a row counts as new: its arrow is seen to fly. */
const FRESH = 400;

interface WireRowProps {
  readonly id: string;
  readonly event: WireEvent;
  readonly index: number;
  readonly count: number;
  /** Pixels. */
  readonly top: number;
  readonly selected: boolean;
}

export function WireRow({ id, event, index, count, top, selected }: WireRowProps) {
  const fresh = performance.timeOrigin + performance.now() - event.time < FRESH;
  const pid = event.hop === "child" ? engine.wire.connection(event.connection)?.pid : undefined;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list moves the choice by the keyboard.
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the chosen row.
    <div
      id={id}
      role="option"
      class="wire-row"
      aria-selected={selected}
      aria-posinset={index + 1}
      aria-setsize={count}
      aria-label={labelOf(event, pid)}
      data-kind={event.kind}
      data-hop={event.hop}
      data-fresh={fresh || undefined}
      style={{
        transform: `translateY(${top}px)`,
        "--colour": event.kind === "record" ? `var(--request-${colourOf(event)})` : "var(--text-3)",
      }}
      onClick={() => {
        chosen.value = event;
      }}
    >
      <span class="wire-time">{elapsed(event.time - firstTime.value)}</span>
      <span class="wire-track">{event.kind === "record" ? <Arrow record={event} /> : <Marker event={event} />}</span>
      <span class="wire-pid">{pid}</span>
    </div>
  );
}

function Arrow({ record }: { readonly record: WireRecord }) {
  const { direction, requestId, contentLength, paddingLength, malformed, bytes } = record;
  const name = nameOf(record);
  return (
    <span class="arrow" data-direction={direction} data-malformed={malformed || undefined}>
      <span class="arrow-label">
        <b>{name}</b>
        {!malformed && <span class="arrow-id">#{requestId}</span>}
        <span class="arrow-length">
          {malformed ? `${bytes.length} B` : contentLength === 0 && STREAMS.has(name) ? "end" : `${contentLength} B`}
        </span>
        {paddingLength > 0 && <span class="arrow-padding">+{paddingLength}</span>}
      </span>
    </span>
  );
}

function Marker({ event }: { readonly event: WireOpened | WireClosed }) {
  return (
    <span class="marker" data-kind={event.kind}>
      <span>{markerText(event)}</span>
    </span>
  );
}

function markerText(event: WireOpened | WireClosed): string {
  if (event.kind === "opened") return `connection ${event.connection} opened`;
  return event.error === undefined ? `connection ${event.connection} closed` : `connection ${event.connection} broke`;
}

function labelOf(event: WireEvent, pid: number | undefined): string {
  const when = `after ${elapsed(event.time - firstTime.peek())} milliseconds`;
  if (event.kind !== "record") return `${markerText(event)}, ${when}`;
  const far = event.hop === "web" ? "master" : `child ${pid ?? ""}`.trim();
  const near = event.hop === "web" ? "web server" : "master";
  const [from, to] = event.direction === "to-application" ? [near, far] : [far, near];
  const of = event.malformed ? "" : `, request id ${event.requestId}, ${event.contentLength} bytes of content`;
  const padding = event.paddingLength > 0 ? `, ${event.paddingLength} of padding` : "";
  return `${nameOf(event)} from ${from} to ${to}${of}${padding}, ${when}`;
}
