// A signal that survives a reload of the page.

import { effect, type Signal, signal } from "@preact/signals";

const PREFIX = "edge-fpm.";

/**
 * A signal kept in localStorage under `name`. Values that cannot be read, or fail `check`, are replaced by `initial`; where
 * there is no storage (a private window), it is an ordinary signal.
 */
export function stored<T>(name: string, initial: T, check: (value: unknown) => value is T): Signal<T> {
  const kept = signal(read(name, initial, check));
  effect(() => {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(kept.value));
    } catch {
      // No storage, or none left: the page works without.
    }
  });
  return kept;
}

function read<T>(name: string, initial: T, check: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
    return check(value) ? value : initial;
  } catch {
    return initial;
  }
}
