// Where the states stand in their drawings. The moves between them come from the tables of src/connection.

import { APPLICATION_REQUEST_MOVES, WEB_SERVER_REQUEST_MOVES } from "../../../../src/connection/index.ts";

export type Side = "web-server" | "application";

/** Centre of a state, in units of the drawing. */
type Place = readonly [x: number, y: number];

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly places: Readonly<Record<string, Place>>;
  /** How far a move bends away from the straight line, by "from>to"; up is negative. */
  readonly bends: Readonly<Record<string, number>>;
}

/** A move of the table from one state to another. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** What makes it. */
  readonly inputs: readonly string[];
}

const NONE: Place = [14, 62];

const WEB_SERVER: Layout = {
  width: 480,
  height: 168,
  places: {
    none: NONE,
    "sending-stdin": [92, 62],
    waiting: [250, 62],
    ended: [446, 62],
    aborted: [190, 136],
    "draining-stdin": [340, 136],
  },
  bends: { "sending-stdin>draining-stdin": -112, "aborted>ended": 92 },
};

const WEB_SERVER_FILTER: Layout = {
  width: 560,
  height: 250,
  places: {
    none: NONE,
    "sending-stdin-and-data": [118, 62],
    "sending-stdin": [290, 24],
    "sending-data": [290, 100],
    waiting: [420, 62],
    ended: [528, 62],
    aborted: [420, 150],
    "draining-stdin-and-data": [118, 216],
    "draining-stdin": [290, 180],
    "draining-data": [290, 228],
  },
  bends: {},
};

const APPLICATION: Layout = {
  width: 480,
  height: 168,
  places: {
    none: NONE,
    "receiving-params": [92, 62],
    "receiving-stdin": [222, 62],
    responding: [342, 62],
    ended: [446, 62],
    aborting: [300, 136],
  },
  bends: { "receiving-params>ended": -96, "receiving-stdin>ended": -58 },
};

const APPLICATION_FILTER: Layout = {
  width: 560,
  height: 190,
  places: {
    none: NONE,
    "receiving-params": [92, 62],
    "receiving-stdin-and-data": [200, 112],
    "receiving-stdin": [310, 62],
    "receiving-data": [340, 158],
    responding: [424, 84],
    ended: [528, 62],
    aborting: [470, 150],
  },
  bends: { "receiving-params>ended": -90, "receiving-stdin>ended": -50 },
};

/** The drawing of one side; filters have states of their own. */
export function layoutOf(side: Side, filter: boolean): Layout {
  if (side === "web-server") return filter ? WEB_SERVER_FILTER : WEB_SERVER;
  return filter ? APPLICATION_FILTER : APPLICATION;
}

/** All moves between the states of a layout, those with the same ends as one. Moves that stay are left out. */
export function movesOf(side: Side, { places }: Layout): Move[] {
  const table: Readonly<Record<string, Readonly<Partial<Record<string, string>>>>> =
    side === "web-server" ? WEB_SERVER_REQUEST_MOVES : APPLICATION_REQUEST_MOVES;
  const begins = Object.keys(places)[1] ?? "none";
  const moves: Move[] = [{ from: "none", to: begins, inputs: ["begin"] }];
  for (const [from, row] of Object.entries(table)) {
    const byEnd = new Map<string, string[]>();
    for (const [input, to] of Object.entries(row)) {
      if (to === undefined || to === from || !(from in places) || !(to in places)) continue;
      byEnd.set(to, [...(byEnd.get(to) ?? []), input]);
    }
    for (const [to, inputs] of byEnd) moves.push({ from, to, inputs });
  }
  return moves;
}
