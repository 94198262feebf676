/**
 * The bytes of physical memory, in slabs of 2 MiB that exist from their first use on. Frame `pfn` is slab `pfn >> 9`,
 * page `pfn & 511` of it; a slab is seen as bytes and as 32-bit words (page tables).
 */
const FRAMES_PER_SLAB = 512;
const SLAB_BYTES = FRAMES_PER_SLAB * 4096;

export class PhysicalMemory {
  readonly frames: number;
  /** As long as the highest frame in use needs. */
  private readonly byteSlabs: (Uint8Array | undefined)[] = [];
  private readonly wordSlabs: (Uint32Array | undefined)[] = [];

  constructor(frames: number) {
    this.frames = frames;
  }

  /** The slab with the frame's bytes; they begin at `byteOffset(pfn)`. */
  bytes(pfn: number): Uint8Array {
    return this.byteSlabs[pfn >>> 9] ?? this.reserve(pfn >>> 9);
  }

  byteOffset(pfn: number): number {
    return (pfn & 511) << 12;
  }

  /** The slab with the frame's words; they begin at `wordOffset(pfn)`. */
  words(pfn: number): Uint32Array {
    return this.wordSlabs[pfn >>> 9] ?? this.reserveWords(pfn >>> 9);
  }

  wordOffset(pfn: number): number {
    return (pfn & 511) << 10;
  }

  zero(pfn: number): void {
    const at = this.byteOffset(pfn);
    this.bytes(pfn).fill(0, at, at + 4096);
  }

  copy(to: number, from: number): void {
    const at = this.byteOffset(from);
    this.bytes(to).set(this.bytes(from).subarray(at, at + 4096), this.byteOffset(to));
  }

  /** A view of the frame's 4096 bytes. */
  page(pfn: number): Uint8Array {
    const at = this.byteOffset(pfn);
    return this.bytes(pfn).subarray(at, at + 4096);
  }

  private reserve(slab: number): Uint8Array {
    while (this.byteSlabs.length < slab) {
      this.byteSlabs.push(undefined);
      this.wordSlabs.push(undefined);
    }
    const bytes = new Uint8Array(SLAB_BYTES);
    this.byteSlabs[slab] = bytes;
    this.wordSlabs[slab] = new Uint32Array(bytes.buffer);
    return bytes;
  }

  private reserveWords(slab: number): Uint32Array {
    this.reserve(slab);
    return this.wordSlabs[slab] as Uint32Array;
  }
}
