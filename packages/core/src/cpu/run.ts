/**
 * Accesses in a row that need no fault: the fast way through a recording. One loop over columns, with what does not
 * change in a run in locals; only a TLB miss leaves it, for the page walk.
 *
 * Nobody sees what is loaded, so a load ends where its frame is known; stores write a pattern.
 */
import type { Kernel } from '../kernel.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { type CpuTlb, MODIFY, STORE, TLB_INDEX } from '../page-table/tlb.ts';

/**
 * Accesses in a row, in columns.
 * @public
 */
export interface AccessRun {
  /** 0 fetch, 1 load, 2 store, 3 load and store of one instruction. */
  readonly kinds: Uint8Array;
  readonly addresses: Float64Array;
  /** Bytes. */
  readonly sizes: Int32Array;
}

/** Hardware's page walk. @returns the pfn, or -1 where it faults. */
export type Walk = (mm: MmStruct, cpu: number, vpn: number, kind: number) => number;

export class CpuRuns {
  private readonly kernel: Kernel;
  private readonly walk: Walk;
  /** Of the last store. */
  private pattern = 0;

  constructor(kernel: Kernel, walk: Walk) {
    this.kernel = kernel;
    this.walk = walk;
  }

  /**
   * The accesses `[from, to)` of a run, as far as none needs a fault. One that crosses a page border is made if the TLB
   * reaches both of its pages.
   *
   * @returns the first that was not made, `to` where all were. @sleeps Never.
   */
  tryRun(mm: MmStruct, cpu: number, { kinds, addresses, sizes }: AccessRun, from: number, to: number): number {
    const { tlbs, allocator } = this.kernel;
    const { memory } = allocator;
    const tlb = tlbs.of(cpu);
    const { tag, pfn: pfns, allows } = tlb;
    let base = tlb.base(mm);
    let hits = 0;
    let i = from;
    for (; i < to; i++) {
      const kind = kinds[i];
      if (kind > MODIFY) break;
      const address = addresses[i];
      // `&` folds an address to 32 bits first, which keeps the low ones; the quotient is whole.
      const offset = address & 4095;
      const vpn = (address - offset) / 4096;
      const size = sizes[i];
      if (offset + size > 4096) {
        if (!this.crossing(tlb, base, kind, vpn, offset, size)) break;
        hits += 2;
        continue;
      }
      const at = vpn & TLB_INDEX;
      let pfn = pfns[at];
      if (tag[at] === base + vpn && ((allows[at] >>> kind) & 1) !== 0) hits++;
      else {
        tlbs.misses++;
        pfn = this.walk(mm, cpu, vpn, kind);
        if (pfn < 0) break;
        // The first entry of an address space gives it its tag.
        base = tlb.base(mm);
      }
      if (kind >= STORE) this.scribble(memory, pfn, offset, size);
    }
    tlbs.hits += hits;
    return i;
  }

  /** An access to two pages. @returns whether it was made. */
  private crossing(tlb: CpuTlb, base: number, kind: number, vpn: number, offset: number, size: number): boolean {
    const rest = offset + size - 4096;
    if (rest > 4096) return false;
    const first = reached(tlb, base + vpn, kind, vpn);
    const second = reached(tlb, base + vpn + 1, kind, vpn + 1);
    if (first < 0 || second < 0) return false;
    if (kind < STORE) return true;
    const { memory } = this.kernel.allocator;
    this.scribble(memory, first, offset, size - rest);
    this.scribble(memory, second, 0, rest);
    return true;
  }

  /** What no two stores share in every byte. */
  private scribble(memory: PhysicalMemory, pfn: number, offset: number, size: number): void {
    const word = (this.pattern = (Math.imul(this.pattern, 1664525) + 1013904223) | 0);
    if (((offset | size) & 3) === 0) {
      const words = memory.words(pfn);
      const first = memory.wordOffset(pfn) + (offset >>> 2);
      const end = first + (size >>> 2);
      for (let i = first; i < end; i++) words[i] = word;
    } else {
      const bytes = memory.bytes(pfn);
      const first = memory.byteOffset(pfn) + offset;
      for (let i = 0; i < size; i++) bytes[first + i] = word >>> ((i & 3) << 3);
    }
  }
}

/** The frame that an entry of the TLB reaches for accesses of that kind; -1 where there is none. */
function reached(tlb: CpuTlb, tag: number, kind: number, vpn: number): number {
  const at = vpn & TLB_INDEX;
  return tlb.tag[at] === tag && ((tlb.allows[at] >>> kind) & 1) !== 0 ? tlb.pfn[at] : -1;
}
