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

const NONE: Place = [10, 30];

const WEB_SERVER: Layout = {
  width: 340,
  height: 176,
  places: {
    none: NONE,
    "sending-stdin": [86, 30],
    waiting: [270, 30],
    "draining-stdin": [86, 92],
    aborted: [286, 92],
    ended: [178, 156],
  },
  bends: {},
};

const WEB_SERVER_FILTER: Layout = {
  width: 480,
  height: 236,
  places: {
    none: NONE,
    "sending-stdin-and-data": [116, 30],
    "sending-stdin": [290, 30],
    "sending-data": [116, 88],
    waiting: [420, 30],
    aborted: [350, 88],
    "draining-stdin-and-data": [116, 150],
    "draining-stdin": [290, 150],
    "draining-data": [116, 212],
    ended: [420, 150],
  },
  bends: { "sending-stdin-and-data>draining-stdin-and-data": -40 },
};

const APPLICATION: Layout = {
  width: 340,
  height: 176,
  places: {
    none: NONE,
    "receiving-params": [90, 30],
    "receiving-stdin": [264, 30],
    responding: [220, 92],
    aborting: [290, 156],
    ended: [90, 156],
  },
  bends: { "receiving-stdin>ended": -34 },
};

const APPLICATION_FILTER: Layout = {
  width: 480,
  height: 216,
  places: {
    none: NONE,
    "receiving-params": [92, 30],
    "receiving-stdin-and-data": [380, 30],
    "receiving-stdin": [240, 84],
    "receiving-data": [400, 96],
    responding: [300, 146],
    aborting: [410, 196],
    ended: [92, 196],
  },
  bends: {},
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
