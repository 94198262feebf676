/**
 * A limit on the memory of all processes together, in a machine that has more: each frame that a process allocates, page
 * tables too, is charged to the cgroup until it is free. At the limit the cgroup reclaims its own pages. What was cached
 * before a process asked for it is charged to nobody. Mirrors `mm/memcontrol.c`; there is one cgroup, with `memory.max`.
 */
import { FrameFlags, type FrameTable } from './frame-table.ts';

export class MemoryCgroup {
  /** Pages. `memory.max` */
  readonly limit: number;
  /** Frames that are charged. With `elsewhere`: `memory.current` */
  charged = 0;
  /** Pages that are charged for what is not modelled: memory of the kernel, files that a recording does not show. */
  elsewhere = 0;
  private readonly frames: FrameTable;

  constructor(frames: FrameTable, limit: number) {
    this.frames = frames;
    this.limit = limit;
  }

  /** One more page goes beyond the limit. */
  get full(): boolean {
    return this.charged + this.elsewhere >= this.limit;
  }

  charge(pfn: number): void {
    this.frames.set(pfn, FrameFlags.Charged);
    this.charged++;
  }

  uncharge(pfn: number): void {
    if (this.frames.has(pfn, FrameFlags.Charged)) this.charged--;
  }
}
