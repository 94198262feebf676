/** How what the machine did compares with what the recorded kernel did: `fidelity` of a replay report. */

/** Recorded and modelled, paired one to one. */
export interface Paired {
  readonly recorded: number;
  readonly matched: number;
  /** Recorded, and not done by the machine. */
  readonly missing: number;
  /** Done by the machine, and not recorded. */
  readonly surplus: number;
}

/** Both sides of what is not paired, since reclaim is a heuristic. */
export interface Counted {
  readonly recorded: number;
  readonly model: number;
}

/** One that has no partner. */
export interface Residue {
  /**
   * `presence`: a matched fault that met a present page in the recording only (missing), or here only (surplus).
   * `reclaim`: a recorded range that only reclaim explains, listed where the machine never reclaimed.
   */
  readonly kind: 'fault' | 'presence' | 'invalidation' | 'reclaim';
  readonly side: 'missing' | 'surplus';
  readonly cause: string;
  /** Line of the recording on which the call or the fault began; outside of both, that of the one before. */
  readonly line: number;
  /** Process of the recording, `p1`. */
  readonly process: string;
  readonly start: string;
  readonly end: string;
}

export interface FidelityReport {
  /** Accesses that faulted: each must fault exactly once. */
  readonly faults: Paired;
  readonly faultsByKind: Readonly<Record<string, Paired>>;
  /** Matched faults that met a present page on one side, and none on the other. */
  readonly presenceDiffers: number;
  /** Ranges that a secondary MMU had to drop, outside reclaim, with the same cause. */
  readonly invalidations: Paired;
  readonly invalidationsByCause: Readonly<Record<string, Paired>>;
  /** Of the matched ones, those of another address space than the recorded task's own. */
  readonly otherSpace: number;
  /** Ranges of the machine from before the recorded KVM watched that address space: not compared. */
  readonly unwatched: number;
  /** Ranges of the machine between calls and faults, which nothing recorded can explain. */
  readonly outside: number;
  /** Ranges that reclaim had dropped. */
  readonly reclaim: Counted;
  /** Questions about the age of a page. */
  readonly agings: Counted;
  /** Pages of the cgroup that the machine's processes did not have when the recorded kernel last reclaimed; 0 without one. */
  readonly elsewhere: number;
  /** Faults on pages that reclaim had taken. */
  readonly refaults: Counted;
  /** The first few of each kind of residue. */
  readonly residues: readonly Residue[];
}
