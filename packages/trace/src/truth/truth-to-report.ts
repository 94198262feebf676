/** Names the counts: puts the counter's state and the reader's summary into the shape of a `.truth.json`. */
import { AccessKind } from '../event-sink.ts';
import { PAGE_SIZE } from '../pages.ts';
import type { RecordingSummary } from '../recording.ts';
import { entry } from './event-counts.ts';
import type { TruthState } from './truth-state.ts';
import type { EventCount, ForkTruth, ImageTruth, TruthReport } from './truth-report.ts';

/** The report; images and forks are in the order of the summary, which is that of the stream. */
export function truthReport(state: TruthState, summary: RecordingSummary, processes: number): TruthReport {
  const images = imageTruths(state, summary);
  return {
    pageSize: PAGE_SIZE,
    lines: summary.lines,
    accesses: accessCounts(state),
    touchedPages: { sumOverImages: images.reduce((sum, image) => sum + image.touchedPages, 0) },
    processes,
    images,
    threads: processes + summary.threads,
    processSwitches: summary.processSwitches,
    events: eventCounts(state, summary),
    touchedThenUnmapped: state.touchedThenUnmapped,
    dontneedTouched: state.dontneedTouched,
    retouchedAfterDiscard: state.retouchedAfterDiscard,
    mprotectTouched: state.mprotectTouched,
    mremapMovedTouched: state.mremapMovedTouched,
    peakMappedBytesAllProcesses: state.peakBytes,
    forks: forkTruths(state, summary),
    outsideAnyMapping: {
      stackGrowth: state.stackGrowth,
      stackGrowthPages: state.stackGrowthPages,
      unexplained: state.unexplained,
    },
    protection: {
      writeToReadOnly: state.writeToReadOnly,
      fetchFromNoExec: state.fetchFromNoExec,
      accessToNone: state.accessToNone,
    },
    samples: state.samples,
    kernelBufferWrites: { calls: state.kernelCalls, bytes: state.kernelBytes, pages: state.kernelPages },
    finalLayoutCheck: state.layouts.map((layout) => {
      const image = summary.images.find(({ process, end }) => process === layout.pid && end !== 'exec');
      return { ...layout, pid: image?.pid ?? layout.pid };
    }),
  };
}

function accessCounts(state: TruthState): TruthReport['accesses'] {
  const count = (kind: keyof typeof AccessKind): number => state.byKind[AccessKind[kind]] ?? 0;
  const [instructionFetch, load, store, modify] = [count('fetch'), count('load'), count('store'), count('modify')];
  return {
    total: instructionFetch + load + store + modify,
    instructionFetch,
    load,
    store,
    modify,
    reads: load + modify,
    writes: store + modify,
    crossingPageBoundary: state.crossing,
  };
}

function imageTruths(state: TruthState, summary: RecordingSummary): ImageTruth[] {
  const infos = [...summary.images];
  return state.images.map(({ process, counts }) => {
    const at = infos.findIndex((candidate) => candidate.process === process);
    const info = at < 0 ? undefined : infos.splice(at, 1)[0];
    return {
      pid: info?.pid ?? process,
      command: info?.command ?? '',
      end: info?.end ?? 'open',
      touchedPages: counts.touched,
      fetchedPages: counts.fetched,
      readPages: counts.read,
      writtenPages: counts.written,
      peakMappedBytes: counts.peakBytes,
      touchedThenUnmapped: counts.unmapped,
    };
  });
}

function eventCounts(state: TruthState, summary: RecordingSummary): Record<string, EventCount> {
  const counts = new Map([...state.events].map(([name, count]) => [name, { ...count }]));
  if (summary.threads > 0) entry(counts, 'clone.thread').ok = summary.threads;
  for (const [name, failed] of Object.entries(summary.failedCalls)) {
    entry(counts, name.startsWith('execve') ? 'execve.attempt' : name).failed += failed;
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function forkTruths(state: TruthState, summary: RecordingSummary): ForkTruth[] {
  return state.forks.map((watch, i) => {
    const info = summary.forks[i];
    const both = [...watch.byParent].filter((page) => watch.byChild.has(page)).length;
    return {
      parent: info?.parent ?? 0,
      child: info?.child ?? 0,
      flags: info?.flags ?? 'fork',
      cow: watch.cow,
      writtenByParentAfter: watch.byParent.size,
      writtenByChildAfter: watch.byChild.size,
      writtenByBoth: both,
      writtenByEither: watch.byParent.size + watch.byChild.size - both,
    };
  });
}
