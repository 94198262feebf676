/**
 * Memslots: the linear half of a guest's translation, gfn to hva. A set is immutable; an update publishes a new one
 * (`memslot-update.ts`) while readers keep the set that they began with, under `vm.srcu`.
 *
 *     gfn --(memslot)--> hva --(the process's page tables)--> pfn
 *      \_______________ an spte caches this _______________/
 *
 * Several slots may show the same hva, so hva to gfn is one-to-many: a notifier visits every slot that its range meets.
 *
 * Mirrors `struct kvm_memslots` of Linux 6.x with one address space (no SMM) and no guest_memfd.
 */
import { PAGE_SIZE, TASK_SIZE } from '@mmu-notifier/plugin-api';
import type { Gfn, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { DirtyLog } from './dirty-log.ts';

/** Four levels of tables index 36 bits of gfn: 256 TiB of guest-physical space. */
export const GFN_LIMIT: number = 2 ** 36;

/** One slot. A live slot changes its base and its log at most; anything else is a deletion and a new slot. */
export interface Memslot {
  readonly id: number;
  readonly baseGfn: number;
  readonly npages: number;
  readonly userspaceAddr: number;
  /** `readonly`: a guest store is an MMIO exit (`KVM_MEM_READONLY`). */
  readonly access: 'read-write' | 'readonly';
  /** `invalid`: being deleted or moved. Faults wait, notifiers still see it (`KVM_MEMSLOT_INVALID`). */
  readonly state: 'valid' | 'invalid';
  /** What the guest wrote since the log was read; `undefined` where none is kept. */
  readonly dirty: DirtyLog | undefined;
}

/** gfns `[first, end)` of one slot. */
export interface GfnRange {
  readonly slot: Memslot;
  readonly first: number;
  readonly end: number;
}

const NO_RANGES: readonly GfnRange[] = [];

/** An immutable set of slots with its two look-ups. */
export class Memslots {
  /** Grows by one with each published set. */
  readonly generation: number;
  readonly byId: readonly Memslot[];
  private readonly byGfn: readonly Memslot[];
  private readonly byHva: readonly Memslot[];
  /** `reach[i]`: the largest end of `byHva[0..i]`, so that a search knows where overlaps can begin. */
  private readonly reach: readonly number[];

  constructor(slots: readonly Memslot[], generation = 0) {
    this.generation = generation;
    this.byId = [...slots].sort((a, b) => a.id - b.id);
    this.byGfn = [...slots].sort((a, b) => a.baseGfn - b.baseGfn);
    this.byHva = [...slots].sort((a, b) => a.userspaceAddr - b.userspaceAddr || a.id - b.id);
    let reach = 0;
    this.reach = this.byHva.map((slot) => (reach = Math.max(reach, hvaEnd(slot))));
  }

  /** The slot with that id. */
  withId(id: number): Memslot | undefined {
    return this.byId.find((slot) => slot.id === id);
  }

  /** The slot that contains `gfn`: slots never overlap in guest-physical space. `gfn_to_memslot` */
  slotOfGfn(gfn: number): Memslot | undefined {
    let low = 0;
    let high = this.byGfn.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.byGfn[middle] as Memslot).baseGfn <= gfn) low = middle + 1;
      else high = middle;
    }
    const slot = this.byGfn[low - 1];
    return slot !== undefined && gfn < slot.baseGfn + slot.npages ? slot : undefined;
  }

  /** Where the guest sees the process's `address`: through the slot with the lowest id; -1 where it does not. */
  gfnOfHva(address: number): number {
    for (let i = 0; i < this.byId.length; i++) {
      const slot = this.byId[i] as Memslot;
      const offset = address - slot.userspaceAddr;
      if (offset >= 0 && offset < slot.npages * PAGE_SIZE) return slot.baseGfn + Math.floor(offset / PAGE_SIZE);
    }
    return -1;
  }

  /** What every slot shows of the hvas `[start, end)`. Partly covered pages count. */
  rangesOfHva(start: number, end: number): readonly GfnRange[] {
    let i = this.firstReaching(start);
    if (i >= this.byHva.length || (this.byHva[i] as Memslot).userspaceAddr >= end) return NO_RANGES;
    const ranges: GfnRange[] = [];
    for (; i < this.byHva.length; i++) {
      const slot = this.byHva[i] as Memslot;
      if (slot.userspaceAddr >= end) break;
      const from = Math.max(start, slot.userspaceAddr);
      const to = Math.min(end, hvaEnd(slot));
      if (from >= to) continue;
      const first = slot.baseGfn + Math.floor((from - slot.userspaceAddr) / PAGE_SIZE);
      ranges.push({ slot, first, end: slot.baseGfn + Math.ceil((to - slot.userspaceAddr) / PAGE_SIZE) });
    }
    return ranges;
  }

  /** First index of `byHva` at or before which a slot ends behind `address`. */
  private firstReaching(address: number): number {
    let low = 0;
    let high = this.reach.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.reach[middle] as number) <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The process's address behind `gfn`. `gfn_to_hva_memslot` */
export function hvaOfGfn(slot: Memslot, gfn: number): VirtualAddress {
  return (slot.userspaceAddr + (gfn - slot.baseGfn) * PAGE_SIZE) as VirtualAddress;
}

/** Division, not a shift: a shift would fold the address to 32 bits. */
export function gfnOfGpa(address: number): Gfn {
  return Math.floor(address / PAGE_SIZE) as Gfn;
}

/**
 * The slot that a VM opened without options has: guest-physical equals the process's address over all of user space, so
 * that a script can use the process's addresses. Wider than a slot that a user may set (2^31 - 1 pages).
 */
export const IDENTITY_MEMSLOT: Memslot = {
  id: 0,
  baseGfn: 0,
  npages: TASK_SIZE / PAGE_SIZE,
  userspaceAddr: 0,
  access: 'read-write',
  state: 'valid',
  dirty: undefined,
};

function hvaEnd(slot: Memslot): number {
  return slot.userspaceAddr + slot.npages * PAGE_SIZE;
}
