// The scale tables as one picture: a curve each, cost beside that of the size it is held against, sizes by powers of ten.

import type { Table } from "../table.ts";
import { SCALE_TITLES } from "./series.ts";

const PANEL = { width: 230, height: 150, left: 40, top: 34, gap: 26 };

/** Most that a panel's axis shows; smaller sizes may cost more a byte, and are cut there. */
const TOP = 2;

interface Point {
  readonly size: number;
  readonly ratio: number;
}

/** SVG in the colours of whoever shows it; undefined when the tables are not all there. */
export function renderScalePicture(tables: readonly Table[]): string | undefined {
  const panels = Object.values(SCALE_TITLES).map((title) => tables.find((table) => table.title === title));
  if (panels.some((panel) => panel === undefined)) return undefined;
  const width = panels.length * (PANEL.width + PANEL.gap) + PANEL.left;
  const height = PANEL.top + PANEL.height + 40;
  const parts = panels.map((table, at) => renderPanel(table as Table, PANEL.left + at * (PANEL.width + PANEL.gap)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>Cost of a request as it grows</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}

function renderPanel(table: Table, left: number): string {
  const points = table.rows.map(({ name, ratio }): Point => ({ size: sizeOf(name), ratio: ratio ?? Number.NaN }));
  const most = Math.log10(points.at(-1)?.size ?? 1);
  const least = Math.log10(points[0]?.size ?? 1);
  const x = (size: number) => left + ((Math.log10(size) - least) / Math.max(1, most - least)) * (PANEL.width - 30) + 10;
  const y = (ratio: number) => PANEL.top + PANEL.height * (1 - Math.min(ratio, TOP) / TOP);
  const bottom = PANEL.top + PANEL.height;
  const grid = [0, 0.5, 1, 1.5, TOP].map(
    (ratio) =>
      `<line x1="${left}" x2="${left + PANEL.width}" y1="${y(ratio)}" y2="${y(ratio)}" stroke="${ratio === 1 ? "#888" : "#ddd"}"/>` +
      `<text x="${left - 6}" y="${y(ratio) + 4}" text-anchor="end" fill="#555">${ratio}x</text>`,
  );
  const line = points.map(({ size, ratio }) => `${x(size).toFixed(1)},${y(ratio).toFixed(1)}`).join(" ");
  const dots = points.map(
    ({ size, ratio }) =>
      `<circle cx="${x(size).toFixed(1)}" cy="${y(ratio).toFixed(1)}" r="3.5" fill="#0b62c4"><title>${size}: ${ratio.toFixed(2)}x</title></circle>` +
      `<text x="${x(size).toFixed(1)}" y="${bottom + 18}" text-anchor="middle" fill="#555">${shortNumber(size)}</text>`,
  );
  return [
    `<text x="${left}" y="18" font-weight="600" fill="#222">${table.title.replace("Scale: ", "")}</text>`,
    ...grid,
    `<polyline points="${line}" fill="none" stroke="#0b62c4" stroke-width="2"/>`,
    ...dots,
  ].join("\n");
}

function sizeOf(name: string): number {
  return Number(name.split(" ")[0]?.replaceAll(",", ""));
}

function shortNumber(size: number): string {
  if (size >= 1e6) return `${size / 1e6}M`;
  return size >= 1e3 ? `${size / 1e3}k` : String(size);
}
