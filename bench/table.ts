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
  /** Least ratio aimed for. */
  readonly target?: number;
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

/** Markdown, so that what the terminal shows can be pasted into docs/performance.md. */
export function renderTable(table: Table): string {
  const body = table.rows.map((row) => [
    row.name,
    `${format(row.value)} ${row.unit}`,
    row.ratio === undefined ? "" : `${format(row.ratio)}x${row.against === undefined ? "" : ` ${row.against}`}`,
    row.target === undefined ? "" : `>= ${row.target}x`,
    row.target === undefined || row.ratio === undefined ? "" : row.ratio >= row.target ? "reached" : "MISSED",
  ]);
  const cells = [["what", "figure", "ratio", "target", ""], ...body];
  if (table.rows.some(({ cpu }) => cpu !== undefined)) {
    for (const [at, row] of cells.entries()) {
      const cpu = table.rows[at - 1]?.cpu;
      row.splice(2, 0, at === 0 ? "its own CPU" : cpu === undefined ? "" : `${format(cpu)} µs/request`);
    }
  }
  const widths = cells[0]?.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head, ...rest] = cells.map(line);
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [`### ${table.title}`, "", table.method, "", head, rule, ...rest, ""].join("\n");
}

function format(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(value >= 1 ? 2 : 3);
}
