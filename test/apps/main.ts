// `npm run test:apps`: real applications end to end, with figures, and one table in the end.
//   npm run test:apps -- [beginning of a test file's name ...] [--json <file>]

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { AppRow } from "./figures.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(ROOT, ".cache/apps-figures");

const { values, positionals } = parseArgs({ options: { json: { type: "string" } }, allowPositionals: true });

const names = positionals.length === 0 ? [""] : positionals;

rmSync(FOLDER, { recursive: true, force: true });
/** What every application with a database stands on: 8 writers in two children, and as many rows as show a lost one. */
const DATABASES = { file: "test/workers/files-databases.test.ts", rows: "10000" };

// One file at a time: what else runs would be in the figures.
const files = [...names.map((name) => `test/apps/${name}`), ...(positionals.length === 0 ? [DATABASES.file] : [])];
const args = ["vitest", "run", "--no-file-parallelism", ...files];
const { status } = spawnSync("npx", args, {
  cwd: ROOT,
  stdio: "inherit",
  env: { ...process.env, APPS_FIGURES: FOLDER, EDGE_FPM_INSERTS: DATABASES.rows },
});
process.exitCode = status ?? 1;

const rows = (existsSync(FOLDER) ? readdirSync(FOLDER) : [])
  .sort()
  .map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as AppRow);
const processor = cpus();
process.stdout.write(`
### Applications

Node ${process.version}, ${processor.length} x ${processor[0]?.model ?? "unknown processor"}. Warm: p50 of single requests, one after the other, ours and
nginx + php-fpm 8.2 with opcache in interleaved rounds. Memory: in workerd linear memory at its highest, on Node
resident memory of the process for each child.

${table(rows)}
`);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, rows }, null, 2)}\n`);
}

function table(rows: readonly AppRow[]): string {
  const head = ["application", "where", "works", "first page s", "warm p50 ms", "native ms", "ratio", "aimed for"];
  const cells = [
    [...head, "cached ms", "memory MiB", "note"],
    ...rows.map(
      ({ application, where, works, firstPageSeconds, warm, native, target, cached, cachedTarget, ...rest }) => {
        const ratio = warm !== undefined && native !== undefined ? warm / native : undefined;
        return [
          application,
          where,
          works,
          figure(firstPageSeconds),
          figure(warm),
          figure(native),
          ratio === undefined ? "" : `${ratio.toFixed(2)}x`,
          verdict(ratio, target, "x"),
          cached === undefined ? "" : `${figure(cached)} ${verdict(cached, cachedTarget, " ms")}`.trim(),
          figure(rest.memory),
          rest.note ?? "",
        ];
      },
    ),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  const [first = "", ...lines] = cells.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`,
  );
  return [first, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...lines].join("\n");
}

function verdict(value: number | undefined, target: number | undefined, unit: string): string {
  if (target === undefined) return "";
  const aim = `<= ${target}${unit}`;
  return value === undefined ? aim : `${aim} ${value <= target ? "reached" : "MISSED"}`;
}

function figure(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
