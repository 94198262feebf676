/** How far a replay is, on standard error: a bar on a terminal, plain lines where the user asks for them, else nothing. */
import type { Progress } from '@mmu-notifier/trace';
import { Presets, SingleBar } from 'cli-progress';
import type { Io } from '../output.ts';
import { formatCount } from '../sizes.ts';

export interface ProgressDisplay {
  /** A pass over the recording begins. */
  begin(phase: string): void;
  update(progress: Progress): void;
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

  begin(phase: string): void {
    this.end();
    const format = `${phase} {bar} {percentage} % | {accesses} accesses | {duration_formatted}`;
    this.bar = new SingleBar(
      { format, stream: process.stderr, clearOnComplete: true, hideCursor: true },
      Presets.shades_classic,
    );
    this.bar.start(100, 0, { accesses: '0' });
  }

  update(progress: Progress): void {
    this.bar?.update(percentOf(progress), { accesses: formatCount(progress.accesses) });
  }

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

class Lines implements ProgressDisplay {
  private readonly io: Io;
  private phase = '';
  private last = 0;

  constructor(io: Io) {
    this.io = io;
  }

  begin(phase: string): void {
    this.phase = phase;
    this.last = performance.now();
  }

  update(progress: Progress): void {
    const now = performance.now();
    if (now - this.last < LINE_EVERY_MS) return;
    this.last = now;
    this.io.err(`${this.phase}: ${percentOf(progress)} %, ${formatCount(progress.accesses)} accesses\n`);
  }

  end(): void {
    this.phase = '';
  }
}

function percentOf({ bytesRead, totalBytes }: Progress): number {
  return totalBytes === 0 ? 0 : Math.floor((bytesRead / totalBytes) * 100);
}
