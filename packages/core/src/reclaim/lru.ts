/**
 * Every page that reclaim may take is on the lists of those that it is charged to: the memory cgroup's, or the root's.
 * Mirrors `folio_lruvec` of `include/linux/memcontrol.h`.
 */
import { FrameFlags, type FrameTable } from '../memory/frame-table.ts';
import type { MemoryCgroup } from '../memory/memory-cgroup.ts';
import type { SharedState } from '../sched/shared-state.ts';
import { Lruvec, type PageKind, kindOf } from './lruvec.ts';

export class Lru {
  readonly root: Lruvec;
  /** Without a cgroup there is none. */
  readonly cgroup: Lruvec | undefined;
  private readonly frames: FrameTable;

  /** @param state - All lists, as tasks use them without a lock in common. */
  constructor(frames: FrameTable, cgroup: MemoryCgroup | undefined, state: SharedState) {
    this.frames = frames;
    this.root = new Lruvec(frames, state);
    this.cgroup = cgroup && new Lruvec(frames, state);
  }

  /** All lists, the root's first: what reclaim for the whole machine goes through. */
  get all(): readonly Lruvec[] {
    return this.cgroup === undefined ? [this.root] : [this.root, this.cgroup];
  }

  /** The lists of those that the page is charged to. */
  of(pfn: number): Lruvec {
    return this.cgroup !== undefined && this.frames.has(pfn, FrameFlags.Charged) ? this.cgroup : this.root;
  }

  add(pfn: number): void {
    this.of(pfn).add(pfn);
  }

  remove(pfn: number): void {
    this.of(pfn).remove(pfn);
  }

  markAccessed(pfn: number): void {
    this.of(pfn).markAccessed(pfn);
  }

  deactivate(pfn: number): void {
    this.of(pfn).deactivate(pfn);
  }

  kindOf(pfn: number): PageKind {
    return kindOf(this.frames, pfn);
  }
}
