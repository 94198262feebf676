/**
 * The free frames that one CPU keeps for itself: most allocations and frees end here, and the buddy allocator sees
 * batches. The frame that came last goes first, while it is warm. Mirrors `struct per_cpu_pages` of `mm/page_alloc.c`.
 */
import type { BuddyAllocator } from './buddy.ts';
import { FrameFlags, type FrameTable } from './frame-table.ts';

export class PerCpuPages {
  count = 0;
  /** Frames that move at once. */
  readonly batch: number;
  /** Frames that it keeps at most. */
  readonly high: number;
  private readonly stack: Int32Array;
  private readonly table: FrameTable;
  private readonly buddy: BuddyAllocator;

  constructor(table: FrameTable, buddy: BuddyAllocator, batch: number, high: number) {
    this.table = table;
    this.buddy = buddy;
    this.batch = batch;
    this.high = high;
    this.stack = new Int32Array(high + 1);
  }

  /** One frame; -1 when there is none here and none in the buddy allocator. */
  take(): number {
    if (this.count === 0) this.refill();
    if (this.count === 0) return -1;
    return this.stack[--this.count];
  }

  give(pfn: number): void {
    this.table.flags[pfn] = FrameFlags.PerCpu;
    this.stack[this.count++] = pfn;
    if (this.count > this.high) this.drain(Math.min(this.count, this.batch));
  }

  /** Gives the `frames` that lie here longest back. */
  drain(frames: number): void {
    for (let i = 0; i < frames; i++) {
      this.table.flags[this.stack[i]] = 0;
      this.buddy.release(this.stack[i], 0);
    }
    this.stack.copyWithin(0, frames, this.count);
    this.count -= frames;
  }

  /** Neighbours leave in the order of their addresses. */
  private refill(): void {
    while (this.count < this.batch) {
      const pfn = this.buddy.allocate(0);
      if (pfn < 0) break;
      this.table.flags[pfn] = FrameFlags.PerCpu;
      this.stack[this.count++] = pfn;
    }
    this.stack.subarray(0, this.count).reverse();
  }
}
