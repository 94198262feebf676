/**
 * What a vCPU's TLB holds: gfn to ledger entry, direct-mapped, in typed arrays. A store needs an entry that was filled
 * from a writable *dirty* spte: the first store through a clean one walks the table and sets the spte's dirty bit, as
 * hardware does. Accessed is set when an entry is filled, and not again while the entry lives: a clearYoung without a
 * flush misses what a TLB hit touches.
 */
import type { LedgerEntry } from '@mmu-notifier/plugin-api';
export declare class VcpuTlb {
    /** Entries filled since the last flush; 0 means that nothing is cached. */
    filled: number;
    private readonly mask;
    private readonly gfns;
    private readonly ledger;
    /** 1: stores may go through the entry. */
    private readonly storable;
    /** @param entries - A power of two. */
    constructor(entries: number);
    /** The entry for a load of `gfn`, -1 on a miss. */
    forLoad(gfn: number): LedgerEntry | -1;
    /** The entry for a store to `gfn`, -1 on a miss. */
    forStore(gfn: number): LedgerEntry | -1;
    fill(gfn: number, entry: LedgerEntry, storable: 0 | 1): void;
    flushAll(): void;
    /** What is cached now, for invariants. */
    cached(): Iterable<{
        readonly gfn: number;
        readonly entry: LedgerEntry;
        readonly storable: boolean;
    }>;
}
