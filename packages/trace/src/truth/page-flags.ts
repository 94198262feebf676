/** Sixteen bits for each page of an address space: two levels, so that sparse spaces cost what is touched. */

/** Pages in a leaf. */
const LEAF = 1024;

/** What a bit says. The `SEEN` bits let the hot path stop after one test; whatever changes a page's mapping clears them. */
export const PageBit = {
  everFetched: 1,
  everRead: 2,
  everWritten: 4,
  /** Touched since it was mapped or discarded. */
  present: 8,
  /** Written since it was mapped or discarded: there is a private copy. */
  written: 16,
  /** Written before a fork, and not since. */
  copyOnWrite: 32,
  /** Dropped by `MADV_DONTNEED` and not touched since. */
  discarded: 64,
  seenFetch: 128,
  seenRead: 256,
  seenWrite: 512,
} as const;

/** All that a mapping's end clears: the `ever` bits stay, they count for the image. */
export const MAPPING_BITS: number =
  PageBit.present |
  PageBit.written |
  PageBit.copyOnWrite |
  PageBit.discarded |
  PageBit.seenFetch |
  PageBit.seenRead |
  PageBit.seenWrite;

/** Flags of all pages of one process. */
export class PageFlags {
  private readonly leaves = new Map<number, Uint16Array>();
  private lastIndex = -1;
  private last: Uint16Array = new Uint16Array(LEAF);

  get(page: number): number {
    const index = Math.floor(page / LEAF);
    if (index === this.lastIndex) return this.last[page % LEAF] as number;
    const leaf = this.leaves.get(index);
    if (leaf === undefined) return 0;
    this.lastIndex = index;
    this.last = leaf;
    return leaf[page % LEAF] as number;
  }

  set(page: number, flags: number): void {
    const index = Math.floor(page / LEAF);
    let leaf = index === this.lastIndex ? this.last : this.leaves.get(index);
    if (leaf === undefined) {
      leaf = new Uint16Array(LEAF);
      this.leaves.set(index, leaf);
    }
    this.lastIndex = index;
    this.last = leaf;
    leaf[page % LEAF] = flags;
  }

  /** Changes the flags of every page in `[first, end)` that has any; costs what is present. */
  update(first: number, end: number, change: (flags: number, page: number) => number): void {
    for (const [index, leaf] of this.leaves) {
      const base = index * LEAF;
      if (base >= end || base + LEAF <= first) continue;
      const to = Math.min(LEAF, end - base);
      for (let i = Math.max(0, first - base); i < to; i++) {
        const flags = leaf[i] as number;
        if (flags !== 0) leaf[i] = change(flags, base + i);
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.leaves.clear();
    this.lastIndex = -1;
  }
}
