/**
 * Standard output and error as this program uses them: whole lines, written before the call returns, so that a reader
 * in a pipe sees each result when it happens and an early end of the reader stops the work.
 */
import { writeSync } from 'node:fs';
import { ExitCode, InputError, Stopped } from './errors.ts';

/** Where a command writes. Tests hand in their own. */
export interface Io {
  /** Results. @throws Stopped when nobody reads any more. */
  out(text: string): void;
  /** Complaints, progress, hints. Never fails. */
  err(text: string): void;
  /** Whether standard error is a terminal, so that a progress bar may be drawn. */
  readonly errIsTerminal: boolean;
  /** Columns of standard output, where it is a terminal. */
  readonly columns: number | undefined;
}

/** The streams of this process. */
export function processIo(): Io {
  return {
    out: (text) => writeAll(1, text),
    err: (text) => {
      try {
        writeAll(2, text);
      } catch {
        // Nobody listens to our complaints: the exit status still says it.
      }
    },
    errIsTerminal: process.stderr.isTTY === true,
    columns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
  };
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG']);
const READER_GONE = new Set(['EPIPE', 'EOF', 'ECONNRESET']);
const SHORT_WAIT_MS = 2;

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (READER_GONE.has(code)) throw new Stopped(ExitCode.readerGone);
      if (NO_ROOM.has(code)) throw new InputError(`standard output: ${(error as Error).message}`);
      if (code !== 'EAGAIN') throw error;
      pause(SHORT_WAIT_MS);
    }
  }
}

/** The pipe is full and does not block: let the reader read. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
