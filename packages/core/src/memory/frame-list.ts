/** A doubly linked list of frames through the frame table's links; a frame is on one list at most. */
import type { FrameTable } from './frame-table.ts';

const NONE = -1;

export class FrameList {
  length = 0;
  private head = NONE;
  private tail = NONE;
  private readonly table: FrameTable;

  constructor(table: FrameTable) {
    this.table = table;
  }

  /** The frame that came last to the head; -1 when empty. */
  get first(): number {
    return this.head;
  }

  /** The oldest frame; -1 when empty. */
  get last(): number {
    return this.tail;
  }

  addFirst(pfn: number): void {
    const { next, previous } = this.table;
    next[pfn] = this.head;
    previous[pfn] = NONE;
    if (this.head === NONE) this.tail = pfn;
    else previous[this.head] = pfn;
    this.head = pfn;
    this.length++;
  }

  remove(pfn: number): void {
    const { next, previous } = this.table;
    if (previous[pfn] === NONE) this.head = next[pfn];
    else next[previous[pfn]] = next[pfn];
    if (next[pfn] === NONE) this.tail = previous[pfn];
    else previous[next[pfn]] = previous[pfn];
    this.length--;
  }
}
