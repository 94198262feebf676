/**
 * Per-frame metadata as a struct of arrays: what `struct page` holds in 64 bytes, here in 37. `mapping` is the id of an
 * anon_vma (flag `Anon`) or of a file, `index` the page's place in it, `private` the swap slot of a page in the swap
 * cache or, for a page-table page, the number of its entries that are not none.
 */
export const FrameFlags = {
  Buddy: 0x1,
  Reserved: 0x2,
  PageTable: 0x4,
  Anon: 0x8,
  AnonExclusive: 0x10,
  SwapBacked: 0x20,
  SwapCache: 0x40,
  PageCache: 0x80,
  Lru: 0x100,
  Active: 0x200,
  Referenced: 0x400,
  Dirty: 0x800,
  Locked: 0x1000,
  Poisoned: 0x2000,
  Parked: 0x4000,
} as const;

export class FrameTable {
  readonly refcount: Int32Array;
  readonly mapcount: Int32Array;
  readonly flags: Uint32Array;
  readonly mapping: Int32Array;
  readonly index: Float64Array;
  readonly private: Int32Array;
  /** Links of the list that the frame is on: a free list or an LRU list. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** Order of a free block, at its first frame. */
  readonly order: Uint8Array;

  constructor(frames: number) {
    this.refcount = new Int32Array(frames);
    this.mapcount = new Int32Array(frames);
    this.flags = new Uint32Array(frames);
    this.mapping = new Int32Array(frames);
    this.index = new Float64Array(frames);
    this.private = new Int32Array(frames);
    this.next = new Int32Array(frames);
    this.previous = new Int32Array(frames);
    this.order = new Uint8Array(frames);
  }

  has(pfn: number, flag: number): boolean {
    return (this.flags[pfn] & flag) !== 0;
  }

  set(pfn: number, flag: number): void {
    this.flags[pfn] |= flag;
  }

  clear(pfn: number, flag: number): void {
    this.flags[pfn] &= ~flag;
  }

  /** Fresh from the allocator: one reference, no user. */
  reset(pfn: number): void {
    this.refcount[pfn] = 1;
    this.mapcount[pfn] = 0;
    this.flags[pfn] = 0;
    this.mapping[pfn] = 0;
    this.index[pfn] = 0;
    this.private[pfn] = 0;
  }
}
