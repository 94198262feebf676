/** `mmu-notifier replay RECORDING`. */
import type { SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { type Recording, openRecording } from '@mmu-notifier/trace';
import { ExitCode, InputError } from '../errors.ts';
import { Interrupt } from '../interrupt.ts';
import type { Io } from '../output.ts';
import { type LoadedPlugin, loadPlugin } from '../plugins.ts';
import { type ReplayFlags, type ReplayOptions, parseReplayFlags } from './options.ts';
import { RemoteNode } from '../remote/remote-node.ts';
import { type PlayedRun, type Replay, playRecording, stepOf } from './play-recording.ts';
import { type ProgressDisplay, progressDisplay } from '../progress.ts';
import { Outputs } from '../seeing/outputs.ts';
import type { ReplayComparison, ReplayReport } from './report.ts';
import { DeviceTurns } from './share.ts';
import { type MachineSize, measureNeed, sizeMachine } from './sizing.ts';
import { renderReports } from './table.ts';

export async function replayCommand(path: string, flags: ReplayFlags, io: Io, drivers: string[]): Promise<ExitCode> {
  const options = parseReplayFlags(flags);
  const loaded = await loadDrivers(options, drivers);
  // What is wrong with the command is said before minutes are spent on it.
  const worlds = options.world === 'both' ? (['today', 'pinned'] as const) : [options.world];
  const plugins = new Map(worlds.map((world) => [world, createPlugins(loaded, world)]));
  void new DeviceTurns(options.share, loaded.length);
  if (path === '-')
    throw new InputError('-: found standard input, expected a file: a recording is read more than once');
  const recording = await openRecording(path);
  checkComparable(recording, options);
  const outputs = new Outputs(options, path);
  const interrupt = new Interrupt();
  const display = progressDisplay(io, options.progress === 'lines');
  try {
    const size = await chooseSize(recording, options, display, interrupt);
    const runs: PlayedRun[] = [];
    for (const [world, pluginsOfWorld] of plugins) {
      const replay = { recording, plugins: pluginsOfWorld, size, options, world, display, interrupt, outputs };
      runs.push(await playWithNode(replay, loaded));
    }
    outputs.finish(runs);
    const reports = runs.map(({ report }) => report);
    io.out(options.output === 'json' ? `${JSON.stringify(asJson(reports))}\n` : renderReports(reports, io.columns));
    if (options.output === 'table') io.out(outputs.remark());
    return exitCodeOf(reports);
  } finally {
    display.end();
    outputs.discard();
    interrupt.dispose();
  }
}

/** XPMEM has another node, whose process is there for as long as the replay. */
async function playWithNode(replay: Omit<Replay, 'node'>, loaded: readonly LoadedPlugin[]): Promise<PlayedRun> {
  const at = loaded.findIndex(({ spec }) => spec === 'xpmem' || spec === '@mmu-notifier/xpmem');
  const { share } = replay.options;
  if (at < 0 || replay.world === 'pinned' || share.numerator === 0)
    return await playRecording({ ...replay, node: undefined });
  const node = new RemoteNode();
  try {
    return await playRecording({ ...replay, plugins: replay.plugins.with(at, node.plugin), node });
  } finally {
    await node.close();
  }
}

/** Only a kernel's own words can be held against the machine. @throws InputError for other recordings. */
function checkComparable({ path, format }: Recording, { compare }: ReplayOptions): void {
  if (compare === 'nothing' || format === 'perf-script') return;
  throw new InputError(
    `--fidelity: found ${path} in the format ${format}, expected perf script output (kernel.txt.xz)`,
  );
}

async function loadDrivers(options: ReplayOptions, files: string[]): Promise<LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = [];
  for (const name of options.drivers) {
    const plugin = await loadPlugin(name);
    loaded.push(plugin);
    if (plugin.file !== undefined) files.push(plugin.file);
  }
  return loaded;
}

function createPlugins(loaded: readonly LoadedPlugin[], world: 'today' | 'pinned'): SecondaryMmuPlugin[] {
  return loaded.map(({ spec, create }) => {
    const plugin = create(world === 'pinned' ? { pin: true } : undefined);
    if (world === 'today' || plugin.traits.pins === 'longterm') return plugin;
    throw new InputError(
      `driver ${spec}: found no way to pin, expected a driver with the option { pin: true } such as kvm`,
    );
  });
}

/** For a recorded kernel that had all the memory of its host; only what is used costs anything. */
const LARGE_ENOUGH = { kind: 'bytes', bytes: 2 ** 29 } as const;

/** A pass over the recording tells what it needs, unless the user said how much memory there is. */
async function chooseSize(
  recording: Recording,
  options: ReplayOptions,
  display: ProgressDisplay,
  interrupt: Interrupt,
): Promise<MachineSize> {
  if (options.ram?.kind === 'bytes') return sizeMachine(options.ram, undefined);
  // What was recorded are faults, not all accesses: nothing to measure by.
  if (options.compare === 'kernel' && options.ram === undefined) return sizeMachine(LARGE_ENOUGH, undefined);
  display.begin('measuring', 'accesses');
  const need = await measureNeed(recording, (progress) => {
    display.update(stepOf(progress));
    interrupt.check();
  });
  return sizeMachine(options.ram, need);
}

function asJson(reports: readonly ReplayReport[]): ReplayReport | ReplayComparison {
  const [first, second] = reports as [ReplayReport, ReplayReport | undefined];
  if (second === undefined) return first;
  return { format: 'mmu-notifier/replay-comparison', version: 1, notifiers: first, pinned: second };
}

/** A process that pins kill is what the world before notifiers is shown for; everything else that is amiss counts. */
function exitCodeOf(reports: readonly ReplayReport[]): ExitCode {
  return reports.every(isAsItShouldBe) ? ExitCode.ok : ExitCode.violation;
}

function isAsItShouldBe(report: ReplayReport): boolean {
  if (report.violations.length > 0 || report.groundTruth?.equal === false || report.differences.count > 0) return false;
  if (report.maps?.some(({ pages }) => pages.missing + pages.surplus > 0) === true) return false;
  return report.outcome.kind === 'complete' || report.machine.pinned;
}
