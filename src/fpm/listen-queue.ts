// The listen queue: requests that wait for a child. First come, first served; bounded in length and in waiting time.
// Pure: the time comes in, and who has waited too long comes out.

export interface ListenQueueLimits {
  /** Most that wait at a time (php-fpm: `listen.backlog`). */
  readonly limit: number;
  /** Longest wait in milliseconds. */
  readonly timeout: number;
}

/** What became of those who came. They only grow. */
export interface WaitStatistics {
  /** Requests that waited and got a child. */
  readonly served: number;
  /** How long those waited together, in milliseconds. */
  readonly total: number;
  /** The longest of these waits, in milliseconds. */
  readonly longest: number;
  /** Requests turned away because the queue was full. */
  readonly refused: number;
  /** Requests let go because they had waited too long. */
  readonly expired: number;
}

/** A place in the queue. */
export interface Place<T> {
  readonly item: T;
  readonly since: number;
  readonly deadline: number;
}

export class ListenQueue<T> {
  #limit: number;
  #timeout: number;
  /** In order of arrival: a Set keeps it, and takes out of the middle at once. */
  readonly #places = new Set<Place<T>>();
  #maxLength = 0;
  #served = 0;
  #total = 0;
  #longest = 0;
  #refused = 0;
  #expired = 0;

  constructor({ limit, timeout }: ListenQueueLimits) {
    this.#limit = limit;
    this.#timeout = timeout;
  }

  /** Most that wait at a time. */
  get limit(): number {
    return this.#limit;
  }

  /** For those who come from now on. */
  configure({ limit, timeout }: ListenQueueLimits): void {
    this.#limit = limit;
    this.#timeout = timeout;
  }

  get length(): number {
    return this.#places.size;
  }

  /** The longest it has been. */
  get maxLength(): number {
    return this.#maxLength;
  }

  get waited(): WaitStatistics {
    return {
      served: this.#served,
      total: this.#total,
      longest: this.#longest,
      refused: this.#refused,
      expired: this.#expired,
    };
  }

  /** When the first one must be let go; undefined while nobody waits. */
  get nextDeadline(): number | undefined {
    return this.#first()?.deadline;
  }

  /** @returns the place taken, or undefined when the queue is full */
  push(item: T, now: number): Place<T> | undefined {
    if (this.#places.size >= this.#limit) {
      this.#refused += 1;
      return undefined;
    }
    const place = { item, since: now, deadline: now + this.#timeout };
    this.#places.add(place);
    this.#maxLength = Math.max(this.#maxLength, this.#places.size);
    return place;
  }

  /** Takes the one that waited longest. */
  shift(now: number): T | undefined {
    const place = this.#first();
    if (place === undefined) return undefined;
    this.#places.delete(place);
    const wait = now - place.since;
    this.#served += 1;
    this.#total += wait;
    this.#longest = Math.max(this.#longest, wait);
    return place.item;
  }

  /** Leaves the queue. False when the place was left already. */
  cancel(place: Place<T>): boolean {
    return this.#places.delete(place);
  }

  /** Takes out those whose deadline has come, in order. */
  expire(now: number): T[] {
    const expired: T[] = [];
    for (let place = this.#first(); place !== undefined && place.deadline <= now; place = this.#first()) {
      this.#places.delete(place);
      expired.push(place.item);
    }
    this.#expired += expired.length;
    return expired;
  }

  /** Takes out everybody, in order. */
  clear(): T[] {
    const items = Array.from(this.#places, (place) => place.item);
    this.#places.clear();
    return items;
  }

  #first(): Place<T> | undefined {
    const first = this.#places.values().next();
    return first.done ? undefined : first.value;
  }
}
