// Children and queue over time, stacked: what is at work, what is idle, what waits.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { pool } from "../../state/engine.ts";
import { theme } from "../../state/theme.ts";
import { coloursOf } from "./colours.ts";
import { history } from "./history.ts";
import { useTicking } from "./ticking.ts";

/** Pixels left of the drawing; the lanes below have the same. */
export const GUTTER = 44;
/** And right of it: half of the last label. */
export const RIGHT = 14;

const HEIGHT = 150;

const COLOURS = {
  active: "--accent",
  idle: "--good",
  idleSoft: "--good-soft",
  other: "--line-strong",
  queue: "--warn",
  queueSoft: "--warn-soft",
  text: "--text-3",
  line: "--line",
} as const;

export function Timeline({ seconds }: { readonly seconds: number }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const shown = useRef(seconds);
  shown.current = seconds;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element), dataOf(seconds), element);
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [theme.value]);

  useTicking(() => chart.current?.setData(dataOf(shown.current)), []);

  const status = pool.value?.status;
  const label =
    status === undefined
      ? "Children over time"
      : `Children over time; now ${status.activeProcesses} active, ${status.idleProcesses} idle, ${status.listenQueue} requests waiting`;
  return <div class="timeline" ref={host} role="img" aria-label={label} />;
}

function optionsFor(element: HTMLElement): uPlot.Options {
  const colours = coloursOf(element, COLOURS);
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const series = (stroke: string, fill: string): uPlot.Series => ({
    stroke,
    fill,
    width: 1,
    points: { show: false },
    ...(stepped !== undefined && { paths: stepped }),
  });
  const axis = { stroke: colours.text, ticks: { show: false }, font: "11px system-ui", gap: 4 };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, RIGHT, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: false, range: (_, min, max) => [min, max] },
      y: { range: (_, _min, max) => [0, Math.max(max, pool.peek()?.config.maxChildren ?? 1) + 0.5] },
    },
    axes: [
      {
        ...axis,
        size: 20,
        space: 80,
        grid: { show: false },
        values: (_, splits) => splits.map((split) => (split === 0 ? "now" : `${split} s`)),
      },
      {
        ...axis,
        size: GUTTER,
        grid: { stroke: colours.line, width: 1 },
        incrs: [1, 2, 5, 10, 20, 50, 100],
      },
    ],
    // From the top of the pile to its foot: each covers what lies below it.
    series: [
      {},
      series(colours.queue, colours.queueSoft),
      series(colours.other, colours.other),
      series(colours.idle, colours.idleSoft),
      series(colours.active, colours.active),
    ],
    hooks: {
      draw: [(made) => drawLimit(made, colours.text)],
    },
  };
}

/** pm.max_children, as a line. */
function drawLimit(made: uPlot, colour: string): void {
  const limit = pool.peek()?.config.maxChildren;
  if (limit === undefined) return;
  const { ctx, bbox } = made;
  const y = Math.round(made.valToPos(limit, "y", true));
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** Seconds before now, and the heights of the pile. The present holds until something changes. */
function dataOf(seconds: number): uPlot.AlignedData {
  const now = performance.timeOrigin + performance.now();
  const columns: [number[], number[], number[], number[], number[]] = [[], [], [], [], []];
  const add = (x: number, idle: number, active: number, other: number, queue: number) => {
    columns[0].push(x);
    columns[1].push(active + idle + other + queue);
    columns[2].push(active + idle + other);
    columns[3].push(active + idle);
    columns[4].push(active);
  };
  const { points } = history;
  let first = points.findIndex(({ time }) => time >= now - seconds * 1000);
  if (first === -1) first = points.length;
  const before = points[first - 1];
  if (before === undefined) add(-seconds, 0, 0, 0, 0);
  else add(-seconds, before.idle, before.active, before.other, before.queue);
  for (const { time, idle, active, other, queue } of points.slice(first)) {
    add(Math.min(0, (time - now) / 1000), idle, active, other, queue);
  }
  const last = points.at(-1);
  add(0, last?.idle ?? 0, last?.active ?? 0, last?.other ?? 0, last?.queue ?? 0);
  return columns;
}
