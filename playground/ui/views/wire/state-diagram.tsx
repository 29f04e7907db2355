// The state table of one side, drawn: the state it is in, and the move that the record made.

import { layoutOf, type Move, movesOf, type Side } from "./state-layout.ts";

interface StateDiagramProps {
  readonly side: Side;
  /** What this side is called here. */
  readonly title: string;
  readonly before: string;
  readonly after: string;
  /** What the record was to this side; `undefined` when it made no move. */
  readonly input: string | undefined;
  readonly filter: boolean;
}

/** Units of the drawing: a letter of its labels, and a state's height. */
const LETTER = 7;
const HEIGHT = 26;

export function StateDiagram({ side, title, before, after, input, filter }: StateDiagramProps) {
  const layout = layoutOf(side, filter);
  const moves = movesOf(side, layout);
  const made = input === undefined ? undefined : moves.find(({ from, to }) => from === before && to === after);
  const marker = `${side}-arrow`;
  const told =
    input === undefined
      ? `${wordsOf(after)}; this record makes no move here`
      : before === after
        ? `${wordsOf(input)}: stays ${wordsOf(after)}`
        : `${wordsOf(input)}: from ${wordsOf(before)} to ${wordsOf(after)}`;
  return (
    <figure class="states">
      <figcaption>
        <b>{title}</b> <span>{told}</span>
      </figcaption>
      <svg viewBox={`0 0 ${layout.width} ${layout.height}`} role="img" aria-label={`States of the ${title}: ${told}`}>
        <defs>
          {["", "-made"].map((kind) => (
            <marker
              key={kind}
              id={marker + kind}
              class={`move-head${kind}`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0 8 4 0 8Z" />
            </marker>
          ))}
        </defs>
        {moves.map((move) => (
          <MoveLine
            key={`${move.from}>${move.to}`}
            move={move}
            places={layout.places}
            bend={layout.bends[`${move.from}>${move.to}`] ?? 0}
            made={move === made ? input : undefined}
            marker={marker}
          />
        ))}
        {Object.entries(layout.places).map(([state, [x, y]]) =>
          state === "none" ? (
            <circle key={state} class="state-none" data-now={after === state || undefined} cx={x} cy={y} r="6" />
          ) : (
            <g
              key={state}
              class="state"
              data-now={after === state || undefined}
              data-before={(before === state && before !== after) || undefined}
              data-stayed={(after === state && before === after && input !== undefined) || undefined}
            >
              <rect x={x - widthOf(state) / 2} y={y - HEIGHT / 2} width={widthOf(state)} height={HEIGHT} rx="7" />
              <text x={x} y={y + 4}>
                {wordsOf(state)}
              </text>
            </g>
          ),
        )}
      </svg>
    </figure>
  );
}

interface MoveLineProps {
  readonly move: Move;
  readonly places: Readonly<Record<string, readonly [number, number]>>;
  readonly bend: number;
  /** The input that made this move now. */
  readonly made: string | undefined;
  readonly marker: string;
}

function MoveLine({ move: { from, to, inputs }, places, bend, made, marker }: MoveLineProps) {
  const [x1, y1] = places[from] ?? [0, 0];
  const [x2, y2] = places[to] ?? [0, 0];
  const middle = [(x1 + x2) / 2, (y1 + y2) / 2 + bend] as const;
  const start = edgeOf(from, [x1, y1], middle);
  const end = edgeOf(to, [x2, y2], middle);
  // The curve's own middle lies half way to its control point.
  const label = [(start[0] + 2 * middle[0] + end[0]) / 4, (start[1] + 2 * middle[1] + end[1]) / 4] as const;
  const steep = Math.abs(x2 - x1) < Math.abs(y2 - y1);
  return (
    <g class="move" data-made={made !== undefined || undefined}>
      <title>{`${wordsOf(from)}: ${inputs.map(wordsOf).join(", ")}: ${wordsOf(to)}`}</title>
      <path
        d={`M${start[0]} ${start[1]} Q${middle[0]} ${middle[1]} ${end[0]} ${end[1]}`}
        marker-end={`url(#${marker}${made === undefined ? "" : "-made"})`}
      />
      {made !== undefined && (
        <text x={label[0] - (steep ? 8 : 0)} y={label[1] + (y1 === y2 ? -6 : 4)} text-anchor={steep ? "end" : "middle"}>
          {wordsOf(made)}
        </text>
      )}
    </g>
  );
}

function widthOf(state: string): number {
  return state === "none" ? 12 : state.length * LETTER + 16;
}

/** Where a line from the centre of a state towards `target` leaves its box. */
function edgeOf(state: string, [x, y]: readonly [number, number], [tx, ty]: readonly [number, number]) {
  const halfWidth = widthOf(state) / 2 + 2;
  const halfHeight = state === "none" ? 7 : HEIGHT / 2 + 2;
  const dx = tx - x;
  const dy = ty - y;
  const scale = 1 / Math.max(Math.abs(dx) / halfWidth, Math.abs(dy) / halfHeight, 1e-6);
  return [Math.round(x + dx * scale), Math.round(y + dy * scale)] as const;
}

function wordsOf(name: string): string {
  return name === "none" ? "no request" : name.replaceAll("-", " ");
}
