// The status of a pool as a table: what the JSON status page of a php-fpm, or ours, says.

import { type Colours, printable, shorten } from "./colours.ts";

/** The JSON status page: names of php-fpm, with and without ours. */
export type StatusPage = Readonly<Record<string, unknown>>;

/** @throws {TypeError} when the text is no status page */
export function parseStatus(text: string): StatusPage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TypeError("the answer is no JSON", { cause: error });
  }
  if (typeof value !== "object" || value === null || !("pool" in value)) {
    throw new TypeError("the answer is JSON, but no status page: it names no pool");
  }
  return value as StatusPage;
}

interface Column {
  readonly title: string;
  readonly right: boolean;
  readonly value: (process: StatusPage) => string;
}

const COLUMNS: readonly Column[] = [
  { title: "PID", right: true, value: (process) => text(process.pid) },
  { title: "STATE", right: false, value: (process) => text(process.state) },
  { title: "AGE", right: true, value: (process) => age(number(process["start since"])) },
  { title: "REQUESTS", right: true, value: (process) => text(process.requests) },
  { title: "TIME", right: true, value: (process) => microseconds(number(process["request duration"])) },
  { title: "CPU", right: true, value: (process) => `${number(process["last request cpu"]).toFixed(0)} %` },
  { title: "MEMORY", right: true, value: (process) => megabytes(number(process["last request memory"])) },
  {
    title: "REQUEST",
    right: false,
    value: (process) => `${text(process["request method"])} ${text(process["request uri"])}`,
  },
];

/** Widest cell of a peer's text. */
const WIDEST_CELL = 200;

export interface TableSize {
  /** Lines and characters that fit; more is left out. */
  readonly rows: number;
  readonly columns: number;
}

/** The table, one line an entry. Everything that the peer says is made safe to print. */
export function statusTable(page: StatusPage, colours: Colours, size: TableSize): string[] {
  const { bold, dim, red, green, yellow } = colours;
  const queue = number(page["listen queue"]);
  const reached = number(page["max children reached"]);
  const slow = number(page["slow requests"]);
  const alarm = (count: number, label: string) => (count > 0 ? red(`${label} ${count}`) : dim(`${label} 0`));
  const head = [
    `${bold(safe(page.pool))}  ${safe(page["process manager"])}  up ${age(number(page["start since"]))}  ` +
      `${number(page["accepted conn"])} requests`,
    `children ${bold(text(page["total processes"]))}: ${green(`${number(page["active processes"])} active`)} ` +
      `(most ${number(page["max active processes"])}), ${number(page["idle processes"])} idle`,
    `queue ${queue > 0 ? yellow(String(queue)) : "0"} of ${number(page["listen queue len"])} (most ${number(page["max listen queue"])})  ` +
      `${alarm(reached, "max children reached")}  ${alarm(slow, "slow requests")}`,
    "",
  ];
  const processes = (Array.isArray(page.processes) ? page.processes : []).filter(
    (process): process is StatusPage => typeof process === "object" && process !== null,
  );
  const room = Math.max(0, size.rows - head.length - 2);
  const shown = processes.slice(0, room);
  const cells = shown.map((process) => COLUMNS.map((column) => shorten(safe(column.value(process)), WIDEST_CELL)));
  const widths = COLUMNS.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const draw = (row: readonly string[]) =>
    row
      .map((cell, index) =>
        COLUMNS[index]?.right === true ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd()
      .slice(0, size.columns);
  const lines = [...head, dim(draw(COLUMNS.map(({ title }) => title)))];
  for (const [index, row] of cells.entries()) {
    const idle = text(shown[index]?.state) === "Idle";
    lines.push(idle ? dim(draw(row)) : draw(row));
  }
  if (processes.length > shown.length) lines.push(dim(`... ${processes.length - shown.length} more`));
  return lines;
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "-";
}

function safe(value: unknown): string {
  return printable(text(value));
}

function age(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

function microseconds(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} s` : `${(value / 1000).toFixed(1)} ms`;
}

function megabytes(value: number): string {
  return `${(value / 1024 / 1024).toFixed(1)} MB`;
}
