/** Which frame each page of a process has: two levels of 32-bit words. */

/** Pages in a leaf. */
const LEAF = 1024;

/** Entries are `frame * 2 + writable`, 0 where nothing is mapped. */
export class FrameTable {
  private readonly leaves = new Map<number, Int32Array>();
  private lastIndex = -1;
  private last: Int32Array = new Int32Array(LEAF);

  get(page: number): number {
    const index = Math.floor(page / LEAF);
    if (index === this.lastIndex) return this.last[page - index * LEAF] as number;
    const leaf = this.leaves.get(index);
    if (leaf === undefined) return 0;
    this.lastIndex = index;
    this.last = leaf;
    return leaf[page - index * LEAF] as number;
  }

  set(page: number, entry: number): void {
    const index = Math.floor(page / LEAF);
    let leaf = index === this.lastIndex ? this.last : this.leaves.get(index);
    if (leaf === undefined) {
      leaf = new Int32Array(LEAF);
      this.leaves.set(index, leaf);
    }
    this.lastIndex = index;
    this.last = leaf;
    leaf[page - index * LEAF] = entry;
  }

  /** Changes each entry in `[first, end)` that is not 0. */
  update(first: number, end: number, change: (entry: number, page: number) => number): void {
    for (const [index, leaf] of this.leaves) {
      const base = index * LEAF;
      if (base >= end || base + LEAF <= first) continue;
      const to = Math.min(LEAF, end - base);
      for (let i = Math.max(0, first - base); i < to; i++) {
        const entry = leaf[i] as number;
        if (entry !== 0) leaf[i] = change(entry, base + i);
      }
    }
  }
}
