/** The kernel's side: the timing program of `tools/linux-truth`, compiled once, run once for each measurement. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../../../tools/linux-truth/timing');

export class KernelTiming {
  private readonly folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-bench-'));
  private readonly program = join(this.folder, 'timing');
  /** Why no operation can be timed here. */
  readonly missing: string | undefined;

  constructor() {
    this.missing = this.compile();
  }

  /** Nanoseconds of one measurement, or why there is none. */
  measure(operation: string): number | string {
    if (this.missing !== undefined) return this.missing;
    const answer = JSON.parse(execFileSync(this.program, [operation], { encoding: 'utf8' })) as {
      readonly ns?: number;
      readonly skipped?: string;
    };
    return answer.ns ?? answer.skipped ?? 'no answer';
  }

  close(): void {
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
