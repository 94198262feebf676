/**
 * The retry pair: what makes a fault throw away a page that an invalidation has meanwhile taken back.
 *
 *     fault    a read seq    b get the page, no lock held    c under mmuLock: check the pair, install
 *     window   1 under mmuLock: inProgress++, zap, flush    2 the pte changes, the page may be freed
 *              3 under mmuLock: seq++, inProgress--
 *
 * `inProgress` covers a window that is open at c; `seq` one that opened and closed between a and c. Both are needed,
 * and seq grows first: whoever sees the count at 0 sees the new seq. Windows overlap and do not nest, hence a count;
 * their gfns are merged into one hull that only grows until the count is 0 again, so a fault between two windows waits
 * for nothing now and then.
 *
 * Mirrors `mmu_invalidate_retry_gfn` and its neighbours, `include/linux/kvm_host.h` of Linux 6.8.
 *
 * A test that wants to see what a guard is for replaces one method of the prototype: `testing.ts`.
 */
import type { Atomic, Routine, SpinLock, SyncService } from '@mmu-notifier/plugin-api';

export class MmuInvalidate {
  private readonly mmuLock: SpinLock;
  /** @locks Written under mmuLock. */
  private readonly seq: Atomic;
  /** @locks Written under mmuLock. */
  private readonly inProgress: Atomic;
  /** Hull of the windows in progress; empty (`start >= end`) when there is none. @locks mmuLock. */
  private start = 0;
  private end = 0;

  constructor(sync: SyncService, mmuLock: SpinLock, owner: string) {
    this.mmuLock = mmuLock;
    this.seq = sync.atomic(`${owner}.mmuInvalidateSeq`);
    this.inProgress = sync.atomic(`${owner}.mmuInvalidateInProgress`);
  }

  /** Before the page is looked up: what `retryGfn` will compare with. */
  *snapshot(): Routine<number> {
    return yield* this.seq.load();
  }

  /**
   * Early check that saves a look-up which is bound to be thrown away. No lock, so it may err both ways; the one under
   * the lock decides. Count first, then seq.
   */
  *retryGfnUnsafe(seq: number, gfn: number): Routine<boolean> {
    const windows = yield* this.inProgress.load();
    if (windows > 0 && this.inHull(gfn)) return true;
    return (yield* this.seq.load()) !== seq;
  }

  /** Takes mmuLock, and tells whether the page that was got since `seq` must not be installed for `gfn`. */
  *lockAndRetryGfn(seq: number, gfn: number): Routine<boolean> {
    yield* this.mmuLock.acquire();
    return this.retryGfn(seq, gfn);
  }

  /** The check itself. A window in progress without a hull is a bug; the safe answer is to retry. @locks mmuLock. */
  retryGfn(seq: number, gfn: number): boolean {
    if (this.inProgress.value > 0 && (this.hullEmpty() || this.inHull(gfn))) return true;
    return this.seq.value !== seq;
  }

  /** Whether a fault on `gfn` would have to retry now, and should sleep instead. */
  covers(gfn: number): boolean {
    return this.inProgress.value > 0 && this.inHull(gfn);
  }

  /** Start, at the first slot that the range meets. `kvm_mmu_invalidate_begin` @locks mmuLock held. */
  *begin(): Routine<void> {
    const windows = yield* this.inProgress.add(1);
    if (windows === 1) this.start = this.end = 0;
  }

  /** Widens the hull by `[first, end)`. `kvm_mmu_invalidate_range_add` @locks mmuLock held. */
  widen(first: number, end: number): void {
    const empty = this.hullEmpty();
    this.start = empty ? first : Math.min(this.start, first);
    this.end = empty ? end : Math.max(this.end, end);
  }

  /**
   * End. Two steps, in this order. `kvm_mmu_invalidate_end`
   *
   * @locks mmuLock held.
   * @returns Windows that are still in progress.
   */
  *finish(): Routine<number> {
    yield* this.seq.add(1);
    return yield* this.inProgress.add(-1);
  }

  /** `snapshot` without a routine, while nothing preempts. */
  get sequence(): number {
    return this.seq.value;
  }

  /** Windows in progress. */
  get windows(): number {
    return this.inProgress.value;
  }

  hullEmpty(): boolean {
    return this.start >= this.end;
  }

  private inHull(gfn: number): boolean {
    return gfn >= this.start && gfn < this.end;
  }
}
