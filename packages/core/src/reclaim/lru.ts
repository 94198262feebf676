/**
 * Two lists of pages by age. A new page starts inactive; a second use makes it active; when the inactive list runs
 * short, the oldest active pages come back. Mirrors `mm/swap.c` and `mm/vmscan.c`, one pair of lists.
 */
import { FrameFlags, type FrameTable } from '../memory/frame-table.ts';
import { FrameList } from '../memory/frame-list.ts';

export class LruLists {
  readonly active: FrameList;
  readonly inactive: FrameList;
  /** Pages that only swap could take, put aside while swap is full: nobody scans them in vain. */
  readonly parked: FrameList;
  private readonly frames: FrameTable;

  constructor(frames: FrameTable) {
    this.frames = frames;
    this.active = new FrameList(frames);
    this.inactive = new FrameList(frames);
    this.parked = new FrameList(frames);
  }

  add(pfn: number): void {
    if (this.frames.has(pfn, FrameFlags.Lru)) return;
    this.frames.set(pfn, FrameFlags.Lru);
    this.listOf(pfn).addFirst(pfn);
  }

  remove(pfn: number): void {
    if (!this.frames.has(pfn, FrameFlags.Lru)) return;
    this.listOf(pfn).remove(pfn);
    this.frames.clear(pfn, FrameFlags.Lru | FrameFlags.Parked);
  }

  park(pfn: number): void {
    this.remove(pfn);
    this.frames.set(pfn, FrameFlags.Parked);
    this.add(pfn);
  }

  /** Swap has room again: the pages that waited for it are inactive ones, the longest wait first. */
  unpark(): void {
    for (let pfn = this.parked.last; pfn >= 0; pfn = this.parked.last) this.deactivate(pfn);
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
    if (this.frames.has(pfn, FrameFlags.Parked)) return this.parked;
    return this.frames.has(pfn, FrameFlags.Active) ? this.active : this.inactive;
  }
}
