/** Timers in the order in which they expire: by time, then by the order in which they were armed. */

export interface Timer {
  /** Virtual nanoseconds since boot. */
  readonly due: number;
  readonly fire: () => void;
}

export class Timers {
  private readonly armed: Timer[] = [];
  private readonly touched: () => void;

  /** @param touched - Told of each change: timers that are due at one time expire in the order in which they were armed. */
  constructor(touched: () => void) {
    this.touched = touched;
  }

  arm(due: number, fire: () => void): Timer {
    this.touched();
    const timer = { due, fire };
    let at = this.armed.length;
    while (at > 0 && this.armed[at - 1].due > due) at--;
    this.armed.splice(at, 0, timer);
    return timer;
  }

  /** @returns whether it had not expired. */
  cancel(timer: Timer): boolean {
    this.touched();
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
    while (this.armed.length > 0 && this.armed[0].due <= now) this.armed.shift()?.fire();
  }
}
