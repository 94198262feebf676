/**
 * The direct (two-dimensional) page table: gfn to pfn, four levels of pages in the driver's own memory.
 *
 *     gfn bit   35..27 level 3 | 26..18 level 2 | 17..9 level 1 | 8..0 level 0 (sptes)
 *
 * An spte is two words, pfn and bits, beside the handle of its ledger entry. Each page of the table knows how many of
 * its entries are present and which, so that a walk over a range visits present sub-trees only; a page with none left
 * is unlinked and kept for reuse.
 *
 * @locks Changed under `vm.mmuLock` only, but for accessed and dirty, which hardware sets. The table stands at every
 *   yield; a reference to a page of it does not survive one.
 *
 * Mirrors `arch/x86/kvm/mmu/tdp_mmu.c` with one root; leaves are 4 KiB.
 */
import type { LedgerEntry, Pfn } from '@mmu-notifier/plugin-api';
/** Bits of an spte's second word. */
export declare const SpteBits: {
    readonly Present: 1;
    readonly Writable: 2;
    /** Hardware used it. */
    readonly Accessed: 4;
    /** Hardware wrote through it. */
    readonly Dirty: 8;
    /** The primary pte permitted writing when the spte was made. */
    readonly HostWritable: 16;
};
/** One page of the table: sptes at level 0, pages of the next level above. */
export declare class TablePage {
    readonly level: number;
    /** Entries that are present. */
    present: number;
    /** One bit for each present entry. */
    readonly map: Uint32Array;
    readonly children: (TablePage | undefined)[];
    /** At level 0: pfn and bits of entry i at 2i and 2i + 1. */
    readonly words: Uint32Array;
    /** At level 0: ledger entries, which may need more than 32 bits. */
    readonly ledger: Float64Array;
    constructor(level: number);
}
/** Told of each page of the table that is linked or unlinked. */
export interface TableObserver {
    tableLinked(): void;
    tableUnlinked(): void;
}
/** The table of one VM. */
export declare class Sptes {
    /** Present sptes. */
    count: number;
    private readonly root;
    private readonly spare;
    private readonly observer;
    constructor(observer: TableObserver);
    /** The last-level page for `gfn`; its spte is number `gfn & 511`. `undefined` where a page on the way is absent. */
    leaf(gfn: number): TablePage | undefined;
    /** Bits of the spte of `gfn`, 0 where it is absent. */
    bits(gfn: number): number;
    pfn(gfn: number): Pfn;
    ledgerEntry(gfn: number): LedgerEntry;
    /** Makes the spte of `gfn`, which must be absent, with the pages that lead to it. */
    install(gfn: number, pfn: Pfn, bits: number, entry: LedgerEntry): void;
    /** Sets and clears bits of a present spte. */
    change(gfn: number, set: number, clear: number): void;
    /** Takes the spte of `gfn`, which must be present, away, and pages that became empty with it. */
    remove(gfn: number): void;
    /** The first gfn of `[gfn, end)` with a present spte, -1 where there is none. Skips what is absent. */
    nextPresent(gfn: number, end: number): number;
    /** Pages whose count disagrees with their map. */
    miscounted(page?: TablePage): Iterable<TablePage>;
    private link;
    private unlink;
}
