/** The counts of a recording, under the names that its `.truth.json` uses. */

/** How often a call was made. @public */
export interface EventCount {
  ok: number;
  failed: number;
}

/** One program image. @public */
export interface ImageTruth {
  readonly pid: number;
  readonly command: string;
  readonly end: 'exit' | 'exec' | 'open';
  readonly touchedPages: number;
  readonly fetchedPages: number;
  readonly readPages: number;
  readonly writtenPages: number;
  readonly peakMappedBytes: number;
  readonly touchedThenUnmapped: number;
}

/** What copy-on-write did after a fork. @public */
export interface ForkTruth {
  readonly parent: number;
  readonly child: number;
  readonly flags: string;
  /** Pages that both had to copy before they wrote. */
  readonly cow: number;
  readonly writtenByParentAfter: number;
  readonly writtenByChildAfter: number;
  readonly writtenByBoth: number;
  readonly writtenByEither: number;
}

/** A process's last layout against the one that the recorder saw. @public */
export interface FinalLayoutTruth {
  readonly pid: number;
  readonly pages: number;
  readonly missing: number;
  readonly extra: number;
  readonly protDiffers: number;
  /** Up to four addresses in hexadecimal. */
  readonly sample: readonly string[];
}

/** Everything that {@link TruthCounter} counts; same names, same meaning as in the `.truth.json` of a recording. @public */
export interface TruthReport {
  readonly pageSize: number;
  readonly lines: number;
  readonly accesses: {
    readonly total: number;
    readonly instructionFetch: number;
    readonly load: number;
    readonly store: number;
    readonly modify: number;
    readonly reads: number;
    readonly writes: number;
    readonly crossingPageBoundary: number;
  };
  readonly touchedPages: { readonly sumOverImages: number };
  readonly processes: number;
  readonly images: readonly ImageTruth[];
  readonly threads: number;
  readonly processSwitches: number;
  readonly events: Readonly<Record<string, EventCount>>;
  readonly touchedThenUnmapped: number;
  readonly dontneedTouched: number;
  readonly retouchedAfterDiscard: number;
  readonly mprotectTouched: number;
  readonly mremapMovedTouched: number;
  readonly peakMappedBytesAllProcesses: number;
  readonly forks: readonly ForkTruth[];
  readonly outsideAnyMapping: {
    readonly stackGrowth: number;
    readonly stackGrowthPages: number;
    readonly unexplained: number;
  };
  readonly protection: {
    readonly writeToReadOnly: number;
    readonly fetchFromNoExec: number;
    readonly accessToNone: number;
  };
  /** Up to ten accesses that nothing explains. */
  readonly samples: readonly string[];
  readonly kernelBufferWrites: { readonly calls: number; readonly bytes: number; readonly pages: number };
  readonly finalLayoutCheck: readonly FinalLayoutTruth[];
}
