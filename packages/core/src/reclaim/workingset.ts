/**
 * Refaults: a page that was evicted leaves the time of its eviction behind, in evictions and activations since boot. When
 * it comes back so soon that a longer list would have kept it, it starts active. Mirrors `mm/workingset.c`.
 */
import { FrameFlags, type FrameTable } from '../memory/frame-table.ts';
import type { KernelStats } from '../stats.ts';
import type { SwapSpace } from '../swap/swap-space.ts';
import type { Lru } from './lru.ts';
import type { Lruvec, PageKind } from './lruvec.ts';

/**
 * What an evicted page leaves behind: the time by the clock of its lists, which lists they were, and whether it belonged to
 * the working set then. 0 is none.
 */
export type EvictionShadow = number;

export class Workingset {
  private readonly frames: FrameTable;
  private readonly lru: Lru;
  private readonly swap: SwapSpace;
  private readonly stats: KernelStats;

  constructor(frames: FrameTable, lru: Lru, swap: SwapSpace, stats: KernelStats) {
    this.frames = frames;
    this.lru = lru;
    this.swap = swap;
    this.stats = stats;
  }

  /** @returns what to keep where the page was. `workingset_eviction` */
  evicted(pfn: number): EvictionShadow {
    const { lru, frames } = this;
    const from = lru.of(pfn);
    return 4 * from.nonresidentAge++ + (from === lru.root ? 0 : 2) + (frames.has(pfn, FrameFlags.Workingset) ? 1 : 0);
  }

  /** The page is back in a fresh frame, not on a list yet. `workingset_refault` */
  refaulted(pfn: number, shadow: EvictionShadow): void {
    if (shadow === 0) return;
    const { lru, frames } = this;
    const { reclaim } = this.stats;
    const kind = lru.kindOf(pfn);
    reclaim[kind === 'anon' ? 'refaultsAnon' : 'refaultsFile']++;
    const from = shadow % 4 >= 2 && lru.cgroup !== undefined ? lru.cgroup : lru.root;
    const distance = from.nonresidentAge - Math.floor(shadow / 4);
    if (distance > this.room(from, kind)) return;
    const to = lru.of(pfn);
    frames.set(pfn, FrameFlags.Active);
    to.nonresidentAge++;
    to[kind].activations++;
    reclaim['refaultsActivated']++;
    if (shadow % 2 === 0) return;
    frames.set(pfn, FrameFlags.Workingset);
    to.noteCost(kind, 1, 0);
  }

  /** Pages that would have had to go instead: all but those that are inactive like it. */
  private room({ anon, file }: Lruvec, kind: PageKind): number {
    const files = file.active.length + (kind === 'anon' ? file.inactive.length : 0);
    if (!this.swap.hasRoom) return files;
    return files + anon.active.length + (kind === 'file' ? anon.inactive.length : 0);
  }
}
