// Times as the wire shows them.

/** Milliseconds since the first event: "0.0", "12.3", "1,204". */
export function elapsed(milliseconds: number): string {
  if (milliseconds < 1000) return Math.max(0, milliseconds).toFixed(1);
  return Math.round(milliseconds).toLocaleString("en");
}
