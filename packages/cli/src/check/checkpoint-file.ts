/** Where a check stands, as a file: who is stopped or killed goes on from there. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { CHECKPOINT_FORMAT, type CheckOptions, type Checkpoint } from '@mmu-notifier/checker';
import { InputError } from '../errors.ts';
import { OutputFile } from '../output-file.ts';
import type { CheckFlags } from './options.ts';
import { readJson } from './read-json.ts';

/** A kill loses no more than that. */
const EVERY_MS = 2000;

/** A checkpoint, and what the program looked like. */
interface Saved extends Checkpoint {
  readonly sha256: string;
}

export class CheckpointFile {
  private readonly path: string;
  private readonly option: string;
  private readonly sha256: string;
  private writtenAt = performance.now();

  /** @throws InputError where no such file can be written. */
  private constructor(path: string, option: string, program: string) {
    [this.path, this.option, this.sha256] = [path, option, sha256Of(program)];
    new OutputFile(path, option).discard();
  }

  /** @returns `undefined` where nobody asked for one. */
  static of(program: string, { checkpoint, resume }: CheckFlags): CheckpointFile | undefined {
    if (resume !== undefined) return new CheckpointFile(resume, '--resume', program);
    return checkpoint === undefined ? undefined : new CheckpointFile(checkpoint, '--checkpoint', program);
  }

  /** Now and then. */
  keep(checkpoint: () => Checkpoint): void {
    if (performance.now() - this.writtenAt >= EVERY_MS) this.write(checkpoint);
  }

  write(checkpoint: () => Checkpoint): void {
    const saved: Saved = { ...checkpoint(), sha256: this.sha256 };
    const file = new OutputFile(this.path, this.option);
    file.write(Buffer.from(`${JSON.stringify(saved)}\n`));
    file.finish();
    this.writtenAt = performance.now();
  }

  /** A check that has come to its verdict leaves none. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}

/** @throws InputError where the checkpoint is not of this file as it is now, or of other bounds. */
export function resumed(options: CheckOptions, from: string | undefined, program: string): CheckOptions {
  if (from === undefined) return options;
  const resume = read(from);
  if (resume.sha256 !== sha256Of(program))
    throw new InputError(
      `--resume: ${from}: found a checkpoint of ${resume.program}, expected one of ${program} as it is`,
    );
  const bounds = { maxSteps: resume.maxSteps, ...(resume.failures === null ? {} : { failures: resume.failures }) };
  if (options.maxSteps !== undefined && options.maxSteps !== bounds.maxSteps)
    throw new InputError(`--steps: found ${options.maxSteps}, expected ${bounds.maxSteps} as in ${from}`);
  if (options.failures !== undefined && options.failures !== bounds.failures)
    throw new InputError(`--failures: found ${options.failures}, expected ${bounds.failures ?? 'none'} as in ${from}`);
  return { ...options, ...bounds, resume };
}

function read(file: string): Saved {
  const found = readJson(file, '--resume', 'what check --checkpoint has written');
  const { format, search, sha256 } = (found ?? {}) as Partial<Saved>;
  if (search === undefined || sha256 === undefined)
    throw new InputError(`--resume: ${file}: found other JSON, expected a checkpoint`);
  if (format !== CHECKPOINT_FORMAT)
    throw new InputError(`--resume: ${file}: found format ${String(format)}, expected ${CHECKPOINT_FORMAT}`);
  return found as Saved;
}

function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
