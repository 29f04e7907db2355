// The name that a mistyped one was most likely meant to be.

/** The one of `names` that differs least from `text`, or `undefined` when none is near. */
export function nearest(text: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, edits: name.startsWith(text) ? 1 : distance(text, name) }))
    .sort((a, b) => a.edits - b.edits);
  // Half the letters wrong is another word.
  return best !== undefined && best.edits <= Math.max(2, text.length / 3) ? best.name : undefined;
}

/** Letters to insert, delete or replace to make `b` of `a` (Levenshtein). */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[b.length] ?? 0;
}
