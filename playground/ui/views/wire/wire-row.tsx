// One event of the wire: a record as an arrow between two lanes, or a connection opened or closed.

import type { WireClosed, WireEvent, WireOpened, WireRecord } from "../../../engine/index.ts";
import { engine } from "../../state/engine.ts";
import { chosen, colourOf, firstTime, nameOf } from "../../state/wire.ts";
import { elapsed } from "./times.ts";

/** Types whose empty record ends a stream. */
const STREAMS = new Set(["PARAMS", "STDIN", "STDOUT", "STDERR", "DATA"]);

/** Letters of a type that leave no room for its length on a narrow wire. */
const LONG = 10;

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
  /** Few come at once: the arrow of a new one is seen to fly. */
  readonly calm: boolean;
}

export function WireRow({ id, event, index, count, top, selected, calm }: WireRowProps) {
  const fresh = calm && performance.timeOrigin + performance.now() - event.time < FRESH;
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
      <span class="wire-time">
        {elapsed(event.time - firstTime.value)}
        <span class="visually-hidden"> milliseconds: </span>
      </span>
      <span class="wire-track">{event.kind === "record" ? <Arrow record={event} /> : <Marker event={event} />}</span>
      {event.kind === "record" && <span class="visually-hidden">{wayOf(event)}</span>}
      <span class="wire-pid">{pid}</span>
    </div>
  );
}

function Arrow({ record }: { readonly record: WireRecord }) {
  const { direction, requestId, contentLength, paddingLength, malformed, bytes } = record;
  const name = nameOf(record);
  return (
    <span
      class="arrow"
      data-direction={direction}
      data-malformed={malformed || undefined}
      data-long={name.length > LONG || undefined}
    >
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

/** For those who do not see the arrow. */
function wayOf({ hop, direction }: WireRecord): string {
  const [near, far] = hop === "web" ? ["web server", "master"] : ["master", "child"];
  return direction === "to-application" ? `, ${near} to ${far} ` : `, ${far} to ${near} `;
}
