/** `mmu-notifier check FILE...|FOLDER...`. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CheckResult,
  type Checkpoint,
  Diverged,
  type Finding,
  check,
  replaySchedule,
} from '@mmu-notifier/checker';
import { ExitCode, InputError, Stopped } from '../errors.ts';
import { Interrupt } from '../interrupt.ts';
import type { Io } from '../output.ts';
import { OutputFile } from '../output-file.ts';
import { progressDisplay } from '../progress.ts';
import { auditFiles } from './audit.ts';
import { CheckpointFile, resumed } from './checkpoint-file.ts';
import { describeFinding } from './describe.ts';
import { junit } from './junit.ts';
import { loadProgram } from './load.ts';
import { type CheckFlags, type ParsedCheckFlags, parseCheckFlags } from './options.ts';
import { checkOnThreads } from './pool.ts';
import { readSchedule, saveSchedule } from './schedule-file.ts';
import { summaryTable, verdictLine } from './summary.ts';

export async function checkCommand(paths: string[], flags: CheckFlags, io: Io, drivers: string[]): Promise<ExitCode> {
  const options = parseCheckFlags(flags);
  const files = paths.flatMap(scriptsOf);
  if (flags.replay !== undefined) return await replay(files, flags.replay, flags, io, drivers);
  if (flags.audit === true) return await auditFiles(files, options, flags, io, drivers);
  const keeps = flags.resume === undefined ? flags.checkpoint && '--checkpoint' : '--resume';
  if (keeps !== undefined && files.length > 1)
    throw new InputError(`${keeps}: found ${files.length} files, expected one`);
  // Every file is read and found in order before the first one is checked.
  for (const file of files) await loadProgram(file, drivers);
  const report = flags.junit === undefined ? undefined : new OutputFile(flags.junit, '--junit');
  const interrupt = new Interrupt();
  try {
    const results =
      files.length === 1
        ? [await checkHere(files[0] as string, options, flags, io, interrupt)]
        : await checkOnThreads(files, options, progressDisplay(io, flags.progress === true), interrupt);
    report?.write(Buffer.from(junit(results)));
    report?.finish();
    print(results, flags, io);
    return results.every(({ verdict }) => verdict.startsWith('held')) ? ExitCode.ok : ExitCode.violation;
  } finally {
    report?.discard();
    interrupt.dispose();
  }
}

/** A file is itself; a folder is the scripts in it, in order. */
function scriptsOf(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch {
    throw new InputError(`${path}: found no such file, expected a script with tasks, a module, or a folder of scripts`);
  }
  if (!isFolder) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.mm'));
  if (names.length === 0)
    throw new InputError(`${path}: found a folder without .mm files, expected scripts with tasks`);
  return names.sort().map((name) => join(path, name));
}

async function checkHere(
  file: string,
  { check: options }: ParsedCheckFlags,
  flags: CheckFlags,
  io: Io,
  interrupt: Interrupt,
): Promise<CheckResult> {
  const program = await loadProgram(file, []);
  const search = check(program, resumed(options, flags.resume, file));
  const kept = CheckpointFile.of(file, flags);
  const display = progressDisplay(io, flags.progress === true);
  display.begin('checking', 'runs');
  let left: (() => Checkpoint) | undefined;
  try {
    // A guess: branches that are found on the way make it smaller.
    let most = 0;
    for (;;) {
      const { done, value } = search.next();
      if (done) {
        if (left !== undefined && value.bound === `${options.maxRuns} runs`) kept?.write(left);
        else kept?.remove();
        return value;
      }
      left = value.checkpoint;
      if (left !== undefined) kept?.keep(left);
      most = Math.max(most, value.done ?? 0);
      display.update({ done: most, total: 1, count: value.runs });
      await interrupt.breathe();
    }
  } catch (error) {
    if (error instanceof Stopped && left !== undefined) kept?.write(left);
    throw error;
  } finally {
    display.end();
  }
}

function print(results: readonly CheckResult[], flags: CheckFlags, io: Io): void {
  const saved = new Map<CheckResult, string>();
  for (const result of results) {
    if (result.finding !== undefined && flags.save !== undefined) {
      saved.set(result, saveSchedule(flags.save, result.finding.schedule));
    }
  }
  if (flags.json === true) {
    io.out(`${JSON.stringify({ checks: results.map((result) => ({ ...result, savedTo: saved.get(result) })) })}\n`);
    return;
  }
  if (results.length > 1) io.out(summaryTable(results));
  for (const result of results) {
    if (results.length === 1) io.out(`${verdictLine(result)}\n`);
    const { program, finding } = result;
    if (finding === undefined) continue;
    io.out(`\n${results.length > 1 ? `${program}\n` : ''}${describeFinding(finding, detailOf(flags))}\n`);
    const schedule = saved.get(result);
    if (schedule !== undefined) io.out(`again: mmu-notifier check ${program} --replay ${schedule} --trace\n`);
    else io.out('--save FOLDER keeps this schedule, for --replay\n');
  }
}

function detailOf({ trace }: CheckFlags): 'steps' | 'blocks' {
  return trace === true ? 'steps' : 'blocks';
}

async function replay(files: string[], from: string, flags: CheckFlags, io: Io, drivers: string[]): Promise<ExitCode> {
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new InputError(`--replay: found ${files.length} scripts, expected one`);
  const schedule = readSchedule(from);
  let finding: Finding | undefined;
  try {
    finding = replaySchedule(await loadProgram(file, drivers), schedule);
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    throw new InputError(`--replay: ${from} is not of ${file} as it is now: ${error.message}`);
  }
  if (flags.json === true) io.out(`${JSON.stringify({ finding: finding ?? null })}\n`);
  else io.out(finding === undefined ? 'nothing found\n' : `${describeFinding(finding, detailOf(flags))}\n`);
  return finding === undefined ? ExitCode.ok : ExitCode.violation;
}
