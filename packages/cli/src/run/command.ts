/** `mmu-notifier run SCRIPT...|-`. */
import type { Command } from 'commander';
import type { Violation } from '@mmu-notifier/core';
import { type Script, parseScript } from '@mmu-notifier/trace';
import { ExitCode } from '../errors.ts';
import { Interrupt } from '../interrupt.ts';
import type { Io } from '../output.ts';
import type { LoadedPlugin } from '../plugins.ts';
import { progressDisplay } from '../progress.ts';
import { loadPlugins, readScript } from './load-script.ts';
import { runSeeds } from './many-seeds.ts';
import { type RunFlags, type RunOptions, makeMachine, parseRunFlags } from './options.ts';
import { flagsFor } from './script-flags.ts';
import { ScriptRun } from './script-run.ts';
import { checkSupported } from './supported.ts';

/** A script with all that it needs to run. */
interface Prepared {
  readonly path: string;
  readonly script: Script;
  readonly options: RunOptions;
  readonly plugins: ReadonlyMap<string, LoadedPlugin>;
}

/** The options, then every script, are read and found in order before the first script runs. @param typed - The options of the command line. */
export async function runCommand(paths: string[], typed: Command, io: Io, drivers: string[]): Promise<ExitCode> {
  // A script may bring the --seeds that --keep-going needs.
  parseRunFlags({ ...typed.opts<RunFlags>(), keepGoing: false });
  const prepared: Prepared[] = [];
  for (const path of paths) prepared.push(await prepare(path, typed, drivers));
  const interrupt = new Interrupt();
  try {
    let worst: ExitCode = ExitCode.ok;
    for (const one of prepared) {
      if (prepared.length > 1) io.out(`${JSON.stringify({ script: one.path })}\n`);
      const code = await runPrepared(one, interrupt, io);
      if (code !== ExitCode.ok) worst = code;
    }
    return worst;
  } finally {
    interrupt.dispose();
  }
}

async function prepare(path: string, typed: Command, drivers: string[]): Promise<Prepared> {
  const file = path === '-' ? '<stdin>' : path;
  const script = parseScript(await readScript(path), file);
  const options = parseRunFlags(flagsFor(script, typed));
  checkSupported(script.events, file);
  return { path, script, options, plugins: await loadPlugins(script, file, drivers) };
}

async function runPrepared(
  { path, script, options, plugins }: Prepared,
  interrupt: Interrupt,
  io: Io,
): Promise<ExitCode> {
  return options.seeds === undefined
    ? await runOnce(script, path, options, plugins, interrupt, io)
    : await runMany(script, path, { ...options, seeds: options.seeds }, plugins, interrupt, io);
}

async function runOnce(
  script: Script,
  path: string,
  options: RunOptions,
  plugins: ReadonlyMap<string, LoadedPlugin>,
  interrupt: Interrupt,
  io: Io,
): Promise<ExitCode> {
  const scheduled = script.tasks.length > 0;
  const machine = makeMachine(options, scheduled ? 'scheduled' : 'direct', options.firstSeed);
  try {
    const run = new ScriptRun(script, machine, plugins, (line) => io.out(`${JSON.stringify(line)}\n`));
    const end = await interrupt.drive(run.run());
    if (end.violation === undefined) return ExitCode.ok;
    io.err(`violation: ${end.violation.oracle}: ${end.violation.message}\n`);
    if (scheduled)
      io.err(`${interleaving(end.violation)}rerun: mmu-notifier run ${path} --seed ${options.firstSeed}\n`);
    return ExitCode.violation;
  } finally {
    machine.close();
  }
}

/** The order in which the tasks ran, and where each of them stands. */
function interleaving({ schedule, tasks }: Violation): string {
  const order = schedule === undefined ? '' : `interleaving: ${schedule.join(' ')}\n`;
  const places = (tasks ?? []).map(({ name, at }) => `  ${name} is about to: ${at}\n`);
  return order + places.join('');
}

async function runMany(
  script: Script,
  path: string,
  options: RunOptions & { readonly seeds: number },
  plugins: ReadonlyMap<string, LoadedPlugin>,
  interrupt: Interrupt,
  io: Io,
): Promise<ExitCode> {
  const display = progressDisplay(io, options.progress === 'lines');
  const summary = await runSeeds(script, options, plugins, interrupt, display).finally(() => display.end());
  io.out(`${JSON.stringify(summary)}\n`);
  const [first] = summary.violations;
  if (first === undefined) return ExitCode.ok;
  io.err(`violation under seed ${first.seed}: ${first.violation.oracle}: ${first.violation.message}\n`);
  io.err(`rerun: mmu-notifier run ${path} --seed ${first.seed}\n`);
  return ExitCode.violation;
}
