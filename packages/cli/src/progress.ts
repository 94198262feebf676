/** How far long work is, on standard error: a bar on a terminal, plain lines where the user asks for them, else nothing. */
import { Presets, SingleBar } from 'cli-progress';
import type { Io } from './output.ts';
import { formatCount } from './sizes.ts';

/** How much is done of how much, in whatever unit, and a count for the reader. */
export interface Step {
  readonly done: number;
  readonly total: number;
  readonly count: number;
}

export interface ProgressDisplay {
  /** @param things - What {@link Step.count} counts. */
  begin(phase: string, things: string): void;
  update(step: Step): void;
  end(): void;
}

const LINE_EVERY_MS = 2000;

export function progressDisplay(io: Io, plain: boolean): ProgressDisplay {
  if (plain) return new Lines(io);
  return io.errIsTerminal ? new Bar() : SILENT;
}

const SILENT: ProgressDisplay = { begin: () => undefined, update: () => undefined, end: () => undefined };

class Bar implements ProgressDisplay {
  private bar: SingleBar | undefined;

  begin(phase: string, things: string): void {
    this.end();
    const format = `${phase} {bar} {percentage} % | {count} ${things} | {duration_formatted}`;
    this.bar = new SingleBar(
      { format, stream: process.stderr, clearOnComplete: true, hideCursor: true },
      Presets.shades_classic,
    );
    this.bar.start(100, 0, { count: '0' });
  }

  update(step: Step): void {
    this.bar?.update(percentOf(step), { count: formatCount(step.count) });
  }

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

class Lines implements ProgressDisplay {
  private readonly io: Io;
  private phase = '';
  private things = '';
  private last = 0;

  constructor(io: Io) {
    this.io = io;
  }

  begin(phase: string, things: string): void {
    this.phase = phase;
    this.things = things;
    this.last = performance.now();
  }

  update(step: Step): void {
    const now = performance.now();
    if (now - this.last < LINE_EVERY_MS) return;
    this.last = now;
    this.io.err(`${this.phase}: ${percentOf(step)} %, ${formatCount(step.count)} ${this.things}\n`);
  }

  end(): void {
    this.phase = '';
  }
}

function percentOf({ done, total }: Step): number {
  return total === 0 ? 0 : Math.floor((done / total) * 100);
}
