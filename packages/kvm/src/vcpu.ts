/**
 * What a vCPU's hardware does without KVM: TLB, then the table. Plain code without allocation, one atomic step together
 * with the load or store that uses the answer.
 */
import type { LedgerEntry } from '@mmu-notifier/plugin-api';
import type { AsyncFaults } from './async-pf.ts';
import type { DirtyRing } from './dirty-ring.ts';
import type { FaultingVcpu } from './faulting-vcpu.ts';
import { SpteBits } from './sptes.ts';
import type { Sptes } from './sptes.ts';
import { VcpuTlb } from './vcpu-tlb.ts';

const { Present, Writable, Accessed, Dirty } = SpteBits;
const MISS = -1;

/** One vCPU. */
export class Vcpu implements FaultingVcpu {
  readonly tlb: VcpuTlb;
  readonly asyncFaults: AsyncFaults | undefined;
  readonly dirtyRing: DirtyRing | undefined;
  private readonly sptes: Sptes;

  constructor(sptes: Sptes, tlbEntries: number, { asyncFaults, dirtyRing }: FaultingVcpu) {
    this.sptes = sptes;
    this.asyncFaults = asyncFaults;
    this.dirtyRing = dirtyRing;
    this.tlb = new VcpuTlb(tlbEntries);
  }

  /** The translation for a load, -1 where KVM has to fault it in. @sleeps Never. */
  forLoad(gfn: number): LedgerEntry | -1 {
    const hit = this.tlb.forLoad(gfn);
    return hit === MISS ? this.walk(gfn, Present, Accessed) : hit;
  }

  /** The translation for a store, -1 where KVM has to fault it in. @sleeps Never. */
  forStore(gfn: number): LedgerEntry | -1 {
    const hit = this.tlb.forStore(gfn);
    return hit === MISS ? this.walk(gfn, Present | Writable, Accessed | Dirty) : hit;
  }

  /** Hardware's page walk: sets accessed and dirty, fills the TLB. */
  private walk(gfn: number, needed: number, used: number): LedgerEntry | -1 {
    const leaf = this.sptes.leaf(gfn);
    if (leaf === undefined) return MISS;
    const index = gfn & 511;
    const bits = leaf.words[2 * index + 1] as number;
    if ((bits & needed) !== needed) return MISS;
    leaf.words[2 * index + 1] = bits | used;
    const entry = leaf.ledger[index] as LedgerEntry;
    this.tlb.fill(gfn, entry, ((bits | used) & (Writable | Dirty)) === (Writable | Dirty) ? 1 : 0);
    return entry;
  }
}
