/**
 * The buddy allocator: free blocks of 2^order frames, split on the way down and merged on the way up. Blocks that were
 * never used are not on a list: they lie behind a frontier that moves on when the lists run out, so a large machine
 * costs nothing before it is used. Mirrors `mm/page_alloc.c`, and its deferred initialisation.
 */
import { assert } from '../contract.ts';
import { FrameFlags, type FrameTable } from './frame-table.ts';
import { FrameList } from './frame-list.ts';

export const MAX_ORDER = 10;

export class BuddyAllocator {
  freeFrames: number;
  /** Frames from here on were never used. */
  frontier = 0;
  private readonly table: FrameTable;
  private readonly frames: number;
  private readonly free: FrameList[] = [];

  constructor(table: FrameTable, frames: number) {
    this.table = table;
    this.frames = frames;
    this.freeFrames = frames;
    for (let order = 0; order <= MAX_ORDER; order++) this.free.push(new FrameList(table));
  }

  /** The first frame of a block of 2^order frames; -1 when no block is left. */
  allocate(order: number): number {
    let have = this.smallest(order);
    while (have > MAX_ORDER) {
      if (this.frontier === this.frames) return -1;
      this.advance();
      have = this.smallest(order);
    }
    const pfn = this.free[have].first;
    this.take(pfn, have);
    while (have > order) {
      have--;
      this.give(pfn + 2 ** have, have);
    }
    this.freeFrames -= 2 ** order;
    return pfn;
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
    this.freeFrames += 2 ** order;
  }

  /** Free blocks by order, those behind the frontier too: for statistics. */
  blocks(): number[] {
    const counts = this.free.map((list) => list.length);
    for (let pfn = this.frontier; pfn < this.frames; pfn += 2 ** this.orderAt(pfn)) counts[this.orderAt(pfn)]++;
    return counts;
  }

  /** Order of the smallest listed block that is large enough; beyond `MAX_ORDER` when there is none. */
  private smallest(order: number): number {
    let have = order;
    while (have <= MAX_ORDER && this.free[have].length === 0) have++;
    return have;
  }

  private isFree(pfn: number, order: number): boolean {
    return this.table.has(pfn, FrameFlags.Buddy) && this.table.private[pfn] === order;
  }

  /** Puts the first block behind the frontier on its list. */
  private advance(): void {
    const order = this.orderAt(this.frontier);
    this.give(this.frontier, order);
    this.frontier += 2 ** order;
  }

  /** The largest order that the position and the end of memory permit. */
  private orderAt(pfn: number): number {
    let order = MAX_ORDER;
    while (pfn % 2 ** order !== 0 || pfn + 2 ** order > this.frames) order--;
    return order;
  }

  private give(pfn: number, order: number): void {
    this.table.flags[pfn] = FrameFlags.Buddy;
    this.table.private[pfn] = order;
    this.free[order].addFirst(pfn);
  }

  private take(pfn: number, order: number): void {
    this.free[order].remove(pfn);
    this.table.flags[pfn] = 0;
  }
}
