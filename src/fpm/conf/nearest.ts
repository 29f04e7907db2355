// The name that a mistyped directive was most likely meant to be.

/** The one of `names` that differs least from `text`; undefined when none is near. */
export function nearest(text: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  // Half the letters wrong is another word.
  let fewest = Math.max(2, Math.floor(text.length / 4)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - text.length) >= fewest) continue;
    const edits = distance(text.slice(0, 64), name);
    if (edits < fewest) [best, fewest] = [name, edits];
  }
  return best;
}

/** Letters to insert, delete or replace to make `b` of `a` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (b[j] === letter ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
