/**
 * The time of a trace. A machine has no clock of its own, so every step costs a fixed number of nanoseconds, of the order
 * of what it costs on hardware: the picture then has proportions that a reader knows, and the same run has the same
 * trace everywhere. Nothing is measured here, and nothing should be concluded from these durations but how often
 * something happened.
 */
export const COST_NS = {
  /** One access or call of the recording. */
  event: 1,
  fault: 500,
  deviceFault: 500,
  notifierRange: 100,
  callback: 200,
  reclaim: 500,
  /** One page to or from the swap device. */
  swapTransfer: 10_000,
  shootdown: 1000,
  lock: 10,
  other: 1,
} as const;

export class TraceClock {
  private spent = 0;
  private slept = 0;
  private readonly events: () => number;

  /** @param events - Accesses and calls of the recording so far. */
  constructor(events: () => number) {
    this.events = events;
  }

  /** Nanoseconds since boot; never goes back. */
  get now(): number {
    return this.events() * COST_NS.event + this.spent + this.slept;
  }

  spend(nanoseconds: number): void {
    this.spent += nanoseconds;
  }

  /** Virtual time of the machine, in which everybody sleeps. */
  sleepUntil(nanoseconds: number): void {
    this.slept = Math.max(this.slept, nanoseconds);
  }
}
