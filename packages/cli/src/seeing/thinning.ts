/**
 * Looks at a run of unknown length at regular intervals, and keeps a bounded number of what it saw: when there are too
 * many, every other one goes and the interval doubles. The same run is looked at in the same places.
 */
export class Thinned<T> {
  readonly kept: T[] = [];
  private readonly most: number;
  private interval: number;

  constructor(most: number, firstInterval: number) {
    this.most = most;
    this.interval = firstInterval;
  }

  add(seen: T): void {
    this.kept.push(seen);
    if (this.kept.length >= this.most) this.thin();
  }

  /** When to look again after `at`. */
  next(at: number): number {
    return (Math.floor(at / this.interval) + 1) * this.interval;
  }

  /** Drops every other one now, the first stays. */
  thin(): void {
    this.interval *= 2;
    const rest = this.kept.filter((_, index) => index % 2 === 0);
    this.kept.splice(0, this.kept.length, ...rest);
  }
}
