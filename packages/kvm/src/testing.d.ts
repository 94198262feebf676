/**
 * Guards of the fault path and of invalidation.
 * @public
 */
export type KvmGuard = 
/** A window that opened and closed while the page was looked up goes unseen. */
'sequence-check'
/** A window that is open when the page is installed goes unseen. */
 | 'in-progress-check'
/** The check is made before mmuLock is taken, not under it. */
 | 'check-under-lock'
/** The sequence grows at the start of a window instead of its end. */
 | 'sequence-at-end'
/** Windows are a flag instead of a count: the first end clears it. */
 | 'window-count'
/** Start drops the sptes and leaves the TLB alone. */
 | 'flush';
/**
 * Takes `guard` out of every VM of this package, in this program.
 *
 * @returns Puts it back.
 * @public
 */
export declare function withoutGuard(guard: KvmGuard): () => void;
