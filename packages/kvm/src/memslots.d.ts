import type { Gfn, VirtualAddress } from '@mmu-notifier/plugin-api';
/** Four levels of tables index 36 bits of gfn: 256 TiB of guest-physical space. */
export declare const GFN_LIMIT: number;
/** One slot. A live slot changes its base at most; anything else is a deletion and a new slot. */
export interface Memslot {
    readonly id: number;
    readonly baseGfn: number;
    readonly npages: number;
    readonly userspaceAddr: number;
    /** `readonly`: a guest store is an MMIO exit (`KVM_MEM_READONLY`). */
    readonly access: 'read-write' | 'readonly';
    /** `invalid`: being deleted or moved. Faults wait, notifiers still see it (`KVM_MEMSLOT_INVALID`). */
    readonly state: 'valid' | 'invalid';
}
/** gfns `[first, end)` of one slot. */
export interface GfnRange {
    readonly slot: Memslot;
    readonly first: number;
    readonly end: number;
}
/** An immutable set of slots with its two look-ups. */
export declare class Memslots {
    /** Grows by one with each published set. */
    readonly generation: number;
    readonly byId: readonly Memslot[];
    private readonly byGfn;
    private readonly byHva;
    /** `reach[i]`: the largest end of `byHva[0..i]`, so that a search knows where overlaps can begin. */
    private readonly reach;
    constructor(slots: readonly Memslot[], generation?: number);
    /** The slot with that id. */
    withId(id: number): Memslot | undefined;
    /** The slot that contains `gfn`: slots never overlap in guest-physical space. `gfn_to_memslot` */
    slotOfGfn(gfn: number): Memslot | undefined;
    /** Where the guest sees the process's `address`: through the slot with the lowest id; -1 where it does not. */
    gfnOfHva(address: number): number;
    /** What every slot shows of the hvas `[start, end)`. Partly covered pages count. */
    rangesOfHva(start: number, end: number): readonly GfnRange[];
    /** First index of `byHva` at or before which a slot ends behind `address`. */
    private firstReaching;
}
/** The process's address behind `gfn`. `gfn_to_hva_memslot` */
export declare function hvaOfGfn(slot: Memslot, gfn: number): VirtualAddress;
/** Division, not a shift: a shift would fold the address to 32 bits. */
export declare function gfnOfGpa(address: number): Gfn;
/**
 * The slot that a VM opened without options has: guest-physical equals the process's address over all of user space, so
 * that a script can use the process's addresses. Wider than a slot that a user may set (2^31 - 1 pages).
 */
export declare const IDENTITY_MEMSLOT: Memslot;
