/** A set of gfns, one bit each: for statistics, so it must stay small when a guest has touched millions of pages. */
export class GfnSet {
  private readonly regions = new Map<number, Uint32Array>();
  /** The region that was met last. */
  private lastKey = -1;
  private lastBits: Uint32Array | undefined;

  add(gfn: number): void {
    const key = Math.floor(gfn / 512);
    let bits = this.region(key);
    if (bits === undefined) {
      this.regions.set(key, (bits = new Uint32Array(16)));
      this.lastBits = bits;
    }
    const word = (gfn & 511) >>> 5;
    bits[word] = (bits[word] as number) | (1 << (gfn & 31));
  }

  /** @returns Whether it was in the set. */
  delete(gfn: number): boolean {
    const bits = this.region(Math.floor(gfn / 512));
    if (bits === undefined) return false;
    const word = (gfn & 511) >>> 5;
    const mask = 1 << (gfn & 31);
    if (((bits[word] as number) & mask) === 0) return false;
    bits[word] = (bits[word] as number) & ~mask;
    return true;
  }

  private region(key: number): Uint32Array | undefined {
    if (key !== this.lastKey) {
      this.lastKey = key;
      this.lastBits = this.regions.get(key);
    }
    return this.lastBits;
  }
}
