/**
 * CPU TLBs: one per CPU, direct mapped, tagged by address space. A CPU keeps the entries of a few address spaces at a
 * time (`TLB_NR_DYN_ASIDS`); one more takes the tag of the one that has had it longest, whose entries go. An entry
 * survives changes of its pte until it is flushed, as on real hardware. There is no lazy mode: a CPU that runs another
 * process meanwhile is interrupted all the same while it keeps the tag.
 *
 * `reach` counts per frame how many entries of any CPU still reach it, so that freeing a frame too early is seen at
 * once. Mirrors `arch/x86/mm/tlb.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { reserveBytes } from '../memory/reserve.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { Pte } from './pte.ts';

const ENTRIES = 1024;
/** Where a vpn's entry is: `&` folds it to 32 bits first, which keeps the low ones. */
export const TLB_INDEX: number = ENTRIES - 1;
/** Address spaces that a CPU keeps entries of. `TLB_NR_DYN_ASIDS` */
const CONTEXTS = 6;
/** Pages that are flushed one by one; for more, all entries of the address space go. `tlb_single_page_flush_ceiling` */
const FLUSH_CEILING = 33;

/** The address space that a TLB works for. */
export interface TlbOwner {
  readonly asid: number;
  /** Bit mask of the CPUs that may hold entries of it. */
  cpuMask: number;
}

/** The entries of one CPU, in columns. A vpn of -1 is no entry. */
export class CpuTlb {
  readonly vpn: Float64Array = new Float64Array(ENTRIES).fill(-1);
  readonly asid: Int32Array = new Int32Array(ENTRIES);
  readonly pfn: Int32Array = new Int32Array(ENTRIES);
  readonly flags: Uint16Array = new Uint16Array(ENTRIES);
  /** Whose entries it keeps; the last one filled stands in `loaded`. */
  readonly contexts: (TlbOwner | undefined)[] = [];
  next = 0;
  loaded: TlbOwner | undefined;
}

export class Tlbs {
  /** TLB entries of all CPUs that reach a frame. */
  readonly reach: Uint16Array;
  hits = 0;
  misses = 0;
  shootdowns = 0;
  /** CPUs that a shootdown had to interrupt: those with the tag, without the one that flushes. */
  ipis = 0;
  fullFlushes = 0;
  /** Tags that went from one address space to another. */
  recycled = 0;
  /** Flushes secondary TLBs that walk the CPU's tables: `arch_invalidate_secondary_tlbs`. */
  flushSecondary: (owner: TlbOwner, start: number, end: number) => void = () => undefined;
  private readonly scheduler: Scheduler;
  private readonly cpus: CpuTlb[] = [];

  constructor(scheduler: Scheduler, frames: number) {
    this.scheduler = scheduler;
    this.reach = new Uint16Array(reserveBytes(frames * 2));
    for (let cpu = 0; cpu < scheduler.cpus; cpu++) this.cpus.push(new CpuTlb());
  }

  /** For runs of accesses, which look up many entries in one loop and add to `hits` and `misses`. */
  of(cpu: number): CpuTlb {
    return this.cpus[cpu];
  }

  /**
   * The frame that `cpu` reaches at `vpn` through an entry whose bits under `mask` are `want`; -1 on a miss. A store
   * wants `Writable | Dirty`: hardware walks again to set the dirty bit.
   */
  lookup(cpu: number, asid: number, vpn: number, mask: number, want: number): number {
    const tlb = this.cpus[cpu];
    const at = vpn & TLB_INDEX;
    if (tlb.vpn[at] === vpn && tlb.asid[at] === asid && (tlb.flags[at] & mask) === want) {
      this.hits++;
      return tlb.pfn[at];
    }
    this.misses++;
    return -1;
  }

  fill(cpu: number, owner: TlbOwner, vpn: number, pfn: number, flags: number): void {
    const tlb = this.cpus[cpu];
    if (tlb.loaded !== owner) this.load(tlb, cpu, owner);
    const at = vpn & TLB_INDEX;
    if (tlb.vpn[at] >= 0) this.reach[tlb.pfn[at]]--;
    tlb.vpn[at] = vpn;
    tlb.asid[at] = owner.asid;
    tlb.pfn[at] = pfn;
    tlb.flags[at] = flags & (Pte.Present | Pte.Writable | Pte.User | Pte.Accessed | Pte.Dirty | Pte.NoExec);
    this.reach[pfn]++;
  }

  /** Gives the address space a tag on this CPU, if it has none. `choose_new_asid` */
  private load(tlb: CpuTlb, cpu: number, owner: TlbOwner): void {
    tlb.loaded = owner;
    if (tlb.contexts.includes(owner)) return;
    const evicted = tlb.contexts[tlb.next];
    if (evicted !== undefined) {
      this.recycled++;
      this.flushCpu(tlb, evicted.asid, 0, Infinity);
      evicted.cpuMask &= ~(1 << cpu);
    }
    tlb.contexts[tlb.next] = owner;
    tlb.next = (tlb.next + 1) % CONTEXTS;
    owner.cpuMask |= 1 << cpu;
  }

  /** Shootdown of `[start, end)` on every CPU that may hold entries. @sleeps Never. */
  *flushRange(owner: TlbOwner, start: number, end: number): Routine<void> {
    if (this.scheduler.preemptive) yield point(PointKind.TlbFlush, owner.asid);
    this.flushNow(owner, start, end);
  }

  /** The shootdown as one step, for callers that announced it. */
  flushNow(owner: TlbOwner, start: number, end: number): void {
    this.shootdowns++;
    this.scheduler.tracer?.tlbShootdown?.(owner.asid, start, end, owner.cpuMask);
    const all = end - start > FLUSH_CEILING * 4096;
    if (all) this.fullFlushes++;
    const own = this.scheduler.current.cpu;
    for (let cpu = 0; cpu < this.cpus.length; cpu++) {
      if ((owner.cpuMask & (1 << cpu)) === 0) continue;
      if (cpu !== own) this.ipis++;
      if (all) this.flushCpu(this.cpus[cpu], owner.asid, 0, Infinity);
      else this.flushCpu(this.cpus[cpu], owner.asid, start / 4096, end / 4096);
    }
    this.flushSecondary(owner, start, end);
  }

  /** One page on the CPU that found its entry too weak: no other CPU is told. */
  flushLocal(cpu: number, asid: number, vpn: number): void {
    this.flushCpu(this.cpus[cpu], asid, vpn, vpn + 1);
  }

  private flushCpu(tlb: CpuTlb, asid: number, first: number, end: number): void {
    if (end - first < ENTRIES) {
      for (let vpn = first; vpn < end; vpn++) {
        const at = vpn & TLB_INDEX;
        if (tlb.vpn[at] === vpn && tlb.asid[at] === asid) this.drop(tlb, at);
      }
      return;
    }
    for (let at = 0; at < ENTRIES; at++) {
      if (tlb.asid[at] === asid && tlb.vpn[at] >= first && tlb.vpn[at] < end) this.drop(tlb, at);
    }
  }

  private drop(tlb: CpuTlb, at: number): void {
    this.reach[tlb.pfn[at]]--;
    tlb.vpn[at] = -1;
  }
}
