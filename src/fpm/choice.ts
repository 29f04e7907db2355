// Which idle child is next: for a request, and to be retired.

import type { Slot } from "./scoreboard.ts";

interface Candidate {
  readonly slot: Slot;
}

/**
 * The idle child for the next request: of the newest generation, the most recently used (its caches are warm), in the
 * lowest slot. Undefined when none is idle.
 */
export function pickIdle<T extends Candidate>(children: Iterable<T>): T | undefined {
  let best: T | undefined;
  for (const child of children) {
    if (child.slot.state === "idle" && (best === undefined || precedes(child.slot, best.slot))) best = child;
  }
  return best;
}

function precedes(a: Slot, b: Slot): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  if (a.changedAt !== b.changedAt) return a.changedAt > b.changedAt;
  return a.index < b.index;
}

/** The child that has been idle longest, of those that pass. Undefined when there is none. */
export function longestIdle<T extends Candidate>(
  children: Iterable<T>,
  passes: (child: T) => boolean = () => true,
): T | undefined {
  let longest: T | undefined;
  for (const child of children) {
    if (child.slot.state !== "idle" || !passes(child)) continue;
    if (longest === undefined || child.slot.changedAt < longest.slot.changedAt) longest = child;
  }
  return longest;
}
