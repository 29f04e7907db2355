// Emergency restart: when children crash in quick succession, all of them are replaced, shared state and all. Pure: the
// time comes in (php-fpm: fpm_children.c, `last_faults`).

/** How many crashes within which time make the master reload all pools. */
export interface EmergencyLimits {
  /** Crashes (`emergency_restart_threshold`); 0: never. */
  readonly threshold: number;
  /** Within how many milliseconds (`emergency_restart_interval`); 0: never. */
  readonly interval: number;
}

/** The last crashes of a master. */
export class EmergencyRestart {
  readonly #limits: EmergencyLimits;
  #crashes: number[] = [];

  constructor(limits: EmergencyLimits) {
    this.#limits = limits;
  }

  /** A child crashed. True when the threshold is reached: then it counts anew. */
  crashed(now: number): boolean {
    const { threshold, interval } = this.#limits;
    if (threshold <= 0 || interval <= 0) return false;
    this.#crashes = [...this.#crashes.filter((time) => now - time <= interval), now];
    if (this.#crashes.length < threshold) return false;
    this.#crashes = [];
    return true;
  }
}
