/**
 * Per-frame metadata as a struct of arrays: what `struct page` holds in 64 bytes.
 *
 * | bytes | what |
 * |---|---|
 * | 8 | `index` |
 * | 28 | `refcount`, `mapcount`, `flags`, `mapping`, `private`, `next`, `previous` |
 * | 4 | `tableLock`: the split page-table lock of a page-table page |
 * | 2 | TLB entries that reach the frame (`Tlbs.reach`) |
 *
 * The host backs the arrays page by page as frames are first used: an untouched frame costs address space only, and an
 * access stays one plain typed-array index.
 */
import { ObjectBase } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { reserveBytes } from './reserve.ts';
import { watchedColumn } from './watched-column.ts';

/** Metadata of the kernel per frame; what oracles keep about a frame comes on top. */
export const METADATA_BYTES_PER_FRAME = 42;

export const FrameFlags = {
  /** First frame of a free block. */
  Buddy: 0x1,
  Reserved: 0x2,
  PageTable: 0x4,
  Anon: 0x8,
  AnonExclusive: 0x10,
  SwapBacked: 0x20,
  SwapCache: 0x40,
  PageCache: 0x80,
  Lru: 0x100,
  Active: 0x200,
  Referenced: 0x400,
  Dirty: 0x800,
  Locked: 0x1000,
  Poisoned: 0x2000,
  /** On the LRU lists of file pages. */
  LruFile: 0x4000,
  /** Free, in the hands of one CPU. */
  PerCpu: 0x8000,
  /** It was active when it became inactive: a refault of it means thrashing. */
  Workingset: 0x10000,
  /** A device's own. */
  Device: 0x20000,
  /** Charged to the memory cgroup. */
  Charged: 0x40000,
} as const;

export class FrameTable {
  readonly refcount: Int32Array;
  readonly mapcount: Int32Array;
  readonly flags: Uint32Array;
  /** Id of an anon_vma (flag `Anon`) or of a file; of the mm for a page-table page. */
  readonly mapping: Int32Array;
  /** The page's place in what `mapping` names. */
  readonly index: Float64Array;
  /**
   * Swap slot of a page in the swap cache; number of entries that are not none of a page-table page; order of a free
   * block, at its first frame.
   */
  readonly private: Int32Array;
  /** Links of the list that the frame is on: a free list or an LRU list. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** Number of the lock that the frame has as a page-table page; 0 before it first is one. */
  readonly tableLock: Int32Array;

  /** @param scheduler - Where tasks are explored: what they use of a frame without its lock says so. */
  constructor(frames: number, scheduler?: Scheduler) {
    const words = (): Int32Array => new Int32Array(reserveBytes(frames * 4));
    this.refcount = words();
    const watched = <C extends Int32Array | Uint32Array>(column: C, base: number): C =>
      scheduler?.preemptive === true ? watchedColumn(column, scheduler, base) : column;
    this.mapcount = watched(words(), ObjectBase.mapcount);
    this.flags = watched(new Uint32Array(reserveBytes(frames * 4)), ObjectBase.frameFlags);
    this.mapping = watched(words(), ObjectBase.mapping);
    this.index = new Float64Array(reserveBytes(frames * 8));
    this.private = words();
    this.next = words();
    this.previous = words();
    this.tableLock = words();
  }

  has(pfn: number, flag: number): boolean {
    return (this.flags[pfn] & flag) !== 0;
  }

  set(pfn: number, flag: number): void {
    this.flags[pfn] |= flag;
  }

  clear(pfn: number, flag: number): void {
    this.flags[pfn] &= ~flag;
  }

  /** Fresh from the allocator: one reference, no user. */
  reset(pfn: number): void {
    this.refcount[pfn] = 1;
    this.mapcount[pfn] = 0;
    this.flags[pfn] = 0;
    this.mapping[pfn] = 0;
    this.index[pfn] = 0;
    this.private[pfn] = 0;
  }
}
