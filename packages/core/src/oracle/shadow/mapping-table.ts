/** Which file each range of an address space shows, as the calls said it: a sorted list, written independently of the VMAs. */

export interface ShadowMapping {
  readonly start: number;
  readonly end: number;
  /** Id of the file; 0 for anonymous memory. */
  readonly file: number;
  /** Page index of `start` in the file. */
  readonly pgoff: number;
  readonly shared: boolean;
}

export class MappingTable {
  private list: ShadowMapping[] = [];
  private last: ShadowMapping | undefined;

  at(address: number): ShadowMapping | undefined {
    const { last } = this;
    if (last !== undefined && last.start <= address && address < last.end) return last;
    const found = this.list[this.firstEndingBehind(address)];
    if (found === undefined || found.start > address) return undefined;
    this.last = found;
    return found;
  }

  /** The parts of mappings inside `[start, end)`. */
  inside(start: number, end: number): ShadowMapping[] {
    const parts: ShadowMapping[] = [];
    for (let i = this.firstEndingBehind(start); i < this.list.length && this.list[i].start < end; i++) {
      parts.push(cut(this.list[i], start, end));
    }
    return parts;
  }

  /** Forgets what `[start, end)` showed. */
  clear(start: number, end: number): void {
    const first = this.firstEndingBehind(start);
    let behind = first;
    const rest: ShadowMapping[] = [];
    for (; behind < this.list.length && this.list[behind].start < end; behind++) {
      const mapping = this.list[behind];
      if (mapping.start < start) rest.push(cut(mapping, mapping.start, start));
      if (mapping.end > end) rest.push(cut(mapping, end, mapping.end));
    }
    this.list.splice(first, behind - first, ...rest);
    this.last = undefined;
  }

  /** `[start, end)` shows `mapping` now. */
  set(mapping: ShadowMapping): void {
    this.clear(mapping.start, mapping.end);
    this.list.splice(this.firstEndingBehind(mapping.start), 0, mapping);
  }

  [Symbol.iterator](): Iterator<ShadowMapping> {
    return this.list[Symbol.iterator]();
  }

  private firstEndingBehind(address: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.list[middle].end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function cut(mapping: ShadowMapping, start: number, end: number): ShadowMapping {
  const from = Math.max(start, mapping.start);
  return {
    ...mapping,
    start: from,
    end: Math.min(end, mapping.end),
    pgoff: mapping.pgoff + (from - mapping.start) / 4096,
  };
}
