// What passed on the page's own wire as a capture, like one that was read from a file.

import type { Capture, CapturedConnection, CaptureEvent } from "../../../../src/capture/capture.ts";
import type { Hop, WireEvent, WireOpened } from "../../../engine/index.ts";

/** Both hops, or one of them. */
export type HopChoice = Hop | "all";

/**
 * The connections of the wire, in the order in which they opened. Each record is a piece of bytes of its own.
 *
 * @param opened tells the beginning of a connection: it may have been dropped from the events
 */
export function captureOfWire(
  events: readonly WireEvent[],
  opened: (connection: number) => WireOpened | undefined,
  hop: HopChoice = "all",
): Capture {
  const connections = new Map<number, CapturedConnection & { readonly events: CaptureEvent[] }>();
  for (const event of events) {
    if (hop !== "all" && event.hop !== hop) continue;
    let connection = connections.get(event.connection);
    if (connection === undefined) {
      connection = { id: connections.size + 1, ...namesOf(event, opened(event.connection)), events: [], mixed: false };
      connections.set(event.connection, connection);
    }
    const { time } = event;
    if (event.kind === "record") {
      connection.events.push({ type: "bytes", direction: event.direction, time, bytes: event.bytes });
    }
    if (event.kind !== "closed") continue;
    const how = event.error === undefined ? "closed" : "reset";
    connection.events.push({ type: "end", direction: "to-web-server", time, how });
    if (how === "closed") connection.events.push({ type: "end", direction: "to-application", time, how });
  }
  return { format: "pcapng", connections: [...connections.values()], packets: 0, otherConnections: 0, warnings: [] };
}

function namesOf(
  { hop, connection }: WireEvent,
  opened: WireOpened | undefined,
): Pick<CapturedConnection, "webServer" | "application"> {
  if (hop === "child")
    return { webServer: "master", application: `child ${opened?.pid ?? `of connection ${connection}`}` };
  const near = opened?.origin === "raw" || opened?.origin === "batch" ? "visitor of the playground" : "web server";
  return { webServer: near, application: "master" };
}
