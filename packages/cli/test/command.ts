/** Runs the command inside this process, as a user would type it, and keeps what it writes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Io } from '../src/output.ts';
import { main } from '../src/program.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output, one JSON object a line. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

export async function command(...args: string[]): Promise<Ended> {
  let out = '';
  let err = '';
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    errIsTerminal: false,
    columns: undefined,
  };
  const code = await main(args, io);
  return {
    code,
    out,
    err,
    get lines() {
      return out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

/** A folder of this test file's own. */
export class Scratch {
  readonly path: string = mkdtempSync(join(tmpdir(), 'mmu-notifier-test-'));

  /** Writes a file, and answers its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** An error of the user: nothing on standard output, one line on standard error, no stack. */
export function expectOneLine({ code, out, err }: Ended, message: RegExp): void {
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^error: [^\n]+\n(Try --help\.\n)?$/);
  expect(err).toMatch(message);
}
