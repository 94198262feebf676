/**
 * The ledger of one device: every translation that its hardware holds, as the driver declares it. Each device access
 * names the entry that it goes through, so the oracle sees what the device really reaches, without trusting the driver.
 *
 * An entry is a slot and a generation, so that one that was flushed is not mistaken for its successor.
 */
import type { LedgerEntry, LedgerService, Translation } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { TranslationOracle } from '../oracle/translation-oracle.ts';
import { PointKind } from '../sched/preemption-point.ts';

/** Slots fit 24 bits; generations are above. */
const GENERATION = 2 ** 24;

/** `valid`, then `cleared` (a TLB may still hold it), then flushed: the slot is free. */
export const EntryState = { free: 0, valid: 1, cleared: 2 } as const;
/** What a TLB of the device may let through; `draining` is a downgrade that is not flushed. */
export const Permission = { load: 0, draining: 1, store: 2 } as const;

export interface LedgerCounts {
  established: number;
  cleared: number;
  /** Dropped inside a start callback that covers them. */
  invalidated: number;
  /** Made again for a page that an invalidation had taken away. */
  refaulted: number;
  live: number;
  /** Pinned world: accesses to pages that the process no longer maps. */
  staleAccesses: number;
}

export class Ledger implements LedgerService {
  /** The device's name. */
  readonly device: string;
  /** `pinned`: each translation holds a pin and no notifier keeps it coherent. */
  readonly coherence: 'notified' | 'pinned';
  readonly counts: LedgerCounts = {
    established: 0,
    cleared: 0,
    invalidated: 0,
    refaulted: 0,
    live: 0,
    staleAccesses: 0,
  };
  readonly mm: MmStruct[] = [];
  readonly address: number[] = [];
  readonly pfn: number[] = [];
  readonly state: number[] = [];
  readonly permission: number[] = [];
  /** Slots of each mm, by virtual page number: a page may have several device addresses. */
  readonly byPage: Map<number, Map<number, number[]>> = new Map();
  private readonly kernel: Kernel;
  private readonly oracle: TranslationOracle | undefined;
  private readonly generation: number[] = [];
  private readonly freeSlots: number[] = [];
  private unflushed: number[] = [];
  /** Pages that an invalidation took away, by mm. */
  private readonly taken = new Map<number, Set<number>>();

  constructor(kernel: Kernel, device: string, coherence: 'notified' | 'pinned', oracle: TranslationOracle | undefined) {
    this.kernel = kernel;
    this.device = device;
    this.coherence = coherence;
    this.oracle = oracle;
    oracle?.watch(this);
  }

  establish({ mm, address, pfn, writable }: Translation): LedgerEntry {
    const slot = this.freeSlots.pop() ?? this.newSlot();
    this.mm[slot] = mm as MmStruct;
    this.address[slot] = address;
    this.pfn[slot] = pfn;
    this.state[slot] = EntryState.valid;
    this.permission[slot] = writable ? Permission.store : Permission.load;
    this.slotsAt(mm.id, address / 4096).push(slot);
    this.counts.established++;
    this.counts.live++;
    if (this.taken.get(mm.id)?.delete(address / 4096)) this.counts.refaulted++;
    this.oracle?.established(this, slot);
    return (slot + this.generation[slot] * GENERATION) as LedgerEntry;
  }

  downgrade(entry: LedgerEntry): void {
    const slot = this.slotOf(entry);
    if (this.permission[slot] !== Permission.store) return;
    this.permission[slot] = Permission.draining;
    this.unflushed.push(slot);
  }

  clear(entry: LedgerEntry): void {
    const slot = this.slotOf(entry);
    if (this.state[slot] !== EntryState.valid) this.misuse('clears a translation twice');
    this.state[slot] = EntryState.cleared;
    this.unflushed.push(slot);
    this.counts.cleared++;
    const window = this.kernel.scheduler.current.invalidating;
    const [mm, address] = [this.mm[slot], this.address[slot]];
    if (window === undefined || window.mm !== mm || address < window.start || address >= window.end) return;
    this.counts.invalidated++;
    let taken = this.taken.get(mm.id);
    if (taken === undefined) this.taken.set(mm.id, (taken = new Set()));
    taken.add(address / 4096);
  }

  flush(): void {
    const slots = this.unflushed;
    if (slots.length === 0) return;
    this.unflushed = [];
    for (const slot of slots) {
      if (this.permission[slot] === Permission.draining) this.permission[slot] = Permission.load;
      if (this.state[slot] === EntryState.cleared) this.release(slot);
    }
  }

  load(entry: LedgerEntry, offset: number, length: number, into: Uint8Array, at: number): void {
    const slot = this.slotOf(entry);
    this.noteAccess(slot);
    const coherent = this.oracle === undefined || this.oracle.accessed(this, slot, 'load');
    const { memory } = this.kernel.allocator;
    const slab = memory.bytes(this.pfn[slot]);
    const page = memory.byteOffset(this.pfn[slot]);
    for (let i = 0; i < length; i++) into[at + i] = slab[page + offset + i];
    if (coherent) this.oracle?.shadow.loaded(this.mm[slot], this.address[slot] + offset, length, slab, page);
  }

  store(entry: LedgerEntry, offset: number, length: number, from: Uint8Array, at: number): void {
    const slot = this.slotOf(entry);
    if (this.permission[slot] === Permission.load) this.misuse('stores through a translation that is for loads only');
    this.noteAccess(slot);
    const coherent = this.oracle === undefined || this.oracle.accessed(this, slot, 'store');
    const { memory } = this.kernel.allocator;
    const slab = memory.bytes(this.pfn[slot]);
    const page = memory.byteOffset(this.pfn[slot]);
    for (let i = 0; i < length; i++) slab[page + offset + i] = from[at + i];
    if (coherent) this.oracle?.shadow.stored(this.mm[slot], this.address[slot] + offset, length, slab, page);
  }

  /** Slots that the device reaches in `[start, end)` of an mm: costs what is present. */
  *slotsInside(mm: MmStruct, start: number, end: number): Iterable<number> {
    const pages = this.byPage.get(mm.id);
    if (pages === undefined) return;
    const [first, behind] = [start / 4096, end / 4096];
    if (behind - first <= pages.size) {
      for (let vpn = first; vpn < behind; vpn++) yield* pages.get(vpn) ?? [];
    } else {
      for (const [vpn, slots] of pages) if (vpn >= first && vpn < behind) yield* slots;
    }
  }

  /** Every slot that is not flushed. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.state.length; slot++) if (this.state[slot] !== EntryState.free) yield slot;
  }

  private noteAccess(slot: number): void {
    const { scheduler } = this.kernel;
    if (scheduler.preemptive) scheduler.note(PointKind.DeviceAccess, this.pfn[slot]);
  }

  private newSlot(): number {
    this.generation.push(0);
    return this.generation.length - 1;
  }

  private slotsAt(mm: number, vpn: number): number[] {
    let pages = this.byPage.get(mm);
    if (pages === undefined) this.byPage.set(mm, (pages = new Map<number, number[]>()));
    let slots = pages.get(vpn);
    if (slots === undefined) pages.set(vpn, (slots = []));
    return slots;
  }

  private release(slot: number): void {
    const pages = this.byPage.get(this.mm[slot].id);
    const slots = pages?.get(this.address[slot] / 4096) ?? [];
    slots.splice(slots.indexOf(slot), 1);
    if (slots.length === 0) pages?.delete(this.address[slot] / 4096);
    this.oracle?.flushed(this, slot);
    this.state[slot] = EntryState.free;
    this.generation[slot]++;
    this.freeSlots.push(slot);
    this.counts.live--;
  }

  private slotOf(entry: LedgerEntry): number {
    const slot = entry % GENERATION;
    if (this.generation[slot] !== (entry - slot) / GENERATION || this.state[slot] === EntryState.free) {
      this.misuse('uses a translation that was flushed');
    }
    return slot;
  }

  private misuse(what: string): never {
    this.kernel.scheduler.fail('ledger-misuse', `${this.device} ${what}`);
  }
}
