/**
 * The swap map and the swap cache. A slot is counted once per swap entry that names it and once for the swap cache;
 * at 0 it is free. A page in the swap cache has bytes equal to its slot unless it is dirty. Mirrors `mm/swapfile.c` and
 * `mm/swap_state.c`.
 */
import { assert } from '../contract.ts';
import { reserveBytes } from '../memory/reserve.ts';
import { ObjectBase, PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedState } from '../sched/shared-state.ts';
import type { MachineTracer } from '../tracing/tracer.ts';
import type { SwapDevice } from './swap-device.ts';

export class SwapSpace {
  readonly slots: number;
  readonly device: SwapDevice;
  used = 0;
  pagesOut = 0;
  pagesIn = 0;
  /** Swap entries (and the cache) that name each slot. */
  private readonly counts: Int32Array;
  /** Slot to the frame that caches it. */
  private readonly cache = new Map<number, number>();
  private readonly tracer: MachineTracer | undefined;
  /** What the page that was written to a slot left behind; 0 is nothing. */
  private readonly shadows: Float64Array;
  private cursor = 0;
  private readonly scheduler: Scheduler;
  /** Which slots are free, and where the search goes on. */
  private readonly free: SharedState;

  constructor(scheduler: Scheduler, slots: number, device: SwapDevice, tracer?: MachineTracer) {
    this.scheduler = scheduler;
    this.free = new SharedState(scheduler, scheduler.nextObjectId('free swap slots'));
    this.slots = slots;
    this.device = device;
    this.tracer = tracer;
    this.counts = new Int32Array(reserveBytes(4 * slots));
    this.shadows = new Float64Array(reserveBytes(8 * slots));
  }

  /** A free slot, counted once for the swap cache; -1 when swap is full. */
  allocate(): number {
    this.free.changes();
    if (!this.hasRoom) return -1;
    while (this.counts[this.cursor] !== 0) this.cursor = (this.cursor + 1) % this.slots;
    const slot = this.cursor;
    this.counts[slot] = 1;
    this.used++;
    this.cursor = (slot + 1) % this.slots;
    return slot;
  }

  get hasRoom(): boolean {
    this.free.reads();
    return this.used < this.slots;
  }

  /** One more entry names the slot. `swap_duplicate` */
  duplicate(slot: number): void {
    this.note(PointKind.Atomic, slot);
    assert(this.counts[slot] > 0, 'a swap entry names a slot in use', slot);
    this.counts[slot]++;
  }

  /** One entry less. `swap_free` */
  release(slot: number): void {
    this.note(PointKind.Atomic, slot);
    assert(this.counts[slot] > 0, 'a freed swap slot is in use', slot);
    if (--this.counts[slot] > 0) return;
    this.free.changes();
    this.used--;
    this.shadows[slot] = 0;
  }

  /** Reclaim has taken the page: only the slot has it now. */
  evictedFrom(slot: number, shadow: number): void {
    this.note(PointKind.Atomic, slot);
    this.shadows[slot] = shadow;
  }

  /** What `evictedFrom` left; the slot forgets it. */
  takeShadow(slot: number): number {
    this.note(PointKind.Atomic, slot);
    const shadow = this.shadows[slot];
    this.shadows[slot] = 0;
    return shadow;
  }

  /** Entries that name the slot, the cache not counted. */
  entries(slot: number): number {
    this.note(PointKind.AtomicLoad, slot);
    return this.counts[slot] - (this.cache.has(slot) ? 1 : 0);
  }

  cached(slot: number): number | undefined {
    this.note(PointKind.AtomicLoad, slot);
    return this.cache.get(slot);
  }

  addToCache(slot: number, pfn: number): void {
    this.note(PointKind.Atomic, slot);
    assert(!this.cache.has(slot), 'a slot has one page in the swap cache', slot);
    this.cache.set(slot, pfn);
  }

  removeFromCache(slot: number): void {
    this.note(PointKind.Atomic, slot);
    assert(this.cache.delete(slot), 'a page that leaves the swap cache is in it', slot);
    this.release(slot);
  }

  get cachedPages(): number {
    return this.cache.size;
  }

  write(slot: number, from: Uint8Array): void {
    this.device.write(slot, from);
    this.pagesOut++;
    this.tracer?.swappedOut?.(slot);
  }

  read(slot: number, into: Uint8Array): void {
    this.device.read(slot, into);
    this.pagesIn++;
    this.tracer?.swappedIn?.(slot);
  }

  private note(kind: PointKind, slot: number): void {
    if (this.scheduler.preemptive) this.scheduler.note(kind, ObjectBase.swapSlot + slot);
  }
}
