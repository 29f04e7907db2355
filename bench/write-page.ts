// The generated part of docs/performance.md: between its two marks, everything that the run has measured.

import { readFileSync, writeFileSync } from "node:fs";
import { type Machine, machineLine } from "./machine.ts";
import { renderScalePicture } from "./scale/picture.ts";
import { renderSummary, renderTable, type Table } from "./table.ts";

const PAGE = new URL("../docs/performance.md", import.meta.url);
const PICTURE = new URL("../docs/pictures/scale.svg", import.meta.url);

const BEGIN = "<!-- begin: written by npm run bench -- --write -->";
const END = "<!-- end -->";

/** @throws when the page has lost its marks */
export function writePage(machine: Machine, tables: readonly Table[]): void {
  const page = readFileSync(PAGE, "utf8");
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md has no ${BEGIN} ... ${END}`);
  const parts = [machineLine(machine), `### Targets\n\n${renderSummary(tables)}\n`, ...tables.map(renderTable)];
  writeFileSync(PAGE, `${page.slice(0, begin + BEGIN.length)}\n\n${parts.join("\n")}\n${page.slice(end)}`);
  const picture = renderScalePicture(tables);
  if (picture !== undefined) writeFileSync(PICTURE, picture);
}
