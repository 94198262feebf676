/** The bytes of accesses: one scratch buffer, and for stores a pattern that no two of them share. */

/** Largest piece of an access; longer ones are cut at page borders. */
export const MAX_PIECE = 4096;

export class AccessData {
  /** What the CPU's accesses read and write, from 0 on. */
  readonly scratch: Uint8Array = new Uint8Array(MAX_PIECE);
  private readonly windows: (Uint8Array | undefined)[] = [];
  private serial = 0;

  /** Fills the first `size` bytes with what the next store writes. */
  fill(size: number): void {
    const { scratch } = this;
    this.serial = (Math.imul(this.serial, 1664525) + 1013904223) | 0;
    const word = this.serial;
    for (let i = 0; i < size; i++) scratch[i] = (word >>> ((i & 3) << 3)) + i;
  }

  /** The first `size` bytes of the scratch buffer, for devices: a request's data is as long as its access. */
  window(size: number): Uint8Array {
    return (this.windows[size] ??= this.scratch.subarray(0, size));
  }
}
