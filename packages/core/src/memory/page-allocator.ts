/**
 * Frames with a reference count: `alloc_page`, `get_page`, `put_page`. Below the min watermark allocation reclaims
 * first; reclaim itself may use the reserve. The reclaimer is plugged in at boot, because it lives in a higher room.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { BuddyAllocator } from './buddy.ts';
import { FrameFlags, FrameTable } from './frame-table.ts';
import { PhysicalMemory } from './physical-memory.ts';

/** What watches frames come and go. */
export interface FrameObserver {
  /** The last reference is gone; the frame is about to be reused. */
  frameFreed(pfn: number): void;
}

/** Frees about `pages` frames; answers how many it freed. */
export type Reclaimer = (pages: number) => Routine<number>;

export class PageAllocator {
  readonly memory: PhysicalMemory;
  readonly table: FrameTable;
  readonly buddy: BuddyAllocator;
  /** The shared frame of zeros: never freed, never counted. */
  readonly zeroPfn: number;
  observer: FrameObserver | undefined;
  reclaimer: Reclaimer | undefined;
  /** Takes a page off its LRU list when its last reference goes. */
  removeFromLru: (pfn: number) => void = () => undefined;
  /** Takes a page that nothing maps any more out of the swap cache, if no swap entry names it. */
  freeSwapCache: (pfn: number) => void = () => undefined;
  allocations = 0;
  frees = 0;
  directReclaims = 0;
  private readonly scheduler: Scheduler;

  constructor(scheduler: Scheduler, frames: number) {
    this.scheduler = scheduler;
    this.memory = new PhysicalMemory(frames);
    this.table = new FrameTable(frames);
    this.buddy = new BuddyAllocator(this.table, frames);
    this.zeroPfn = this.buddy.allocate(0);
    this.table.reset(this.zeroPfn);
    this.table.set(this.zeroPfn, FrameFlags.Reserved);
  }

  /**
   * One frame with one reference, contents undefined; -1 when memory is exhausted.
   *
   * @locks None of the LRU's, and no lock that reclaim takes. @sleeps May, in direct reclaim.
   */
  *allocate(): Routine<number> {
    const task = this.scheduler.current;
    if (task.reclaimDepth === 0) {
      this.scheduler.mightSleep('page allocation');
      for (let tries = 0; this.buddy.freeFrames <= this.buddy.watermarks.min && tries < 8; tries++) {
        if ((yield* this.reclaim()) === 0) break;
      }
      if (this.buddy.freeFrames <= this.buddy.watermarks.min / 2) return -1;
    }
    return this.take();
  }

  /** As `allocate`, but contents zero. */
  *allocateZeroed(): Routine<number> {
    const pfn = yield* this.allocate();
    if (pfn >= 0) this.memory.zero(pfn);
    return pfn;
  }

  get(pfn: number): void {
    assert(this.table.refcount[pfn] > 0, 'a reference is taken on a frame that is in use', pfn);
    this.table.refcount[pfn]++;
  }

  /** Drops a reference; the last one frees the frame. The zero page and other reserved frames stay. */
  put(pfn: number): void {
    const { refcount } = this.table;
    assert(refcount[pfn] > 0, 'a reference is dropped that is held', pfn);
    if (--refcount[pfn] === 0) this.free(pfn);
  }

  private *reclaim(): Routine<number> {
    if (this.reclaimer === undefined) return 0;
    this.directReclaims++;
    const task = this.scheduler.current;
    task.reclaimDepth++;
    const freed = yield* this.reclaimer(Math.max(32, this.buddy.watermarks.high - this.buddy.freeFrames));
    task.reclaimDepth--;
    if (this.scheduler.preemptive) yield point(PointKind.FrameFree, 0);
    return freed;
  }

  private take(): number {
    const pfn = this.buddy.allocate(0);
    if (pfn < 0) return -1;
    this.allocations++;
    this.table.reset(pfn);
    return pfn;
  }

  private free(pfn: number): void {
    const { table } = this;
    assert((table.flags[pfn] & FrameFlags.Reserved) === 0, 'a reserved frame keeps its reference', pfn);
    assert(table.mapcount[pfn] === 0, 'a freed frame is mapped nowhere', pfn);
    if (table.has(pfn, FrameFlags.Lru)) this.removeFromLru(pfn);
    this.observer?.frameFreed(pfn);
    this.frees++;
    this.buddy.release(pfn, 0);
  }
}
