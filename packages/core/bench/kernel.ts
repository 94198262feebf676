/**
 * The kernel's side: the timing program of `tools/linux-truth`, compiled once, run once for each measurement.
 *
 * A shell that is started before the model has any memory runs it. To start a program from here would fork this process:
 * fork write-protects every page of the model, and each of them would cost the model a fault when it is written next.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

const SOURCES = join(import.meta.dirname, '../../../tools/linux-truth/timing');

export class KernelTiming {
  private readonly folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-bench-'));
  private readonly program = join(this.folder, 'timing');
  /** Why no operation can be timed here. */
  readonly missing: string | undefined;

  private readonly shell: ChildProcessByStdio<Writable, Readable, null>;
  private readonly answers: AsyncIterator<string>;

  constructor() {
    this.missing = this.compile();
    this.shell = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.shell.stdout })[Symbol.asyncIterator]();
  }

  /** Nanoseconds of one measurement, or why there is none. */
  async measure(operation: string): Promise<number | string> {
    if (this.missing !== undefined) return this.missing;
    this.shell.stdin.write(`'${this.program}' ${operation} || echo '{"skipped":"it failed"}'\n`);
    const line = await this.answers.next();
    if (line.done === true) return 'no answer';
    const answer = JSON.parse(line.value) as { readonly ns?: number; readonly skipped?: string };
    return answer.ns ?? answer.skipped ?? 'no answer';
  }

  close(): void {
    this.shell.stdin.end();
    rmSync(this.folder, { recursive: true });
  }

  private compile(): string | undefined {
    if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
    const files = readdirSync(SOURCES).filter((file) => file.endsWith('.c'));
    const paths = files.map((file) => join(SOURCES, file));
    const compiler = process.env['CC'] ?? 'cc';
    const { status } = spawnSync(compiler, ['-std=c11', '-O2', '-o', this.program, ...paths], { stdio: 'inherit' });
    return status === 0 ? undefined : `no C compiler (${compiler}, or set CC)`;
  }
}
