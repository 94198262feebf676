/** Timers in the order in which they expire: by time, then by the order in which they were armed. */

export interface Timer {
  /** Virtual nanoseconds since boot. */
  readonly due: number;
  readonly fire: () => void;
}

export class Timers {
  private readonly armed: Timer[] = [];

  arm(due: number, fire: () => void): Timer {
    const timer = { due, fire };
    let at = this.armed.length;
    while (at > 0 && this.armed[at - 1].due > due) at--;
    this.armed.splice(at, 0, timer);
    return timer;
  }

  /** @returns whether it had not expired. */
  cancel(timer: Timer): boolean {
    const at = this.armed.indexOf(timer);
    if (at >= 0) this.armed.splice(at, 1);
    return at >= 0;
  }

  /** When the next one expires. */
  get next(): number | undefined {
    return this.armed[0]?.due;
  }

  /** Fires every one that is due at `now`. */
  expire(now: number): void {
    while (this.armed.length > 0 && this.armed[0].due <= now) this.shift()?.fire();
  }

  /** Takes out the first one. */
  shift(): Timer | undefined {
    return this.armed.shift();
  }
}
