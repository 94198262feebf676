/**
 * ^C and a polite kill: long work asks between two steps whether it should stop, so that it can close its swap file. A
 * second signal does not wait.
 */
import { ExitCode, Stopped } from './errors.ts';

const BREATH_MS = 50;
const SIGNALS = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

export class Interrupt {
  private requested: ExitCode | undefined;
  private wanted: ((stopped: Stopped) => void) | undefined;
  private lastBreath = performance.now();
  private readonly onSignal = (signal: keyof typeof SIGNALS): void => {
    if (this.requested !== undefined) process.exit(this.requested);
    this.requested = SIGNALS[signal];
    this.wanted?.(new Stopped(this.requested));
  };

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  /** Lets signals in, at most every 50 ms. @throws Stopped after one. */
  async breathe(): Promise<void> {
    if (performance.now() - this.lastBreath < BREATH_MS) return;
    await new Promise((resume) => setImmediate(resume));
    this.lastBreath = performance.now();
    this.check();
  }

  /** Drives `steps`, breathing between two of them. */
  async drive<T>(steps: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await this.breathe();
    }
  }

  /** Fails as soon as a signal came. */
  whenStopped(): Promise<never> {
    return new Promise((_, reject) => (this.wanted = reject));
  }

  /** @throws Stopped after a signal. */
  check(): void {
    if (this.requested !== undefined) throw new Stopped(this.requested);
  }

  /** The default behaviour of signals comes back. */
  dispose(): void {
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
  }
}
