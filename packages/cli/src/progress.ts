/**
 * How far long work is, how fast, and how long it will take, on standard error: a bar on a terminal, plain lines where
 * the user asks for them, else nothing.
 */
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
  private pace = new Pace(0);

  begin(phase: string, things: string): void {
    this.end();
    this.pace = new Pace(performance.now());
    const format = `${phase} {bar} {percentage} % | {count} ${things}{pace}`;
    this.bar = new SingleBar(
      { format, stream: process.stderr, clearOnComplete: true, hideCursor: true },
      Presets.shades_classic,
    );
    this.bar.start(100, 0, { count: '0', pace: '' });
  }

  update(step: Step): void {
    const pace = this.pace.after(step, performance.now());
    this.bar?.update(percentOf(step), { count: formatCount(step.count), pace: words(pace, ' | ') });
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
  private pace = new Pace(0);

  constructor(io: Io) {
    this.io = io;
  }

  begin(phase: string, things: string): void {
    this.phase = phase;
    this.things = things;
    this.last = performance.now();
    this.pace = new Pace(this.last);
  }

  update(step: Step): void {
    const now = performance.now();
    const pace = this.pace.after(step, now);
    if (now - this.last < LINE_EVERY_MS) return;
    this.last = now;
    const done = `${this.phase}: ${percentOf(step)} %, ${formatCount(step.count)} ${this.things}`;
    this.io.err(`${done}${words(pace, ', ')}\n`);
  }

  end(): void {
    this.phase = '';
  }
}

/** Things a second, and seconds that are left. */
interface Speed {
  readonly rate: number;
  readonly left: number;
}

/** Before this the first chunk decides everything. */
const TOO_EARLY_MS = 500;
/** The pace of the last half minute says more about the next than that of the last hour. */
const WINDOW_MS = 30_000;

/** How fast it goes, from what was done when. */
export class Pace {
  private readonly seen: { readonly at: number; readonly step: Step }[] = [];

  /** @param started - Milliseconds of any clock. */
  constructor(started: number) {
    this.seen.push({ at: started, step: { done: 0, total: 0, count: 0 } });
  }

  /** `undefined` while it cannot be told. */
  after(step: Step, now: number): Speed | undefined {
    const { seen } = this;
    // Two points a second suffice.
    if (seen.length < 2 || now - (seen.at(-1)?.at ?? 0) > TOO_EARLY_MS) seen.push({ at: now, step });
    while (seen.length > 2 && now - (seen[1]?.at ?? now) > WINDOW_MS) seen.shift();
    const [from] = seen;
    if (from === undefined || now - from.at < TOO_EARLY_MS) return undefined;
    const done = step.done - from.step.done;
    if (done <= 0) return undefined;
    const seconds = (now - from.at) / 1000;
    return {
      rate: Math.round((step.count - from.step.count) / seconds),
      left: Math.ceil(((step.total - step.done) * seconds) / done),
    };
  }
}

function words(speed: Speed | undefined, separator: string): string {
  if (speed === undefined) return '';
  return `${separator}${formatCount(speed.rate)} a second${separator}${duration(speed.left)} left`;
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function percentOf({ done, total }: Step): number {
  return total === 0 ? 0 : Math.floor((done / total) * 100);
}
