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
import { PageIndex } from './page-index.ts';

/** Slots fit 24 bits; generations are above. */
const GENERATION = 2 ** 24;
/** Slots that a ledger begins with; their number doubles. */
const FIRST_SLOTS = 512;

/** `valid`, then `cleared` (a TLB may still hold it), then flushed: the slot is free. */
export const EntryState = { free: 0, valid: 1, cleared: 2 } as const;
/** What a TLB of the device may let through; `draining` is a downgrade that is not flushed. */
export const Permission = { load: 0, draining: 1, store: 2 } as const;

/**
 * How long a translation is true. `notified`: always. `until-end`: it holds a pin, and may be stale while a window is open
 * until that device's end has returned. `pinned`: it holds a pin and no notifier keeps it coherent.
 */
export type Coherence = 'notified' | 'until-end' | 'pinned';

export interface LedgerCounts {
  established: number;
  cleared: number;
  /** Dropped inside a start callback that covers them. */
  invalidated: number;
  /** Made again for a page that an invalidation had taken away. */
  refaulted: number;
  live: number;
  /** With pins: accesses to pages that the process no longer maps. */
  staleAccesses: number;
}

export class Ledger implements LedgerService {
  /** The device's name. */
  readonly device: string;
  readonly coherence: Coherence;
  readonly counts: LedgerCounts = {
    established: 0,
    cleared: 0,
    invalidated: 0,
    refaulted: 0,
    live: 0,
    staleAccesses: 0,
  };
  /** One column for each thing that is known of a slot. */
  readonly mm: MmStruct[] = [];
  address: Float64Array = new Float64Array(FIRST_SLOTS);
  pfn: Int32Array = new Int32Array(FIRST_SLOTS);
  state: Uint8Array = new Uint8Array(FIRST_SLOTS);
  permission: Uint8Array = new Uint8Array(FIRST_SLOTS);
  /** Its slots by page, and the pages that an invalidation took away. */
  readonly pages: PageIndex = new PageIndex();
  private readonly kernel: Kernel;
  private readonly oracle: TranslationOracle | undefined;
  private generation: Uint32Array = new Uint32Array(FIRST_SLOTS);
  /** Slots that were ever used. */
  private slotCount = 0;
  private readonly freeSlots: number[] = [];
  private readonly unflushed: number[] = [];

  constructor(kernel: Kernel, device: string, coherence: Coherence, oracle: TranslationOracle | undefined) {
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
    this.counts.established++;
    this.counts.live++;
    if (this.pages.add(mm.id, address / 4096, slot) === 'taken before') this.counts.refaulted++;
    this.oracle?.established(this, slot);
    return (slot + this.generation[slot] * GENERATION) as LedgerEntry;
  }

  upgrade(entry: LedgerEntry): void {
    const slot = this.slotOf(entry);
    if (this.state[slot] !== EntryState.valid) this.misuse('upgrades a translation that it has cleared');
    this.permission[slot] = Permission.store;
    this.oracle?.upgraded(this, slot);
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
    const mm = this.mm[slot];
    const address = this.address[slot];
    if (window === undefined || window.mm !== mm || address < window.start || address >= window.end) return;
    this.counts.invalidated++;
    this.pages.take(mm.id, address / 4096);
  }

  flush(): void {
    const slots = this.unflushed;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      if (this.permission[slot] === Permission.draining) this.permission[slot] = Permission.load;
      if (this.state[slot] === EntryState.cleared) this.release(slot);
    }
    slots.length = 0;
  }

  load(entry: LedgerEntry, offset: number, length: number, into: Uint8Array, at: number): void {
    const slot = this.slotOf(entry);
    this.noteAccess(slot, PointKind.FrameLoad);
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
    this.noteAccess(slot, PointKind.FrameStore);
    const coherent = this.oracle === undefined || this.oracle.accessed(this, slot, 'store');
    const { memory } = this.kernel.allocator;
    const slab = memory.bytes(this.pfn[slot]);
    const page = memory.byteOffset(this.pfn[slot]);
    for (let i = 0; i < length; i++) slab[page + offset + i] = from[at + i];
    if (coherent) this.oracle?.shadow.stored(this.mm[slot], this.address[slot] + offset, length, slab, page);
  }

  /** The slot of an entry; -1 where it was flushed. */
  find(entry: number): number {
    const slot = entry & (GENERATION - 1);
    const live = this.generation[slot] === (entry - slot) / GENERATION && this.state[slot] !== EntryState.free;
    return live ? slot : -1;
  }

  /** Whether the entry reaches this frame, with at least that permission. */
  backs(entry: number, pfn: number, writable: boolean): boolean {
    const slot = this.find(entry);
    if (slot < 0 || this.state[slot] !== EntryState.valid || this.pfn[slot] !== pfn) return false;
    return !writable || this.permission[slot] === Permission.store;
  }

  /** Slots that the device reaches in `[start, end)` of an mm: costs what is present. */
  slotsInside(mm: MmStruct, start: number, end: number): Iterable<number> {
    return this.pages.inside(mm.id, start / 4096, end / 4096);
  }

  /** Every slot that is not flushed. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.slotCount; slot++) if (this.state[slot] !== EntryState.free) yield slot;
  }

  private noteAccess(slot: number, kind: PointKind): void {
    const { scheduler } = this.kernel;
    if (!scheduler.preemptive) return;
    scheduler.note(PointKind.DeviceAccess, this.pfn[slot]);
    scheduler.note(kind, this.pfn[slot]);
  }

  private newSlot(): number {
    if (this.slotCount === this.state.length) this.grow(2 * this.slotCount);
    return this.slotCount++;
  }

  private grow(slots: number): void {
    this.address = longer(this.address, new Float64Array(slots));
    this.pfn = longer(this.pfn, new Int32Array(slots));
    this.state = longer(this.state, new Uint8Array(slots));
    this.permission = longer(this.permission, new Uint8Array(slots));
    this.generation = longer(this.generation, new Uint32Array(slots));
  }

  private release(slot: number): void {
    this.pages.remove(this.mm[slot].id, this.address[slot] / 4096, slot);
    this.oracle?.flushed(this, slot);
    this.state[slot] = EntryState.free;
    this.generation[slot]++;
    this.freeSlots.push(slot);
    this.counts.live--;
  }

  private slotOf(entry: LedgerEntry): number {
    const slot = this.find(entry);
    if (slot < 0) this.misuse('uses a translation that was flushed');
    return slot;
  }

  private misuse(what: string): never {
    this.kernel.scheduler.fail('ledger-misuse', `${this.device} ${what}`);
  }
}

/** The same column with room behind it. */
function longer<T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(column: T, into: T): T {
  into.set(column);
  return into;
}
