// The runs of scripts that are under way: who waits for which, and which a purge is about.

import type { Flight } from "./flight.ts";
import { isPurged, type Purge } from "./store.ts";

export class Traffic {
  /** The run that requests of a name wait for. */
  readonly #awaited = new Map<string, Flight>();
  /** Every run whose response may be stored: also those that nobody waits for. */
  readonly #all = new Set<Flight>();
  readonly #most: number;

  /**
   * @param most runs that purges are told to. On Workers a run may never end, when its request was ended: the oldest is
   *   given up for a new one, and its response not stored
   */
  constructor(most: number) {
    this.#most = most;
  }

  /** The run that a request for `name` would wait for. */
  of(name: string): Flight | undefined {
    return this.#awaited.get(name);
  }

  /** @param name under which others may wait for it; absent: nobody may */
  begin(flight: Flight, name: string | undefined): void {
    this.#all.add(flight);
    if (name !== undefined) this.#awaited.set(name, flight);
    if (this.#all.size <= this.#most) return;
    for (const oldest of this.#all) {
      oldest.purges.push({ type: "all" });
      this.#all.delete(oldest);
      return;
    }
  }

  /** Safe to call twice. */
  end(flight: Flight, name: string): void {
    this.#all.delete(flight);
    if (this.#awaited.get(name) === flight) this.#awaited.delete(name);
  }

  /** Responses of what is under way are purged too. To be called before the store purges, and again after it. */
  purge(purge: Purge): void {
    for (const flight of this.#all) if (!flight.purges.includes(purge)) flight.purges.push(purge);
    // Who asks from now on does not wait for what was begun before. Tags are not known until a response is there.
    if (purge.type === "tag") return;
    for (const [name, flight] of this.#awaited) {
      if (isPurged(purge, { key: flight.key, tags: [] })) this.#awaited.delete(name);
    }
  }
}
