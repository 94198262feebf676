/**
 * What a vCPU's hardware does without KVM under shadow paging: TLB, then the shadow pages from its root. Hardware runs with
 * CR0.WP on whatever the guest says, so an spte's rights are the whole truth. Plain code, one atomic step together with
 * the load or store that uses the answer.
 */
import type { LedgerEntry } from '@mmu-notifier/plugin-api';
import type { AsyncFaults } from '../async-pf.ts';
import type { DirtyRing } from '../dirty-ring.ts';
import type { FaultingVcpu } from '../faulting-vcpu.ts';
import { gpteIndex } from '../guest/gpte.ts';
import { type GuestAccess, RESET, type Registers, Rights, permits } from '../guest/registers.ts';
import { VcpuTlb } from '../vcpu-tlb.ts';
import { ShadowBits, type ShadowPage, leafBelow } from './shadow-page.ts';

const MISS = -1;
const STORABLE = ShadowBits.Writable | ShadowBits.Dirty;

export class ShadowVcpu implements FaultingVcpu {
  readonly tlb: VcpuTlb;
  readonly asyncFaults: AsyncFaults | undefined;
  readonly dirtyRing: DirtyRing | undefined;
  /** As the guest sees them. */
  registers: Registers = RESET;
  /** Top of the shadow pages that hardware walks. @locks Changed under mmuLock. */
  root: ShadowPage | undefined;

  private hardware: Registers = { ...RESET, writeProtect: true };

  constructor(tlbEntries: number, { asyncFaults, dirtyRing }: FaultingVcpu) {
    this.asyncFaults = asyncFaults;
    this.dirtyRing = dirtyRing;
    this.tlb = new VcpuTlb(tlbEntries);
  }

  setRegisters(registers: Registers): void {
    const { paging, smep, smap } = registers;
    this.registers = registers;
    this.hardware = { ...registers, writeProtect: true, smep: paging && smep, smap: paging && smap };
  }

  /** The translation for an access inside one page, -1 where KVM has to be asked. @sleeps Never. */
  translate(gva: number, access: GuestAccess): LedgerEntry | -1 {
    if (this.root === undefined || this.root.invalid) return MISS;
    if (access.kind === 'fetch') return this.walk(gva, access);
    const key = tlbKey(gva, access.user);
    const hit = access.kind === 'load' ? this.tlb.forLoad(key) : this.tlb.forStore(key);
    return hit === MISS ? this.walk(gva, access) : hit;
  }

  /** INVLPG: the TLB forgets one address. */
  forget(gva: number): void {
    this.tlb.forget(tlbKey(gva, false));
    this.tlb.forget(tlbKey(gva, true));
  }

  private walk(gva: number, access: GuestAccess): LedgerEntry | -1 {
    const page = leafBelow(this.root as ShadowPage, gva);
    if (page === undefined) return MISS;
    const index = gpteIndex(gva, 1);
    const bits = page.bits[index] as number;
    if ((bits & ShadowBits.Present) === 0) return MISS;
    if (!permits(this.hardware, rightsOfSpte(bits), access)) return MISS;
    const now = bits | ShadowBits.Accessed | (access.kind === 'store' ? ShadowBits.Dirty : 0);
    page.bits[index] = now;
    const entry = page.ledgerOf(index);
    if (access.kind !== 'fetch') this.tlb.fill(tlbKey(gva, access.user), entry, (now & STORABLE) === STORABLE ? 1 : 0);
    return entry;
  }
}

/** User and kernel accesses have entries of their own: what the one may do, the other may not. */
function tlbKey(gva: number, user: boolean): number {
  return Math.floor(gva / 4096) * 2 + (user ? 1 : 0);
}

function rightsOfSpte(bits: number): number {
  return (
    ((bits & ShadowBits.Writable) !== 0 ? Rights.Write : 0) |
    ((bits & ShadowBits.User) !== 0 ? Rights.User : 0) |
    ((bits & ShadowBits.Execute) !== 0 ? Rights.Execute : 0)
  );
}
