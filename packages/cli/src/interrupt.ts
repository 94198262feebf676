/**
 * ^C: long work asks between two steps whether it should stop, so that it can close its swap file. A second ^C does not
 * wait.
 */
import { ExitCode, Stopped } from './errors.ts';

const BREATH_MS = 50;

export class Interrupt {
  private requested = false;
  private lastBreath = performance.now();
  private readonly onSignal = (): void => {
    if (this.requested) process.exit(ExitCode.interrupted);
    this.requested = true;
  };

  constructor() {
    process.on('SIGINT', this.onSignal);
  }

  /** Lets signals in, at most every 50 ms. @throws Stopped after ^C. */
  async breathe(): Promise<void> {
    if (performance.now() - this.lastBreath < BREATH_MS) return;
    await new Promise((resume) => setImmediate(resume));
    this.lastBreath = performance.now();
    this.check();
  }

  /** @throws Stopped after ^C. */
  check(): void {
    if (this.requested) throw new Stopped(ExitCode.interrupted);
  }

  /** The default behaviour of ^C comes back. */
  dispose(): void {
    process.off('SIGINT', this.onSignal);
  }
}
