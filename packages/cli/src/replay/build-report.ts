/** Turns what a replay has counted into its report. */
import type { TruthReport } from '@mmu-notifier/trace';
import type { PlayedDevice } from './device-set.ts';
import { compareGroundTruth, findGroundTruth } from './ground-truth.ts';
import { machineCounts } from './machine-counts.ts';
import type { Played } from './play-recording.ts';
import type { DeviceReport, GroundTruth, ReplayOutcome, ReplayReport } from './report.ts';

/** Counters under names that a driver may choose; the ledger's are told apart by this prefix. */
type Counters = Readonly<Record<string, number>>;
const LEDGER = 'ledger_';

export function buildReport(played: Played): ReplayReport {
  const { replay, player, counter, devices, summary, stats, violations, seconds } = played;
  const { recording, options, size } = replay;
  const counts = counter.report(summary);
  const groundTruth = groundTruthOf(played, counts);
  return {
    format: 'mmu-notifier/replay-report',
    version: 1,
    outcome: outcomeOf(played),
    recording: {
      path: recording.path,
      format: recording.format,
      compression: recording.compression,
      bytes: recording.totalBytes,
      failedCalls: summary.failedCalls,
      unsupportedCalls: summary.unsupportedCalls,
    },
    machine: {
      ramBytes: size.ramBytes,
      reserveBytes: size.reserveBytes,
      ...(size.ramPercent === undefined ? {} : { ramPercent: size.ramPercent }),
      swapBytes: options.swapBytes,
      ...(options.memoryMax === undefined ? {} : { memoryMax: options.memoryMax }),
      pinned: replay.world === 'pinned',
      oracles: options.oracles,
      deviceShare: `${options.share.numerator}/${options.share.denominator}`,
    },
    ...(size.measured === undefined ? {} : { measured: size.measured }),
    events: {
      total: player.events,
      replayed: player.replayed,
      accesses: player.accesses,
      calls: player.events - player.accesses,
      leftOut: player.leftOut,
    },
    ...countersOf(played),
    devices: devices.devices.map((device) => deviceReport(device, stats[device.name] ?? {})),
    pins: pinCounts(stats),
    violations,
    differences: player.differences,
    finalLayouts: player.layouts,
    ...(player.maps.length === 0 ? {} : { maps: player.maps }),
    counts,
    ...(groundTruth === undefined ? {} : { groundTruth }),
    ...(played.fidelity === undefined ? {} : { fidelity: played.fidelity.report() }),
    stats,
    ...(played.perfetto === undefined ? {} : { perfetto: played.perfetto }),
    timing: { seconds, eventsPerSecond: seconds > 0 ? Math.round(player.replayed / seconds) : 0 },
  };
}

/** An oracle that spoke only when all was over found it behind the last event. */
function outcomeOf({ player, pinnedPages, violations }: Played): ReplayOutcome {
  const { ended, events } = player;
  if (ended?.kind === 'out-of-memory') return { ...ended, pagesPinned: pinnedPages };
  if (ended !== undefined) return ended;
  const [first] = violations;
  return first === undefined ? { kind: 'complete' } : { kind: 'violation', event: events, violation: first };
}

type CounterFields = Pick<ReplayReport, 'accesses' | 'faults' | 'swap' | 'reclaim' | 'notifier'>;

function countersOf({ player, devices, stats }: Played): CounterFields {
  return {
    accesses: {
      byCpu: player.byCpu,
      byDevices: devices.devices.reduce((sum, { accesses }) => sum + accesses, 0),
      verifiedLoads: stats['oracles']?.['verifiedLoads'] ?? 0,
    },
    faults: stats['faults'] ?? {},
    swap: stats['swap'] ?? {},
    reclaim: stats['reclaim'] ?? {},
    notifier: { calls: stats['notifier'] ?? {}, events: stats['notifierEvents'] ?? {} },
  };
}

function deviceReport({ name, plugin, accesses, refused }: PlayedDevice, counters: Counters): DeviceReport {
  const ledger = (counter: string): number => counters[`${LEDGER}${counter}`] ?? 0;
  return {
    name,
    plugin: plugin.name,
    api: plugin.api,
    accesses,
    refused,
    translationsEstablished: ledger('established'),
    translationsInvalidated: ledger('invalidated'),
    translationsRefaulted: ledger('refaulted'),
    translationsLive: ledger('live'),
    staleAccesses: ledger('stale_accesses'),
    counters: Object.fromEntries(Object.entries(counters).filter(([counter]) => !counter.startsWith(LEDGER))),
  };
}

function pinCounts(stats: Played['stats']): ReplayReport['pins'] {
  const { taken = 0, released = 0, held = 0, peak = 0 } = stats['pins'] ?? {};
  return { taken, released, held, peak };
}

/**
 * Only a whole replay can be held against the truth: what came behind its end has been counted, not done. The counts are
 * those of the stream of events; the machine's own are held against the same file under the names `machine.…`.
 */
function groundTruthOf(played: Played, counts: TruthReport): GroundTruth | undefined {
  const { replay, player } = played;
  const file = findGroundTruth(replay.recording.path);
  // Beside a kernel's own words lies another kind of truth, which `--fidelity` is about.
  if (replay.recording.format === 'perf-script') return undefined;
  if (file === undefined || player.ended !== undefined) return undefined;
  return compareGroundTruth(file, counts, machineCounts(played));
}
