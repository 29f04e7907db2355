// Every sample as a dot, on a logarithmic scale of milliseconds; the medians as lines.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CompareSample } from "../../../engine/index.ts";
import { cgi, fastcgi, type Kind, planned, samples } from "./compare.ts";
import { milliseconds } from "./milliseconds.ts";

/** Pixels; the width is what there is. */
const LEAST_WIDTH = 300;
const HEIGHT = 260;
const LEFT = 64;
const RIGHT = 84;
const TOP = 14;
const BOTTOM = 28;

/** Powers of ten that are always shown, in milliseconds. */
const LOWEST = 0.1;
const HIGHEST = 1000;

export function RaceChart() {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(720);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      width.value = Math.max(LEAST_WIDTH, element.clientWidth);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [width]);
  return (
    <div ref={box} class="race-box">
      <Chart width={width.value} />
    </div>
  );
}

function Chart({ width }: { readonly width: number }) {
  const all = samples.value;
  const values = all.map(({ total }) => Math.max(0.01, total));
  const low = 10 ** Math.floor(Math.log10(Math.min(LOWEST * 10, ...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(HIGHEST / 10, ...values)));
  const y = (value: number) =>
    TOP +
    (1 - (Math.log10(Math.max(low, value)) - Math.log10(low)) / (Math.log10(high) - Math.log10(low))) *
      (HEIGHT - TOP - BOTTOM);
  const most = Math.max(1, planned.value);
  const x = (index: number) => LEFT + ((index + 0.5) / most) * (width - LEFT - RIGHT);
  const decades: number[] = [];
  for (let value = low; value <= high * 1.001; value *= 10) decades.push(value);
  const medians: readonly { kind: Kind; title: string; total: number | undefined }[] = [
    { kind: "cgi", title: "CGI", total: cgi.value?.total },
    { kind: "fastcgi", title: "FastCGI", total: fastcgi.value?.total },
  ];
  return (
    <svg class="race" width={width} height={HEIGHT} role="img" aria-label={labelOf(medians)}>
      {decades.map((value) => (
        <g key={value} class="grid">
          <line x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
          <text x={LEFT - 10} y={y(value) + 4} text-anchor="end">
            {value >= 1000 ? `${value / 1000} s` : `${Number(value.toPrecision(1))} ms`}
          </text>
        </g>
      ))}
      <text class="axis" x={LEFT} y={HEIGHT - 6}>
        request 1
      </text>
      <text class="axis" x={width - RIGHT} y={HEIGHT - 6} text-anchor="end">
        {planned.value > 1 ? planned.value : ""}
      </text>
      {medians.map(({ kind, title, total }) =>
        total === undefined ? null : (
          <g key={kind} class="median" data-kind={kind}>
            <line x1={LEFT} x2={width - RIGHT} y1={y(total)} y2={y(total)} />
            <text x={width - RIGHT + 10} y={y(total) - 2} class="name">
              {title}
            </text>
            <text x={width - RIGHT + 10} y={y(total) + 14}>
              {milliseconds(total)}
            </text>
          </g>
        ),
      )}
      {all.map((sample) => (
        <Dot key={`${sample.kind} ${sample.index}`} sample={sample} x={x(sample.index)} y={y(sample.total)} />
      ))}
    </svg>
  );
}

function Dot({ sample, x, y }: { readonly sample: CompareSample; readonly x: number; readonly y: number }) {
  return (
    <circle class="dot" data-kind={sample.kind} cx={x} cy={y} r={4.5}>
      <title>{`${sample.kind === "cgi" ? "CGI" : "FastCGI"}, request ${sample.index + 1}: ${milliseconds(sample.total)}`}</title>
    </circle>
  );
}

function labelOf(medians: readonly { title: string; total: number | undefined }[]): string {
  const known = medians.flatMap(({ title, total }) => (total === undefined ? [] : [`${title} ${milliseconds(total)}`]));
  return known.length === 0
    ? "Times of requests; none measured yet"
    : `Times of requests, medians: ${known.join(", ")}`;
}
