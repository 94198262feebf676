/** Sixteen bits for each page of an address space: two levels, so that sparse spaces cost what is touched. */

/** Pages in a leaf. */
const LEAF = 1024;
const RECENT = 64;
/** Pages whose flags are at hand. */
const NEAR = 1024;
/** Where a page's are. */
export const NEAR_INDEX: number = NEAR - 1;

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
  /** Leaves that were used last: code, data and stack take turns. */
  private readonly recentIndex = new Float64Array(RECENT).fill(-1);
  private readonly recent: Uint16Array[] = new Array<Uint16Array>(RECENT).fill(new Uint16Array(0));
  /** Pages that were asked for last, -1 where there is none: batches of accesses look here themselves. */
  readonly nearPage: Float64Array = new Float64Array(NEAR).fill(-1);
  /** A bit for each kind of access, in the order of `AccessKind`, that such a page has seen. */
  readonly nearSeen: Uint8Array = new Uint8Array(NEAR);

  /** Whether the page has all of `bits`. */
  has(page: number, bits: number): boolean {
    const at = page & NEAR_INDEX;
    const flags = this.get(page);
    this.nearPage[at] = page;
    this.nearSeen[at] = seen(flags);
    return (flags & bits) === bits;
  }

  get(page: number): number {
    const index = Math.floor(page / LEAF);
    const at = index & (RECENT - 1);
    const leaf = this.recentIndex[at] === index ? this.recent[at] : this.find(index, at);
    return leaf === undefined ? 0 : (leaf[page & (LEAF - 1)] as number);
  }

  set(page: number, flags: number): void {
    const near = page & NEAR_INDEX;
    if (this.nearPage[near] === page) this.nearSeen[near] = seen(flags);
    const index = Math.floor(page / LEAF);
    const at = index & (RECENT - 1);
    if (this.find(index, at) === undefined) this.leaves.set(index, new Uint16Array(LEAF));
    (this.find(index, at) as Uint16Array)[page & (LEAF - 1)] = flags;
  }

  private find(index: number, at: number): Uint16Array | undefined {
    const leaf = this.leaves.get(index);
    if (leaf === undefined) return undefined;
    this.recentIndex[at] = index;
    this.recent[at] = leaf;
    return leaf;
  }

  /** Changes the flags of every page in `[first, end)` that has any; costs what is present. */
  update(first: number, end: number, change: (flags: number, page: number) => number): void {
    this.nearPage.fill(-1);
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
    this.nearPage.fill(-1);
    this.recentIndex.fill(-1);
  }
}

/** Fetch, load and store are the three `SEEN` bits; what loads and stores needs both of them. */
function seen(flags: number): number {
  const bits = (flags / PageBit.seenFetch) & 7;
  return bits >= 6 ? bits | 8 : bits;
}
