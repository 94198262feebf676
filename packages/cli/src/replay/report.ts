/** What a replay says about itself: the object that `--json` prints. `docs/replay-report.md` documents it. */
import type { Violation } from '@mmu-notifier/core';
import type { TruthReport } from '@mmu-notifier/trace';
import type { FidelityReport } from './fidelity/report.ts';
import type { LayoutCheck } from './layout-check.ts';
import type { MapsComparison } from './maps-comparison.ts';

/** How the replay ended. Only `complete` means that every event of the recording was replayed. */
export type ReplayOutcome =
  | { readonly kind: 'complete' }
  /** The machine killed a process for lack of memory; nothing behind that event was replayed. */
  | { readonly kind: 'out-of-memory'; readonly event: number; readonly process: string; readonly pagesPinned: number }
  /** An oracle found something; nothing behind that event was replayed. */
  | { readonly kind: 'violation'; readonly event: number; readonly violation: Violation };

/** One attached device. */
export interface DeviceReport {
  readonly name: string;
  readonly plugin: string;
  /** Range of the plugin contract that the driver was built for. */
  readonly api: string;
  /** Accesses that went through it, and those that it refused (by errno or exit); the CPU did those instead. */
  readonly accesses: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly translationsEstablished: number;
  readonly translationsInvalidated: number;
  /** Translations that were made again for a page that an invalidation had taken away. */
  readonly translationsRefaulted: number;
  /** Translations that it held when the last event was over. */
  readonly translationsLive: number;
  /** With pins: accesses that met something else than what the process sees at that address. */
  readonly staleAccesses: number;
  /** The driver's own counters, under its own names. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Something that the machine did otherwise than the recorded system. */
export interface Difference {
  /** Which access or call of the recording, from 1. */
  readonly event: number;
  readonly message: string;
}

/** Comparison with the counts that were computed where the recording was made. */
export interface GroundTruth {
  readonly file: string;
  readonly equal: boolean;
  readonly differences: readonly CountDifference[];
}

/** A count that is not as it was where the recording was made; `machine.…` is one of the machine's own. */
export interface CountDifference {
  readonly name: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/** The trace that `--perfetto` wrote. */
export interface PerfettoReport {
  readonly file: string;
  readonly bytes: number;
  /** Begins, ends, instants and values of counters in the file. */
  readonly events: number;
  /** Slices and instants for which it had no room. */
  readonly leftOut: number;
  /** Slices and instants in the file, by category. */
  readonly slices: Readonly<Record<string, number>>;
}

export interface ReplayReport {
  readonly format: 'mmu-notifier/replay-report';
  readonly version: 1;
  readonly outcome: ReplayOutcome;
  readonly recording: {
    readonly path: string;
    readonly format: string;
    readonly compression: string;
    readonly bytes: number;
    readonly failedCalls: Readonly<Record<string, number>>;
    readonly unsupportedCalls: Readonly<Record<string, number>>;
  };
  readonly machine: {
    readonly ramBytes: number;
    /** Frames for page tables and the kernel, on top of the pages that `--ram` counts; 0 where `--ram` is in bytes. */
    readonly reserveBytes: number;
    /** `--ram` as a percentage of the peak resident set; absent where it is in bytes. */
    readonly ramPercent?: number;
    readonly swapBytes: number;
    /** `--memory-max`; absent without it. */
    readonly memoryMax?: number;
    readonly pinned: boolean;
    readonly oracles: 'on' | 'off';
    readonly deviceShare: string;
  };
  /** Peak resident set of the recording, measured before; absent where `--ram` is in bytes. */
  readonly measured?: { readonly residentPages: number; readonly tablePages: number };
  readonly events: {
    /** Accesses and calls of the recording. */
    readonly total: number;
    readonly replayed: number;
    readonly accesses: number;
    readonly calls: number;
    /** Calls that this machine does not have yet: they were left out. By name. */
    readonly leftOut: Readonly<Record<string, number>>;
  };
  readonly accesses: {
    readonly byCpu: number;
    readonly byDevices: number;
    /** Loads whose bytes were compared with the shadow; 0 with `--no-oracles`. */
    readonly verifiedLoads: number;
  };
  readonly faults: Readonly<Record<string, number>>;
  readonly swap: Readonly<Record<string, number>>;
  readonly reclaim: Readonly<Record<string, number>>;
  readonly notifier: {
    readonly calls: Readonly<Record<string, number>>;
    /** Invalidations by event. */
    readonly events: Readonly<Record<string, number>>;
  };
  /** References that translations held; the peak is what could not be reclaimed at once. */
  readonly pins: { readonly taken: number; readonly released: number; readonly held: number; readonly peak: number };
  readonly devices: readonly DeviceReport[];
  /** What the oracles said; empty means that nothing was found. */
  readonly violations: readonly Violation[];
  /** What the machine did otherwise than the recorded system: the first ones, and how many there are. */
  readonly differences: { readonly count: number; readonly first: readonly Difference[] };
  /** The machine's mappings at each exit against the recorded ones, in pages. */
  readonly finalLayouts: readonly LayoutCheck[];
  /** The machine's areas against those of a maps file beside the recording; absent where there is none. */
  readonly maps?: readonly MapsComparison[];
  /** Counts of the recording, names as in `.truth.json`. */
  readonly counts: TruthReport;
  readonly groundTruth?: GroundTruth;
  /** With `--fidelity`: what the machine did beside what the recorded kernel did. */
  readonly fidelity?: FidelityReport;
  /** All counters of the machine, grouped by subsystem and device. */
  readonly stats: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Only with `--perfetto`. */
  readonly perfetto?: PerfettoReport;
  readonly timing: { readonly seconds: number; readonly eventsPerSecond: number };
}

/** What `--compare-pin --json` prints: the same recording in today's world, and in the one before notifiers. */
export interface ReplayComparison {
  readonly format: 'mmu-notifier/replay-comparison';
  readonly version: 1;
  readonly notifiers: ReplayReport;
  readonly pinned: ReplayReport;
}
