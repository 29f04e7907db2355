// Which lines of a text differ from another text: those that are in no longest common subsequence.

/** For each line of `text`, whether it is new against `base`. */
export function changedLines(base: string, text: string): readonly boolean[] {
  const before = base.split("\n");
  const after = text.split("\n");
  // Lengths of the longest common subsequences of what follows each pair of places.
  const lengths = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const row = lengths[i] as number[];
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const changed: boolean[] = [];
  let i = 0;
  for (let j = 0; j < after.length; j++) {
    while (i < before.length && before[i] !== after[j] && at(i + 1, j) >= at(i, j + 1)) i += 1;
    if (i < before.length && before[i] === after[j]) {
      changed.push(false);
      i += 1;
    } else {
      changed.push(true);
    }
  }
  return changed;
}
