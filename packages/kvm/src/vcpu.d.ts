/**
 * What a vCPU's hardware does without KVM: TLB, then the table. Plain code without allocation, one atomic step together
 * with the load or store that uses the answer.
 */
import type { LedgerEntry } from '@mmu-notifier/plugin-api';
import type { Sptes } from './sptes.ts';
import { VcpuTlb } from './vcpu-tlb.ts';
/** One vCPU. A VM of this width has one; concurrent accesses share its TLB. */
export declare class Vcpu {
    readonly tlb: VcpuTlb;
    private readonly sptes;
    constructor(sptes: Sptes, tlbEntries: number);
    /** The translation for a load, -1 where KVM has to fault it in. @sleeps Never. */
    forLoad(gfn: number): LedgerEntry | -1;
    /** The translation for a store, -1 where KVM has to fault it in. @sleeps Never. */
    forStore(gfn: number): LedgerEntry | -1;
    /** Hardware's page walk: sets accessed and dirty, fills the TLB. */
    private walk;
}
