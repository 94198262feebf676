/** A report as a replay under pressure makes it; tests change what they are about. */
import type { ReplayReport } from '../src/replay/report.ts';

export function exampleReport(changes: Partial<ReplayReport> = {}): ReplayReport {
  return {
    format: 'mmu-notifier/replay-report',
    version: 1,
    outcome: { kind: 'complete' },
    recording: {
      path: 'lackey.txt.xz',
      format: 'lackey',
      compression: 'xz',
      bytes: 1_379_944,
      failedCalls: {},
      unsupportedCalls: {},
    },
    machine: {
      ramBytes: 3_457_024,
      reserveBytes: 380_928,
      ramPercent: 25,
      swapBytes: 2 ** 28,
      pinned: false,
      oracles: 'on',
      deviceShare: '1/4',
    },
    measured: { residentPages: 3003, tablePages: 71 },
    events: { total: 2000, replayed: 2000, accesses: 1990, calls: 10, leftOut: { mlock: 2 } },
    accesses: { byCpu: 1500, byDevices: 490, verifiedLoads: 1637 },
    faults: { total: 30, copyOnWrite: 12, sigbus: 0 },
    swap: { slots: 65536, used: 0, cached: 0, pagesOut: 2083, pagesIn: 2209 },
    reclaim: { scanned: 4329, freed: 1600, pinned: 0 },
    notifier: { calls: { starts: 2271, ends: 2271, refused: 0 }, events: { UNMAP: 66, CLEAR: 2129, MIGRATE: 0 } },
    pins: { taken: 0, released: 0, held: 0, peak: 0 },
    devices: [
      {
        name: 'kvm',
        plugin: 'kvm',
        api: '^1.0.0',
        accesses: 490,
        refused: { EFAULT: 3 },
        translationsEstablished: 4302,
        translationsInvalidated: 3242,
        translationsRefaulted: 1901,
        translationsLive: 0,
        staleAccesses: 0,
        counters: { pf_taken: 4302 },
      },
    ],
    violations: [],
    differences: { count: 0, first: [] },
    finalLayouts: [],
    counts: {} as ReplayReport['counts'],
    groundTruth: { file: 'lackey.truth.json', equal: true, differences: [] },
    stats: {},
    timing: { seconds: 2.5, eventsPerSecond: 800 },
    ...changes,
  };
}

export function pinnedReport(): ReplayReport {
  const report = exampleReport();
  const { groundTruth: _compared, ...rest } = report;
  return {
    ...rest,
    machine: { ...report.machine, pinned: true },
    outcome: { kind: 'out-of-memory', event: 1501, process: 'p1', pagesPinned: 700 },
    events: { ...report.events, replayed: 1500 },
    pins: { taken: 710, released: 10, held: 700, peak: 700 },
    reclaim: { scanned: 98_061, freed: 873, pinned: 91_828 },
    devices: report.devices.map((device) => ({ ...device, translationsInvalidated: 0, staleAccesses: 5 })),
  };
}
