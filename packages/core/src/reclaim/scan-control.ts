/** One reclaim under way: what it is for and how far it has come. Mirrors `struct scan_control`. */

/**
 * `kswapd` in the background, `direct` in whoever allocates, `cgroup` in whoever allocates at the limit of the cgroup,
 * `proactive` because a user asked.
 */
export type ReclaimReason = 'kswapd' | 'direct' | 'cgroup' | 'proactive';

export interface ScanControl {
  readonly reason: ReclaimReason;
  readonly target: number;
  freed: number;
  scanned: number;
  /** Urgency: a pass looks at 1/2^priority of each list; from 12 down to 0. */
  priority: number;
  /** Kinds whose active list may shrink. */
  deactivateAnon: boolean;
  deactivateFile: boolean;
  /** Active lists shrink whatever the inactive ones hold: nothing else helped. */
  forceDeactivate: boolean;
  /** An active list was left alone that could have given pages. */
  skippedDeactivate: boolean;
}

export const FIRST_PRIORITY = 12;

/** Pages of one list that are looked at before the next list has its turn. `SWAP_CLUSTER_MAX` */
export const SCAN_BATCH = 32;

export function scanControl(reason: ReclaimReason, target: number): ScanControl {
  return {
    reason,
    target,
    freed: 0,
    scanned: 0,
    priority: FIRST_PRIORITY,
    deactivateAnon: false,
    deactivateFile: false,
    forceDeactivate: false,
    skippedDeactivate: false,
  };
}

/** What was asked for is freed. A user who asks for some pages gets no more; the others end with the round of batches. */
export function isEnough(control: ScanControl): boolean {
  return control.reason === 'proactive' && control.freed >= control.target;
}
