/**
 * The VMAs of one mm by address: a sorted sequence in chunks, with the last hit remembered. A lookup is two binary
 * searches; an insertion moves one chunk. (Linux: a maple tree.)
 */
import { assert } from '../contract.ts';
import type { Vma } from './vma.ts';

const CHUNK = 256;

export class VmaTree {
  size = 0;
  private chunks: Vma[][] = [];
  private lastHit: Vma | undefined;

  /** The first VMA that ends behind `address`: it contains the address or lies above it. `find_vma` */
  find(address: number): Vma | undefined {
    const hit = this.lastHit;
    if (hit !== undefined && hit.attached && hit.start <= address && address < hit.end) return hit;
    const chunk = this.chunks[this.chunkOf(address)];
    if (chunk === undefined) return undefined;
    const found = chunk[firstEndingBehind(chunk, address)];
    this.lastHit = found;
    return found;
  }

  /** The VMA that contains `address`. */
  at(address: number): Vma | undefined {
    const vma = this.find(address);
    return vma !== undefined && vma.start <= address ? vma : undefined;
  }

  /** VMAs that intersect `[start, end)`, by address. */
  overlapping(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    for (let c = this.chunkOf(start); c < this.chunks.length; c++) {
      const chunk = this.chunks[c];
      for (let i = firstEndingBehind(chunk, start); i < chunk.length; i++) {
        if (chunk[i].start >= end) return found;
        found.push(chunk[i]);
      }
    }
    return found;
  }

  /** The last VMA that starts below `address`. */
  below(address: number): Vma | undefined {
    for (let c = Math.min(this.chunkOf(address), this.chunks.length - 1); c >= 0; c--) {
      const chunk = this.chunks[c];
      for (let i = Math.min(firstEndingBehind(chunk, address), chunk.length - 1); i >= 0; i--) {
        if (chunk[i].start < address) return chunk[i];
      }
    }
    return undefined;
  }

  insert(vma: Vma): void {
    assert(this.overlapping(vma.start, vma.end).length === 0, 'VMAs of one mm do not overlap', vma.start);
    vma.attached = true;
    this.size++;
    if (this.chunks.length === 0) {
      this.chunks.push([vma]);
      return;
    }
    const c = Math.min(this.chunkOf(vma.start), this.chunks.length - 1);
    const chunk = this.chunks[c];
    chunk.splice(firstEndingBehind(chunk, vma.start), 0, vma);
    if (chunk.length > CHUNK) this.chunks.splice(c + 1, 0, chunk.splice(CHUNK / 2));
  }

  remove(vma: Vma): void {
    const c = this.chunkOf(vma.start);
    const chunk = this.chunks[c];
    const i = firstEndingBehind(chunk, vma.start);
    assert(chunk[i] === vma, 'a removed VMA is in the tree', vma.start);
    vma.attached = false;
    this.size--;
    chunk.splice(i, 1);
    if (chunk.length === 0) this.chunks.splice(c, 1);
  }

  *[Symbol.iterator](): Iterator<Vma> {
    // One level of generators: `yield*` over a chunk would double the cost of a step.
    for (const chunk of this.chunks) for (let i = 0; i < chunk.length; i++) yield chunk[i];
  }

  /** The first chunk whose last VMA ends behind `address`. */
  private chunkOf(address: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.chunks[middle];
      if (chunk[chunk.length - 1].end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function firstEndingBehind(chunk: readonly Vma[], address: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle].end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}
