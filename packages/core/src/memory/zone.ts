/**
 * A zone: frames that are allocated alike, with their watermarks. This machine has one, `Normal`: no device here is
 * limited to low addresses, so nothing would tell a DMA zone from it. Mirrors `struct zone`.
 */
import { BuddyAllocator } from './buddy.ts';
import type { FrameTable } from './frame-table.ts';
import { PerCpuPages } from './per-cpu-pages.ts';

/** Free frames at which only reclaim allocates (min), kswapd is woken (low), kswapd sleeps again (high). */
export interface Watermarks {
  readonly min: number;
  readonly low: number;
  readonly high: number;
}

export class Zone {
  readonly name = 'Normal';
  readonly frames: number;
  readonly watermarks: Watermarks;
  readonly buddy: BuddyAllocator;
  private readonly perCpu: PerCpuPages[] = [];

  constructor(table: FrameTable, frames: number, cpus: number) {
    this.frames = frames;
    this.buddy = new BuddyAllocator(table, frames);
    this.watermarks = watermarksOf(frames);
    const batch = batchOf(frames);
    const high = Math.max(4 * batch, Math.floor(this.watermarks.low / cpus));
    for (let cpu = 0; cpu < cpus; cpu++) this.perCpu.push(new PerCpuPages(table, this.buddy, batch, high));
  }

  /** Free frames that every CPU can have: what the watermarks are about. */
  get freeFrames(): number {
    return this.buddy.freeFrames;
  }

  /** Free frames that wait at one CPU. */
  get perCpuFrames(): number {
    return this.perCpu.reduce((sum, pages) => sum + pages.count, 0);
  }

  /** Frames below were used at least once; the others have no metadata worth a look. */
  get usedEnd(): number {
    return this.buddy.frontier;
  }

  /** One frame; -1 when there is none for this CPU. */
  take(cpu: number): number {
    return this.perCpu[cpu].take();
  }

  give(cpu: number, pfn: number): void {
    this.perCpu[cpu].give(pfn);
  }

  /** Every CPU gives its frames back: memory is short. `drain_all_pages` */
  drain(): void {
    for (const pages of this.perCpu) pages.drain(pages.count);
  }
}

/**
 * A share of the memory, from 4 frames up to 4 MiB. Linux takes the square root of the size, which in machines of a few
 * MiB would keep most of the memory free.
 */
function watermarksOf(frames: number): Watermarks {
  const min = Math.max(4, Math.min(1024, Math.floor(frames / 128)));
  return { min, low: Math.floor(min * 1.25) + 1, high: Math.floor(min * 1.5) + 2 };
}

/** 63 frames from 1 GiB on, fewer below: one less than a power of two. `zone_batchsize` */
function batchOf(frames: number): number {
  const quarter = Math.floor(Math.min(frames / 1024, 256) / 4);
  return quarter < 2 ? 1 : 2 ** Math.floor(Math.log2(quarter * 1.5)) - 1;
}
