/** What the counter counts while the stream runs. */
import type { ForkWatch, ImageCounts } from './counted-process.ts';
import type { EventCount, FinalLayoutTruth } from './truth-report.ts';

/** Plain counters; `truth-to-report.ts` names them. */
export interface TruthState {
  readonly byKind: Float64Array;
  crossing: number;
  readonly events: Map<string, EventCount>;
  readonly images: { readonly process: number; readonly counts: ImageCounts }[];
  readonly forks: ForkWatch[];
  readonly layouts: FinalLayoutTruth[];
  readonly samples: string[];
  touchedThenUnmapped: number;
  dontneedTouched: number;
  retouchedAfterDiscard: number;
  mprotectTouched: number;
  mremapMovedTouched: number;
  peakBytes: number;
  stackGrowth: number;
  stackGrowthPages: number;
  unexplained: number;
  writeToReadOnly: number;
  fetchFromNoExec: number;
  accessToNone: number;
  kernelCalls: number;
  kernelBytes: number;
  kernelPages: number;
}

/** Nothing counted yet. */
export function newState(): TruthState {
  const zero = {
    touchedThenUnmapped: 0,
    dontneedTouched: 0,
    retouchedAfterDiscard: 0,
    mprotectTouched: 0,
    mremapMovedTouched: 0,
  };
  const outside = { peakBytes: 0, stackGrowth: 0, stackGrowthPages: 0, unexplained: 0 };
  const protection = { writeToReadOnly: 0, fetchFromNoExec: 0, accessToNone: 0 };
  const kernel = { kernelCalls: 0, kernelBytes: 0, kernelPages: 0 };
  const lists = { events: new Map<string, EventCount>(), images: [], forks: [], layouts: [], samples: [] };
  return { byKind: new Float64Array(4), crossing: 0, ...lists, ...zero, ...outside, ...protection, ...kernel };
}
