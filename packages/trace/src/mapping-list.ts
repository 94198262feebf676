/**
 * An address space as a sorted list of mappings that do not overlap: all that counting and lazy mapping need.
 * Ranges are half-open, in bytes.
 */

/** What every entry has. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Sorted, without overlaps; entries are replaced, never changed. */
export class MappingList<T extends Interval> {
  private items: T[] = [];
  /** The last hit: accesses stay in one mapping for long. */
  private hit: T | undefined;

  /** Every entry in address order. */
  all(): readonly T[] {
    return this.items;
  }

  /** The entry that holds `address`. */
  find(address: number): T | undefined {
    const { hit } = this;
    if (hit !== undefined && address >= hit.start && address < hit.end) return hit;
    const item = this.items[this.after(address) - 1];
    if (item === undefined || address >= item.end) return undefined;
    this.hit = item;
    return item;
  }

  /** The first entry that begins above `address`. */
  next(address: number): T | undefined {
    return this.items[this.after(address)];
  }

  /** Removes `[start, end)`, splitting entries at its edges; answers the pieces that were there. */
  carve(start: number, end: number): T[] {
    const removed: T[] = [];
    const kept: T[] = [];
    let first = this.after(start) - 1;
    if (first < 0 || (this.items[first] as T).end <= start) first++;
    let last = first;
    for (; last < this.items.length && (this.items[last] as T).start < end; last++) {
      const item = this.items[last] as T;
      if (item.start < start) kept.push({ ...item, end: start });
      removed.push({ ...item, start: Math.max(item.start, start), end: Math.min(item.end, end) });
      if (item.end > end) kept.push({ ...item, start: end });
    }
    if (removed.length > 0) this.items.splice(first, last - first, ...kept);
    this.hit = undefined;
    return removed;
  }

  /** Adds an entry; what was there before is gone, and comes back as pieces. */
  put(item: T): T[] {
    const removed = this.carve(item.start, item.end);
    this.items.splice(this.after(item.start), 0, item);
    return removed;
  }

  /** Bytes in all entries. */
  bytes(): number {
    return this.items.reduce((sum, item) => sum + item.end - item.start, 0);
  }

  /** A copy that changes on its own. */
  clone(): MappingList<T> {
    const copy = new MappingList<T>();
    copy.items = [...this.items];
    return copy;
  }

  /** Index of the first entry that begins above `address`. */
  private after(address: number): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.items[middle] as T).start <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
