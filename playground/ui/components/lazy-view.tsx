// Views that are fetched when they are first looked at: what nobody opens costs nobody anything.

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

/** A view whose module is loaded when it is first shown. */
export function lazyView(load: () => Promise<ComponentType>): ComponentType {
  const loaded = signal<{ readonly view?: ComponentType; readonly error?: string } | undefined>(undefined);
  const start = () => {
    loaded.value = {};
    load().then(
      (view) => {
        loaded.value = { view };
      },
      (error: unknown) => {
        loaded.value = { error: error instanceof Error ? error.message : String(error) };
      },
    );
  };
  return function LazyView() {
    if (loaded.value === undefined) start();
    const { view: View, error } = loaded.value ?? {};
    if (View !== undefined) return <View />;
    if (error === undefined) return <p class="empty">Loading ...</p>;
    return (
      <div class="failure" role="alert">
        This part of the page could not be loaded: {error}{" "}
        <button type="button" class="button small" onClick={start}>
          Try again
        </button>
      </div>
    );
  };
}
