/**
 * Pages by age: an active and an inactive list for anonymous pages (all that only swap can take), and a pair for file
 * pages. A new page starts inactive; a second use makes it active. What each kind has cost to reclaim decides which is
 * scanned more. Mirrors `struct lruvec` and `mm/swap.c`.
 */
import { FrameFlags, type FrameTable } from '../memory/frame-table.ts';
import { FrameList } from '../memory/frame-list.ts';
import type { SharedState } from '../sched/shared-state.ts';

export type PageKind = 'anon' | 'file';

/** The two lists of one kind of pages. */
export interface KindLists {
  readonly active: FrameList;
  readonly inactive: FrameList;
  /** What reclaim of this kind was in vain, or came back: it decays. */
  cost: number;
  /** Refaults that were made active, and how many of them the last reclaim knew of. */
  activations: number;
  activationsSeen: number;
}

/** One page of I/O costs as much as so many pages that were scanned in vain. `SWAP_CLUSTER_MAX` */
const IO_COST = 32;

export class Lruvec {
  /** Grows with each eviction and activation: the clock that refault distances are measured by. */
  nonresidentAge = 1;
  private readonly frames: FrameTable;
  private readonly state: SharedState;
  private readonly lists: { readonly anon: KindLists; readonly file: KindLists };

  constructor(frames: FrameTable, state: SharedState) {
    this.frames = frames;
    this.state = state;
    const lists = (): KindLists => ({
      active: new FrameList(frames),
      inactive: new FrameList(frames),
      cost: 0,
      activations: 0,
      activationsSeen: 0,
    });
    this.lists = { anon: lists(), file: lists() };
  }

  /** Whoever looks may also take from them. */
  get anon(): KindLists {
    this.state.changes();
    return this.lists.anon;
  }

  get file(): KindLists {
    this.state.changes();
    return this.lists.file;
  }

  get size(): number {
    const { anon, file } = this;
    return anon.active.length + anon.inactive.length + file.active.length + file.inactive.length;
  }

  add(pfn: number): void {
    const { flags } = this.frames;
    if ((flags[pfn] & FrameFlags.Lru) !== 0) return;
    flags[pfn] |= FrameFlags.Lru | (kindOf(this.frames, pfn) === 'file' ? FrameFlags.LruFile : 0);
    this.listOf(pfn).addFirst(pfn);
  }

  remove(pfn: number): void {
    if (!this.frames.has(pfn, FrameFlags.Lru)) return;
    this.listOf(pfn).remove(pfn);
    this.frames.clear(pfn, FrameFlags.Lru | FrameFlags.LruFile);
  }

  activate(pfn: number): void {
    this.remove(pfn);
    this.frames.set(pfn, FrameFlags.Active);
    this.add(pfn);
  }

  /** The page was used: the second time makes it active. `folio_mark_accessed` */
  markAccessed(pfn: number): void {
    if (!this.frames.has(pfn, FrameFlags.Referenced)) this.frames.set(pfn, FrameFlags.Referenced);
    else if (this.frames.has(pfn, FrameFlags.Lru) && !this.frames.has(pfn, FrameFlags.Active)) {
      this.activate(pfn);
      this.frames.clear(pfn, FrameFlags.Referenced);
      this.nonresidentAge++;
    }
  }

  /** Back to the end of the queue, as if it were new. `folio_mark_lazyfree` */
  deactivate(pfn: number): void {
    this.remove(pfn);
    this.frames.clear(pfn, FrameFlags.Active | FrameFlags.Referenced);
    this.add(pfn);
  }

  /** The older half decays once the sum is large against the lists. `lru_note_cost` */
  noteCost(kind: PageKind, writes: number, vain: number): void {
    this[kind].cost += writes * IO_COST + vain;
    if (this.anon.cost + this.file.cost <= this.size / 4) return;
    this.anon.cost /= 2;
    this.file.cost /= 2;
  }

  /** The end of a reclaim: refaults from now on are news. `snapshot_refaults` */
  seeActivations(): void {
    for (const lists of [this.anon, this.file]) lists.activationsSeen = lists.activations;
  }

  private listOf(pfn: number): FrameList {
    const lists = this.frames.has(pfn, FrameFlags.LruFile) ? this.file : this.anon;
    return this.frames.has(pfn, FrameFlags.Active) ? lists.active : lists.inactive;
  }
}

/** Which pair of lists the page goes to. A lazily freed page needs no swap: it is treated as a file page. */
export function kindOf(frames: FrameTable, pfn: number): PageKind {
  return frames.has(pfn, FrameFlags.SwapBacked) ? 'anon' : 'file';
}

/** With one GiB the two lists are of one size; the more memory, the larger the share of the active one. */
export function inactiveIsLow({ active, inactive }: KindLists): boolean {
  const gigabytes = Math.floor((active.length + inactive.length) / 2 ** 18);
  const ratio = gigabytes === 0 ? 1 : Math.floor(Math.sqrt(10 * gigabytes));
  return inactive.length * ratio < active.length;
}
