// Bytes that a child has sent ahead for a later batch: a file too large for one message. They lie in the home under
// negative numbers, count as used, and go with their child or when they are old.

import { type FileHome, removeLater } from "./home.ts";

/** What is known of a stage. */
export interface Stage {
  /** Whose pieces they are in the home: negative. */
  readonly owner: number;
  /** When the last piece came, milliseconds since 1970. */
  time: number;
}

export class Stages {
  readonly #home: FileHome;
  readonly #lives = new Map<number, Map<number, Stage>>();
  #lastOwner = 0;

  constructor(home: FileHome) {
    this.#home = home;
  }

  get(life: number, stage: number): Stage | undefined {
    return this.#lives.get(life)?.get(stage);
  }

  count(life: number): number {
    return this.#lives.get(life)?.size ?? 0;
  }

  /** The stage, or a new one without bytes. */
  open(life: number, id: number): Stage {
    let stages = this.#lives.get(life);
    if (stages === undefined) {
      stages = new Map();
      this.#lives.set(life, stages);
    }
    let stage = stages.get(id);
    if (stage === undefined) {
      stage = { owner: --this.#lastOwner, time: 0 };
      stages.set(id, stage);
    }
    return stage;
  }

  /** Forgets a stage whose pieces are gone already. */
  forget(life: number, id: number): void {
    const stages = this.#lives.get(life);
    stages?.delete(id);
    if (stages?.size === 0) this.#lives.delete(life);
  }

  /** Removes a stage with its pieces. */
  discard(life: number, id: number): void {
    const stage = this.get(life, id);
    if (stage === undefined) return;
    this.forget(life, id);
    removeLater(this.#home, stage.owner);
  }

  /** Removes all of a life. */
  discardAll(life: number): void {
    for (const id of [...(this.#lives.get(life)?.keys() ?? [])]) this.discard(life, id);
  }

  /** Removes those that got nothing since `time`. */
  discardOlder(time: number): void {
    for (const [life, stages] of [...this.#lives]) {
      for (const [id, stage] of [...stages]) if (stage.time < time) this.discard(life, id);
    }
  }
}
