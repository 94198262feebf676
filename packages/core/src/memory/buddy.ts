/**
 * The buddy allocator: free blocks of 2^order frames, split on the way down and merged on the way up. Watermarks tell
 * when allocation must reclaim first. Mirrors `mm/page_alloc.c` with one zone.
 */
import { assert } from '../contract.ts';
import { FrameFlags, type FrameTable } from './frame-table.ts';
import { FrameList } from './frame-list.ts';

export const MAX_ORDER = 10;

/** Free frames below which: only reclaim allocates (min), background reclaim starts (low), stops (high). */
export interface Watermarks {
  readonly min: number;
  readonly low: number;
  readonly high: number;
}

export class BuddyAllocator {
  freeFrames = 0;
  readonly watermarks: Watermarks;
  private readonly table: FrameTable;
  private readonly frames: number;
  private readonly free: FrameList[] = [];

  constructor(table: FrameTable, frames: number) {
    this.table = table;
    this.frames = frames;
    for (let order = 0; order <= MAX_ORDER; order++) this.free.push(new FrameList(table));
    for (let pfn = 0; pfn < frames;) pfn += this.seed(pfn);
    const min = Math.max(4, Math.min(1024, Math.floor(frames / 128)));
    this.watermarks = { min, low: Math.floor(min * 1.25) + 1, high: Math.floor(min * 1.5) + 2 };
  }

  /** The first frame of a block of 2^order frames; -1 when no block is left. */
  allocate(order: number): number {
    for (let have = order; have <= MAX_ORDER; have++) {
      const pfn = this.free[have].first;
      if (pfn < 0) continue;
      this.take(pfn, have);
      while (have > order) {
        have--;
        this.give(pfn + 2 ** have, have);
      }
      return pfn;
    }
    return -1;
  }

  release(pfn: number, order: number): void {
    assert(!this.table.has(pfn, FrameFlags.Buddy), 'a frame is freed once', pfn);
    let first = pfn;
    let size = order;
    while (size < MAX_ORDER) {
      const buddy = first ^ (2 ** size);
      if (buddy + 2 ** size > this.frames || !this.isFree(buddy, size)) break;
      this.take(buddy, size);
      first = Math.min(first, buddy);
      size++;
    }
    this.give(first, size);
  }

  /** Free blocks by order, for statistics. */
  blocks(): number[] {
    return this.free.map((list) => list.length);
  }

  private isFree(pfn: number, order: number): boolean {
    return this.table.has(pfn, FrameFlags.Buddy) && this.table.order[pfn] === order;
  }

  private seed(pfn: number): number {
    let order = MAX_ORDER;
    while (pfn % 2 ** order !== 0 || pfn + 2 ** order > this.frames) order--;
    this.give(pfn, order);
    return 2 ** order;
  }

  private give(pfn: number, order: number): void {
    this.table.flags[pfn] = FrameFlags.Buddy;
    this.table.order[pfn] = order;
    this.free[order].addFirst(pfn);
    this.freeFrames += 2 ** order;
  }

  private take(pfn: number, order: number): void {
    this.free[order].remove(pfn);
    this.table.flags[pfn] = 0;
    this.freeFrames -= 2 ** order;
  }
}
