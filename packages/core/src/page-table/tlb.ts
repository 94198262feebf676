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

/** What an access does, and the bit of an entry that lets it: as `kinds` of a recording. `MODIFY` loads and stores. */
export const FETCH = 0;
export const LOAD = 1;
export const STORE = 2;
export const MODIFY = 3;

const ENTRIES = 1024;
/** Where a vpn's entry is: `&` folds it to 32 bits first, which keeps the low ones. */
export const TLB_INDEX: number = ENTRIES - 1;
/** Address spaces that a CPU keeps entries of. `TLB_NR_DYN_ASIDS` */
const CONTEXTS = 6;
/** Pages that are flushed one by one; for more, all entries of the address space go. `tlb_single_page_flush_ceiling` */
const FLUSH_CEILING = 33;
/** Behind the last page of any address space. */
const VPNS: number = 2 ** 35;
const DIRTY: number = Pte.Writable | Pte.Dirty;

/** A tag is the address space's place on the CPU, above the vpn: one comparison finds both. */
const CONTEXT_TAGS: number = VPNS;
/** Plus a vpn, no tag of an entry. */
const NO_CONTEXT = -(2 ** 40);

/** The address space that a TLB works for. */
export interface TlbOwner {
  readonly asid: number;
  /** Bit mask of the CPUs that may hold entries of it. */
  cpuMask: number;
}

/** The entries of one CPU, in columns. A tag of -1 is no entry. */
export class CpuTlb {
  readonly tag: Float64Array = new Float64Array(ENTRIES).fill(-1);
  readonly pfn: Int32Array = new Int32Array(ENTRIES);
  /** A bit for each kind of access that needs no walk. */
  readonly allows: Uint8Array = new Uint8Array(ENTRIES);
  /** Whose entries it keeps. */
  readonly contexts: (TlbOwner | undefined)[] = [];
  next = 0;
  private asked: TlbOwner | undefined;
  private askedBase = NO_CONTEXT;

  /** Tags of entries of `owner` are this plus the vpn. Good until an entry is filled. */
  base(owner: TlbOwner): number {
    return owner === this.asked ? this.askedBase : this.find(owner);
  }

  private find(owner: TlbOwner): number {
    const context = this.contexts.indexOf(owner);
    if (context < 0) return NO_CONTEXT;
    this.asked = owner;
    return (this.askedBase = context * CONTEXT_TAGS);
  }

  /** Gives `owner` the place at `next`. */
  place(owner: TlbOwner): void {
    this.asked = undefined;
    this.contexts[this.next] = owner;
    this.next = (this.next + 1) % CONTEXTS;
  }
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

  /** The frame that `cpu` reaches at `vpn` for an access of that kind; -1 on a miss. */
  lookup(cpu: number, owner: TlbOwner, vpn: number, kind: number): number {
    const tlb = this.cpus[cpu];
    const at = vpn & TLB_INDEX;
    if (tlb.tag[at] === tlb.base(owner) + vpn && ((tlb.allows[at] >>> kind) & 1) !== 0) {
      this.hits++;
      return tlb.pfn[at];
    }
    this.misses++;
    return -1;
  }

  fill(cpu: number, owner: TlbOwner, vpn: number, pfn: number, flags: number): void {
    const tlb = this.cpus[cpu];
    let base = tlb.base(owner);
    if (base === NO_CONTEXT) base = this.load(tlb, cpu, owner);
    const at = vpn & TLB_INDEX;
    if (tlb.tag[at] >= 0) this.reach[tlb.pfn[at]]--;
    tlb.tag[at] = base + vpn;
    tlb.pfn[at] = pfn;
    tlb.allows[at] = allowed(flags);
    this.reach[pfn]++;
  }

  /** Gives the address space a tag on this CPU. `choose_new_asid` */
  private load(tlb: CpuTlb, cpu: number, owner: TlbOwner): number {
    const evicted = tlb.contexts[tlb.next];
    if (evicted !== undefined) {
      this.recycled++;
      this.flushCpu(tlb, evicted, 0, VPNS);
      evicted.cpuMask &= ~(1 << cpu);
    }
    tlb.place(owner);
    owner.cpuMask |= 1 << cpu;
    return tlb.base(owner);
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
      if (all) this.flushCpu(this.cpus[cpu], owner, 0, VPNS);
      else this.flushCpu(this.cpus[cpu], owner, start / 4096, end / 4096);
    }
    this.flushSecondary(owner, start, end);
  }

  /** One page on the CPU that found its entry too weak: no other CPU is told. */
  flushLocal(cpu: number, owner: TlbOwner, vpn: number): void {
    this.flushCpu(this.cpus[cpu], owner, vpn, vpn + 1);
  }

  private flushCpu(tlb: CpuTlb, owner: TlbOwner, first: number, end: number): void {
    const base = tlb.base(owner);
    if (base === NO_CONTEXT) return;
    if (end - first < ENTRIES) {
      for (let vpn = first; vpn < end; vpn++) {
        const at = vpn & TLB_INDEX;
        if (tlb.tag[at] === base + vpn) this.drop(tlb, at);
      }
      return;
    }
    for (let at = 0; at < ENTRIES; at++) {
      if (tlb.tag[at] >= base + first && tlb.tag[at] < base + end) this.drop(tlb, at);
    }
  }

  private drop(tlb: CpuTlb, at: number): void {
    this.reach[tlb.pfn[at]]--;
    tlb.tag[at] = -1;
  }
}

/** A store needs a dirty entry: hardware walks again to set the bit. */
function allowed(flags: number): number {
  if ((flags & Pte.Present) === 0) return 0;
  const fetches = (flags & Pte.NoExec) === 0 ? 1 << FETCH : 0;
  const stores = (flags & DIRTY) === DIRTY ? (1 << STORE) | (1 << MODIFY) : 0;
  return (1 << LOAD) | fetches | stores;
}
