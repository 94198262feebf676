/** Long-held references (`FOLL_PIN`): counted per frame, because a pinned page may not be shared by fork. */
export class Pins {
  total = 0;
  taken = 0;
  released = 0;
  peak = 0;
  private readonly counts = new Map<number, number>();

  isPinned(pfn: number): boolean {
    return this.counts.has(pfn);
  }

  count(pfn: number): number {
    return this.counts.get(pfn) ?? 0;
  }

  add(pfn: number): void {
    this.counts.set(pfn, (this.counts.get(pfn) ?? 0) + 1);
    this.total++;
    this.taken++;
    this.peak = Math.max(this.peak, this.total);
  }

  /** @returns false when the frame is not pinned. */
  remove(pfn: number): boolean {
    const count = this.counts.get(pfn);
    if (count === undefined) return false;
    if (count === 1) this.counts.delete(pfn);
    else this.counts.set(pfn, count - 1);
    this.total--;
    this.released++;
    return true;
  }

  /** Distinct pinned frames. */
  get frames(): number {
    return this.counts.size;
  }
}
