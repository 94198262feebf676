/**
 * The VMAs of one mm by address: a sorted sequence in chunks, with the last hit remembered. Bounds stand in arrays beside
 * the VMAs, so that a lookup, two binary searches, reads no object. (Linux: a maple tree.)
 */
import { assert } from '../contract.ts';
import type { Vma } from './vma.ts';

const CHUNK = 64;

class Chunk {
  count = 0;
  readonly starts: Float64Array = new Float64Array(CHUNK + 1);
  readonly ends: Float64Array = new Float64Array(CHUNK + 1);
  readonly vmas: Vma[] = [];

  /** Index of the first VMA that ends behind `address`. */
  firstEndingBehind(address: number): number {
    const { ends } = this;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle] > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  insert(at: number, vma: Vma): void {
    const { starts, ends, vmas } = this;
    vmas.push(vma);
    // A chunk is small enough that a loop beats `copyWithin` and `splice`.
    for (let i = this.count++; i > at; i--) {
      starts[i] = starts[i - 1];
      ends[i] = ends[i - 1];
      vmas[i] = vmas[i - 1];
    }
    starts[at] = vma.start;
    ends[at] = vma.end;
    vmas[at] = vma;
  }

  remove(at: number): void {
    const { starts, ends, vmas } = this;
    const last = --this.count;
    for (let i = at; i < last; i++) {
      starts[i] = starts[i + 1];
      ends[i] = ends[i + 1];
      vmas[i] = vmas[i + 1];
    }
    vmas.pop();
  }

  /** Gives its upper half to a new chunk. */
  split(): Chunk {
    const upper = new Chunk();
    const half = CHUNK / 2;
    upper.starts.set(this.starts.subarray(half, this.count));
    upper.ends.set(this.ends.subarray(half, this.count));
    upper.vmas.push(...this.vmas.splice(half));
    upper.count = this.count - half;
    this.count = half;
    return upper;
  }
}

export class VmaTree {
  size = 0;
  private readonly chunks: Chunk[] = [];
  /** Where the last VMA of each chunk ends. */
  private lastEnds: Float64Array = new Float64Array(16);
  private lastHit: Vma | undefined;
  /** Its bounds; nothing lies between these two. */
  private hitStart = Infinity;
  private hitEnd = -Infinity;

  /** The first VMA that ends behind `address`: it contains the address or lies above it. `find_vma` */
  find(address: number): Vma | undefined {
    if (this.hitStart <= address && address < this.hitEnd) return this.lastHit;
    const chunk = this.chunks[this.chunkOf(address)];
    return chunk === undefined ? undefined : this.hit(chunk, chunk.firstEndingBehind(address));
  }

  /** The VMA that contains `address`. */
  at(address: number): Vma | undefined {
    if (this.hitStart <= address && address < this.hitEnd) return this.lastHit;
    const chunk = this.chunks[this.chunkOf(address)];
    if (chunk === undefined) return undefined;
    const i = chunk.firstEndingBehind(address);
    return chunk.starts[i] <= address ? this.hit(chunk, i) : undefined;
  }

  /** VMAs that intersect `[start, end)`, by address. */
  overlapping(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    for (let c = this.chunkOf(start); c < this.chunks.length; c++) {
      const chunk = this.chunks[c];
      for (let i = chunk.firstEndingBehind(start); i < chunk.count; i++) {
        if (chunk.starts[i] >= end) return found;
        found.push(chunk.vmas[i]);
      }
    }
    return found;
  }

  /** The last VMA that starts below `address`. */
  below(address: number): Vma | undefined {
    for (let c = Math.min(this.chunkOf(address), this.chunks.length - 1); c >= 0; c--) {
      const chunk = this.chunks[c];
      for (let i = Math.min(chunk.firstEndingBehind(address), chunk.count - 1); i >= 0; i--) {
        if (chunk.starts[i] < address) return chunk.vmas[i];
      }
    }
    return undefined;
  }

  insert(vma: Vma): void {
    const above = this.find(vma.start);
    assert(above === undefined || above.start >= vma.end, 'VMAs of one mm do not overlap', vma.start);
    vma.attached = true;
    this.size++;
    if (this.chunks.length === 0) this.addChunk(0, new Chunk());
    const c = Math.min(this.chunkOf(vma.start), this.chunks.length - 1);
    const chunk = this.chunks[c];
    chunk.insert(chunk.firstEndingBehind(vma.start), vma);
    if (chunk.count > CHUNK) this.addChunk(c + 1, chunk.split());
    this.changed(c);
  }

  remove(vma: Vma): void {
    const c = this.chunkOf(vma.start);
    const chunk = this.chunks[c];
    const i = chunk.firstEndingBehind(vma.start);
    assert(chunk.vmas[i] === vma, 'a removed VMA is in the tree', vma.start);
    vma.attached = false;
    this.size--;
    chunk.remove(i);
    if (chunk.count === 0) {
      this.chunks.splice(c, 1);
      this.lastEnds.copyWithin(c, c + 1);
    }
    this.changed(c);
  }

  /** The VMA, which is in the tree, begins or ends elsewhere, and still between its neighbours. */
  setBounds(vma: Vma, start: number, end: number): void {
    const c = this.chunkOf(vma.start);
    const chunk = this.chunks[c];
    const i = chunk.firstEndingBehind(vma.start);
    assert(chunk.vmas[i] === vma, 'a VMA that changes is in the tree', vma.start);
    vma.start = chunk.starts[i] = start;
    vma.end = chunk.ends[i] = end;
    this.changed(c);
  }

  *[Symbol.iterator](): Iterator<Vma> {
    // One level of generators: `yield*` over a chunk would double the cost of a step.
    for (const { vmas } of this.chunks) for (let i = 0; i < vmas.length; i++) yield vmas[i];
  }

  private hit(chunk: Chunk, i: number): Vma {
    this.hitStart = chunk.starts[i];
    this.hitEnd = chunk.ends[i];
    return (this.lastHit = chunk.vmas[i]);
  }

  private addChunk(at: number, chunk: Chunk): void {
    this.chunks.splice(at, 0, chunk);
    if (this.chunks.length > this.lastEnds.length) {
      const longer = new Float64Array(2 * this.lastEnds.length);
      longer.set(this.lastEnds);
      this.lastEnds = longer;
    }
    this.lastEnds.copyWithin(at + 1, at, this.chunks.length - 1);
    if (chunk.count > 0) this.lastEnds[at] = chunk.ends[chunk.count - 1];
  }

  /** Chunk `c` has changed: what was remembered may be wrong. */
  private changed(c: number): void {
    this.lastHit = undefined;
    this.hitStart = Infinity;
    this.hitEnd = -Infinity;
    if (c < this.chunks.length) this.lastEnds[c] = this.chunks[c].ends[this.chunks[c].count - 1];
  }

  /** The first chunk whose last VMA ends behind `address`. */
  private chunkOf(address: number): number {
    const { lastEnds } = this;
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastEnds[middle] > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
