// A lane a child: from its start to its end, with the requests that it ran.

import { useRef } from "preact/hooks";
import { pool } from "../../state/engine.ts";
import { theme } from "../../state/theme.ts";
import { coloursOf } from "./colours.ts";
import { history } from "./history.ts";
import type { Life } from "./pool-history.ts";
import { useTicking } from "./ticking.ts";
import { GUTTER, RIGHT } from "./timeline.tsx";

const ROW = 22;
const BAR = 14;
const MAX_LANES = 16;

const COLOURS = {
  idle: "--good-soft",
  starting: "--warn-soft",
  edge: "--line-strong",
  text: "--text-2",
  line: "--line",
  request0: "--request-0",
  request1: "--request-1",
  request2: "--request-2",
  request3: "--request-3",
  request4: "--request-4",
  request5: "--request-5",
  request6: "--request-6",
  request7: "--request-7",
  request8: "--request-8",
} as const;

type Colours = Record<keyof typeof COLOURS, string>;

export function Lanes({ seconds }: { readonly seconds: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useRef<{ readonly theme: string; readonly colours: Colours } | undefined>(undefined);
  const shownTheme = theme.value;

  useTicking(() => {
    const element = canvas.current;
    const parent = element?.parentElement;
    if (element === null || parent === null || parent === undefined) return;
    if (colours.current?.theme !== shownTheme) {
      colours.current = { theme: shownTheme, colours: coloursOf(parent, COLOURS) };
    }
    draw(element, parent.clientWidth, seconds, colours.current.colours);
  }, [seconds, shownTheme]);

  const children = pool.value?.status.processes ?? [];
  return (
    <div class="lanes">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Requests of ${children.length} children over the last ${seconds} seconds, a lane each`}
      />
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, width: number, seconds: number, colours: Colours): void {
  const now = performance.timeOrigin + performance.now();
  const start = now - seconds * 1000;
  const lives = history.lives.filter(({ to }) => to === undefined || to >= start);
  const lanes = Math.min(
    MAX_LANES,
    Math.max(pool.peek()?.config.maxChildren ?? 1, ...lives.map(({ lane }) => lane + 1)),
  );
  const height = lanes * ROW;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui";
  context.textBaseline = "middle";
  const right = width - RIGHT;
  const x = (time: number) => GUTTER + Math.max(0, Math.min(1, (time - start) / (now - start))) * (right - GUTTER);

  context.fillStyle = colours.line;
  for (let lane = 0; lane < lanes; lane++) context.fillRect(GUTTER, lane * ROW + ROW / 2, right - GUTTER, 1);

  const byPid = new Map<number, Life>();
  for (const life of lives) {
    if (life.lane >= MAX_LANES) continue;
    byPid.set(life.pid, life);
    drawLife(context, life, x, now, colours);
  }
  for (const span of history.spans) {
    const life = byPid.get(span.pid);
    if (life === undefined || (span.to ?? now) < start) continue;
    const left = x(span.from);
    context.fillStyle = colours[`request${(span.request === 0 ? 0 : ((span.request - 1) % 8) + 1) as 0}`];
    context.fillRect(left, top(life), Math.max(1, x(span.to ?? now) - left), BAR);
  }
}

function top({ lane }: Life): number {
  return lane * ROW + (ROW - BAR) / 2;
}

function drawLife(
  context: CanvasRenderingContext2D,
  life: Life,
  x: (time: number) => number,
  now: number,
  colours: Colours,
): void {
  const end = x(life.to ?? now);
  const ready = x(life.ready ?? life.to ?? now);
  const begin = x(life.from);
  context.fillStyle = colours.starting;
  context.fillRect(begin, top(life), ready - begin, BAR);
  context.fillStyle = colours.idle;
  context.fillRect(ready, top(life), end - ready, BAR);
  context.fillStyle = colours.edge;
  context.fillRect(begin, top(life) - 2, 1, BAR + 4);
  if (life.to !== undefined) context.fillRect(end - 1, top(life) - 2, 1, BAR + 4);
  if (life.to !== undefined) return;
  context.fillStyle = colours.text;
  context.textAlign = "right";
  context.fillText(String(life.pid), GUTTER - 8, life.lane * ROW + ROW / 2);
}
