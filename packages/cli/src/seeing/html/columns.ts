/** Samples as the page's charts want them: one array for each line, all of one length. */
import type { PlayedRun } from '../../replay/play-recording.ts';
import type { Album } from '../pictures.ts';
import type { Sample } from '../timeline.ts';

/** Numbers since boot, by name; names that are 0 to the end are left out. */
type Columns = Readonly<Record<string, readonly number[]>>;

export interface RunData {
  readonly label: string;
  /** Nobody is notified: translations hold their pages. */
  readonly pinned: boolean;
  /** Frames of the machine. */
  readonly frames: number;
  readonly swapPages: number;
  readonly events: readonly number[];
  readonly resident: readonly number[];
  readonly swapped: readonly number[];
  readonly free: readonly number[];
  readonly faults: Columns;
  readonly swapTraffic: Columns;
  readonly ranges: Columns;
  readonly devices: readonly {
    readonly name: string;
    readonly live: readonly number[];
    readonly established: readonly number[];
    readonly invalidated: readonly number[];
  }[];
  readonly album: Album;
}

/** Counters that say how many faults there were, how many pages came along, or what a fault was beside its kind. */
const NO_KIND = new Set(['total', 'around', 'stackGrowth', 'spurious', 'sigsegv', 'sigbus']);

export function runData({ report, seen }: PlayedRun): RunData {
  const samples = seen?.samples ?? [];
  const column = (pick: (sample: Sample) => number): number[] => samples.map(pick);
  return {
    label: report.machine.pinned ? 'with pinned pages' : 'with notifiers',
    pinned: report.machine.pinned,
    frames: Math.floor(report.machine.ramBytes / 4096),
    swapPages: Math.floor(report.machine.swapBytes / 4096),
    events: column(({ events }) => events),
    resident: column(({ resident }) => resident),
    swapped: column(({ swapped }) => swapped),
    free: column(({ free }) => free),
    faults: columns(samples, ({ faults }) => faults, NO_KIND),
    swapTraffic: columns(samples, ({ pagesOut, pagesIn }) => ({ 'written out': pagesOut, 'read back': pagesIn })),
    ranges: columns(samples, ({ ranges }) => ranges),
    devices: report.devices.flatMap(({ name, translationsEstablished }, index) => {
      // Beside a recorded kernel the CPU makes all accesses: what stands there only listens.
      if (report.fidelity !== undefined && translationsEstablished === 0) return [];
      const of = (pick: (device: Sample['devices'][number]) => number): number[] =>
        column(({ devices }) => (devices[index] === undefined ? 0 : pick(devices[index])));
      const live = of((device) => device.live);
      const established = of((device) => device.established);
      return [{ name, live, established, invalidated: of(({ invalidated }) => invalidated) }];
    }),
    album: seen?.album ?? { areas: [], rows: [], pictures: [] },
  };
}

function columns(
  samples: readonly Sample[],
  read: (sample: Sample) => Readonly<Record<string, number>>,
  without: ReadonlySet<string> = new Set(),
): Columns {
  const last = samples.at(-1);
  const names = Object.entries(last === undefined ? {} : read(last))
    .filter(([name, count]) => count > 0 && !without.has(name))
    .map(([name]) => name);
  return Object.fromEntries(names.map((name) => [name, samples.map((sample) => read(sample)[name] ?? 0)]));
}
