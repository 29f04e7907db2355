// What a bench prints: rows with a ratio measured side by side, and the target beside it.

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Value divided by the baseline's, measured in the same rounds. */
  readonly ratio?: number;
  /** What the ratio is against. */
  readonly against?: string;
  /** Processor time of the contender itself, without what is behind it: microseconds a request. */
  readonly cpu?: number;
  readonly target?: Target;
}

/** What is aimed for. One of the four. */
export interface Target {
  readonly ratioAtLeast?: number;
  readonly ratioAtMost?: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Table {
  readonly title: string;
  /** How it was measured, in one or two sentences. */
  readonly method: string;
  readonly rows: readonly Row[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The value that `part` of the others do not exceed, such as 0.99. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Median of the ratios of what was measured in the same round. */
export function medianRatio(values: readonly number[], base: readonly number[]): number {
  return median(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}

/** Whether a row's target was reached; `undefined` when it has none, or nothing to hold against it. */
export function reached({ value, ratio, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  const { atLeast, atMost, ratioAtLeast, ratioAtMost } = target;
  if (atLeast !== undefined) return value >= atLeast;
  if (atMost !== undefined) return value <= atMost;
  if (ratio === undefined) return undefined;
  return ratio >= (ratioAtLeast ?? Number.NEGATIVE_INFINITY) && ratio <= (ratioAtMost ?? Number.POSITIVE_INFINITY);
}

/** Markdown, as the terminal shows it and docs/performance.md keeps it. */
export function renderTable(table: Table): string {
  const withCpu = table.rows.some(({ cpu }) => cpu !== undefined);
  const withTarget = table.rows.some(({ target }) => target !== undefined);
  const withRatio = table.rows.some(({ ratio }) => ratio !== undefined);
  const cells = table.rows.map((row) => [
    row.name,
    `${format(row.value)} ${row.unit}`,
    ...(withCpu ? [row.cpu === undefined ? "" : `${format(row.cpu)} µs/request`] : []),
    ...(withRatio ? [ratioText(row)] : []),
    ...(withTarget ? [targetText(row.target, row.unit), verdict(row)] : []),
  ]);
  const head = [
    "what",
    "figure",
    ...(withCpu ? ["its own CPU"] : []),
    ...(withRatio ? ["ratio"] : []),
    ...(withTarget ? ["target", ""] : []),
  ];
  return [`### ${table.title}`, "", table.method, "", renderCells(head, cells), ""].join("\n");
}

/** All rows that have a target, in one table. */
export function renderSummary(tables: readonly Table[]): string {
  const cells = tables.flatMap(({ title, rows }) =>
    rows
      .filter((row) => row.target !== undefined)
      .map((row) => {
        const seen = [`${format(row.value)} ${row.unit}`, ...(row.ratio === undefined ? [] : [ratioText(row)])];
        return [title, row.name, seen.join(", "), targetText(row.target, row.unit), verdict(row)];
      }),
  );
  return renderCells(["table", "what", "seen", "target", ""], cells);
}

function ratioText({ ratio, against }: Row): string {
  return ratio === undefined ? "" : `${format(ratio)}x${against === undefined ? "" : ` ${against}`}`;
}

function verdict(row: Row): string {
  const value = reached(row);
  return value === undefined ? "" : value ? "reached" : "MISSED";
}

function targetText(target: Target | undefined, unit: string): string {
  if (target?.atLeast !== undefined) return `>= ${target.atLeast} ${unit}`;
  if (target?.atMost !== undefined) return `<= ${target.atMost} ${unit}`;
  if (target?.ratioAtLeast !== undefined) return `>= ${target.ratioAtLeast}x`;
  if (target?.ratioAtMost !== undefined) return `<= ${target.ratioAtMost}x`;
  return "";
}

function renderCells(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

function format(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(value >= 1 ? 2 : 3);
}
