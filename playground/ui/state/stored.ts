// Signals that survive a reload of the page, and those that permalinks carry too.

import { effect, type Signal, signal } from "@preact/signals";

const PREFIX = "edge-fpm.";
/** Names of what permalinks carry begin with it. */
const SHARED = "view.";

/** Names of the values that the browser did not keep when they last changed: too big, or no storage at all. */
export const unkept = signal<ReadonlySet<string>>(new Set());

interface Shareable {
  readonly signal: Signal<unknown>;
  readonly initial: unknown;
  readonly check: (value: unknown) => boolean;
}

/** Of the views that were opened: the others keep theirs in the storage only. */
const shareables = new Map<string, Shareable>();
/** What a permalink brought for views that are not opened yet, should there be no storage. */
const brought = new Map<string, unknown>();

/**
 * A signal kept in localStorage under `name`. Values that cannot be read, or fail `check`, are replaced by `initial`; where
 * there is no storage (a private window), it is an ordinary signal.
 */
export function stored<T>(name: string, initial: T, check: (value: unknown) => value is T): Signal<T> {
  const kept = signal(read(name, initial, check));
  effect(() => keep(name, kept.value));
  return kept;
}

/** A signal like `stored`, which permalinks carry when it is not as it was `initial`ly. */
export function shared<T>(name: string, initial: T, check: (value: unknown) => value is T): Signal<T> {
  const full = SHARED + name;
  const from = brought.get(full);
  const kept = signal(check(from) ? from : read(full, initial, check));
  shareables.set(full, { signal: kept as Signal<unknown>, initial, check });
  effect(() => (same(kept.value, initial) ? drop(full) : keep(full, kept.value)));
  return kept;
}

/** What permalinks carry of the views: values by name, but for those that are as they were initially. */
export function sharedValues(): Record<string, unknown> {
  const values: Record<string, unknown> = { ...fromStorage() };
  for (const [name, { signal, initial }] of shareables) {
    if (same(signal.peek(), initial)) delete values[name];
    else values[name] = signal.peek();
  }
  return values;
}

/** Takes what `sharedValues` gave, in another browser. What is not in it, or fails its check, is as it was initially. */
export function takeSharedValues(values: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(fromStorage())) drop(name);
  for (const [name, value] of Object.entries(values)) {
    if (!name.startsWith(SHARED)) continue;
    brought.set(name, value);
    keep(name, value);
  }
  for (const [name, { signal, initial, check }] of shareables) {
    const value = values[name];
    signal.value = check(value) ? value : initial;
  }
}

function fromStorage(): Record<string, unknown> {
  try {
    const names = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX + SHARED));
    return Object.fromEntries(
      names.map((key) => [key.slice(PREFIX.length), JSON.parse(localStorage.getItem(key) ?? "null") as unknown]),
    );
  } catch {
    return {};
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
    tell(name, true);
  } catch {
    tell(name, false);
  }
}

function drop(name: string): void {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // No storage: nothing is there.
  }
}

function tell(name: string, kept: boolean): void {
  const before = unkept.peek();
  if (before.has(name) !== kept) return;
  const names = new Set(before);
  if (kept) names.delete(name);
  else names.add(name);
  unkept.value = names;
}

function read<T>(name: string, initial: T, check: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
    return check(value) ? value : initial;
  } catch {
    return initial;
  }
}
