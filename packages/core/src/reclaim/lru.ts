/**
 * Two lists of pages by age. A new page starts inactive; a second use makes it active; when the inactive list runs
 * short, the oldest active pages come back. Mirrors `mm/swap.c` and `mm/vmscan.c`, one pair of lists.
 */
import { FrameFlags, type FrameTable } from '../memory/frame-table.ts';
import { FrameList } from '../memory/frame-list.ts';

export class LruLists {
  readonly active: FrameList;
  readonly inactive: FrameList;
  private readonly frames: FrameTable;

  constructor(frames: FrameTable) {
    this.frames = frames;
    this.active = new FrameList(frames);
    this.inactive = new FrameList(frames);
  }

  add(pfn: number): void {
    if (this.frames.has(pfn, FrameFlags.Lru)) return;
    this.frames.set(pfn, FrameFlags.Lru);
    this.listOf(pfn).addFirst(pfn);
  }

  remove(pfn: number): void {
    if (!this.frames.has(pfn, FrameFlags.Lru)) return;
    this.listOf(pfn).remove(pfn);
    this.frames.clear(pfn, FrameFlags.Lru);
  }

  activate(pfn: number): void {
    this.remove(pfn);
    this.frames.set(pfn, FrameFlags.Active);
    this.add(pfn);
  }

  /** The page was used: the second time makes it active. `folio_mark_accessed` */
  markAccessed(pfn: number): void {
    if (!this.frames.has(pfn, FrameFlags.Referenced)) this.frames.set(pfn, FrameFlags.Referenced);
    else if (this.frames.has(pfn, FrameFlags.Lru) && !this.frames.has(pfn, FrameFlags.Active)) this.activate(pfn);
  }

  deactivate(pfn: number): void {
    this.remove(pfn);
    this.frames.clear(pfn, FrameFlags.Active | FrameFlags.Referenced);
    this.add(pfn);
  }

  get inactiveIsLow(): boolean {
    return this.inactive.length < this.active.length;
  }

  private listOf(pfn: number): FrameList {
    return this.frames.has(pfn, FrameFlags.Active) ? this.active : this.inactive;
  }
}
