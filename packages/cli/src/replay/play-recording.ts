/** One replay of a recording on one machine, from its boot to its report. */
import { ContractViolation, Machine, type Violation } from '@mmu-notifier/core';
import type { SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { TruthCounter } from '@mmu-notifier/trace';
import type { EventSink, Progress, Recording, RecordingSummary } from '@mmu-notifier/trace';
import type { Interrupt } from '../interrupt.ts';
import { buildReport } from './build-report.ts';
import { DeviceSet } from './device-set.ts';
import type { ReplayOptions } from './options.ts';
import { FidelityComparison } from './fidelity/comparison.ts';
import { faultView } from './fidelity/fault-view.ts';
import { type ProbeLog, probe } from './fidelity/probe.ts';
import { Player } from './player.ts';
import type { RemoteNode } from '../remote/remote-node.ts';
import type { ProgressDisplay, Step } from '../progress.ts';
import type { Outputs } from '../seeing/outputs.ts';
import { PerfettoTracer } from '../seeing/perfetto/tracer.ts';
import { RunRecorder, type Seen } from '../seeing/run-recorder.ts';
import type { PerfettoReport, ReplayReport } from './report.ts';
import { DeviceTurns } from './share.ts';
import type { MachineSize } from './sizing.ts';

/** Everything that one replay needs. */
export interface Replay {
  readonly recording: Recording;
  readonly plugins: readonly SecondaryMmuPlugin[];
  readonly size: MachineSize;
  readonly options: ReplayOptions;
  readonly world: 'today' | 'pinned';
  /** The process that makes the accesses of one of the plugins. */
  readonly node: RemoteNode | undefined;
  readonly display: ProgressDisplay;
  readonly interrupt: Interrupt;
  readonly outputs: Outputs;
}

/** A finished replay, whose machine has been looked at and shut down. */
export interface Played {
  readonly replay: Replay;
  readonly player: Player;
  readonly counter: TruthCounter;
  readonly devices: DeviceSet;
  readonly summary: RecordingSummary;
  /** Frames that were pinned when the last event was over. */
  readonly pinnedPages: number;
  /** Counters of the machine when the last event was over. */
  readonly stats: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly violations: readonly Violation[];
  /** With `--fidelity`. */
  readonly fidelity: FidelityComparison | undefined;
  /** From the first event to the last, reading included. */
  readonly seconds: number;
  readonly perfetto: PerfettoReport | undefined;
}

/** What a replay leaves behind: its report, and what a page shows of the run. */
export interface PlayedRun {
  readonly report: ReplayReport;
  readonly seen: Seen | undefined;
}

export async function playRecording(replay: Replay): Promise<PlayedRun> {
  const { size, options, plugins, display, world, outputs } = replay;
  const { node } = replay;
  await node?.ready;
  const turns = new DeviceTurns(options.share, plugins.length);
  let player: Player | undefined;
  const tracer = outputs.trace && new PerfettoTracer(outputs.trace, () => player?.events ?? 0);
  const machine = new Machine({
    ramBytes: size.ramBytes,
    ...(options.memoryMax === undefined ? {} : { memoryMax: options.memoryMax }),
    swapBytes: options.swapBytes,
    oracles: options.oracles,
    // The recorded kernels have huge pages configured, and notify where one might be split.
    kconfig: { TRANSPARENT_HUGEPAGE: options.compare === 'kernel', ...options.kconfig },
    ...(tracer === undefined ? {} : { tracer }),
    ...(node === undefined ? {} : { live: node.links.clock, transport: node.links }),
  });
  try {
    display.begin(world === 'pinned' ? 'replaying with pins' : 'replaying', 'accesses');
    const started = performance.now();
    let fidelity: FidelityComparison | undefined;
    const log: ProbeLog = { range: (range) => fidelity?.range(range), young: () => fidelity?.young() };
    const compared = options.compare === 'kernel';
    const devices = new DeviceSet(machine, compared ? [...plugins, probe(log)] : plugins, node);
    const recorder = recorderOf(replay, machine, devices, tracer);
    const counter = new TruthCounter();
    player = new Player(machine, devices, turns, { watch: recorder, counter });
    if (compared) fidelity = new FidelityComparison(player, faultView(machine));
    const summary = await readAll(replay, fidelity ?? player);
    player.flush();
    const seconds = (performance.now() - started) / 1000;
    const violations = player.ended?.kind === 'violation' ? [player.ended.violation] : guard(() => machine.check());
    const finished = recorder?.finish(player.ended?.event ?? player.events);
    const stats = machine.stats();
    const { pinnedPages } = machine;
    if (violations.length === 0) violations.push(...guard(() => machine.shutdown()));
    const perfetto = finished?.perfetto;
    const played = {
      replay,
      player,
      counter,
      devices,
      summary,
      pinnedPages,
      stats,
      violations,
      seconds,
      perfetto,
      fidelity,
    };
    return { report: buildReport(played), seen: finished?.seen };
  } finally {
    display.end();
    machine.close();
  }
}

/** Nobody looks at a run that nobody will see. */
function recorderOf(
  { outputs }: Replay,
  machine: Machine,
  { devices }: DeviceSet,
  tracer: PerfettoTracer | undefined,
): RunRecorder | undefined {
  const page = outputs.page === undefined ? 'no-page' : 'page';
  if (page === 'no-page' && tracer === undefined) return undefined;
  return new RunRecorder(machine, () => devices.map(({ name }) => name), page, tracer);
}

async function readAll({ recording, display, interrupt }: Replay, player: EventSink): Promise<RecordingSummary> {
  const reading = recording.read(player);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return next.value;
    display.update(stepOf(next.value));
    await interrupt.breathe();
  }
}

/** A reader's progress as the display wants it. */
export function stepOf({ bytesRead, totalBytes, accesses }: Progress): Step {
  return { done: bytesRead, total: totalBytes, count: accesses };
}

/** Oracles that scan answer a list; one that is sure at once throws. */
function guard(look: () => Violation[]): Violation[] {
  try {
    return look();
  } catch (error) {
    if (error instanceof ContractViolation) return [error.violation];
    throw error;
  }
}
