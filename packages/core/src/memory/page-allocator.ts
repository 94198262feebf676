/**
 * Frames with a reference count: `alloc_page`, `get_page`, `put_page`. Down to the low watermark a frame is simply
 * taken; below it kswapd is woken; down to the min watermark allocation reclaims first; reclaim itself may use the
 * reserve. What reclaims is plugged in at boot, because it lives in a higher room. Mirrors `mm/page_alloc.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import { ObjectBase, PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { FrameFlags, FrameTable } from './frame-table.ts';
import { MemoryCgroup } from './memory-cgroup.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { Zone } from './zone.ts';

/** What watches frames come and go. */
export interface FrameObserver {
  /** The last reference is gone; the frame is about to be reused. */
  frameFreed(pfn: number): void;
}

/** Where memory is short: in the machine, or in the cgroup that is at its limit. */
export type Shortage = 'machine' | 'cgroup';

/** Frees about `pages` frames of the machine's or the cgroup's; answers how many it freed. */
export type Reclaimer = (pages: number, shortage: Shortage) => Routine<number>;

/** Frames that one direct reclaim aims at. `SWAP_CLUSTER_MAX` */
const RECLAIM_BATCH = 32;

/** Direct reclaims without a page before memory counts as exhausted. `MAX_RECLAIM_RETRIES` */
const RECLAIM_RETRIES = 16;

export class PageAllocator {
  readonly memory: PhysicalMemory;
  readonly table: FrameTable;
  readonly zone: Zone;
  /** The shared frame of zeros: never freed, never counted. */
  readonly zeroPfn: number;
  /** What processes allocate is charged to it. */
  readonly cgroup: MemoryCgroup | undefined;
  observer: FrameObserver | undefined;
  reclaimer: Reclaimer | undefined;
  /** Starts background reclaim, unless it runs. */
  wakeKswapd: () => void = () => undefined;
  /**
   * Nothing could be reclaimed: the OOM killer's turn, with no lock of the allocator held.
   * @returns whether it made room, so that it is worth trying again.
   */
  outOfMemory: ((shortage: Shortage) => Routine<boolean>) | undefined;
  /** Told of each allocation that may reclaim. */
  mightReclaim: () => void = () => undefined;
  /** Takes a page off its LRU list when its last reference goes. */
  removeFromLru: (pfn: number) => void = () => undefined;
  /** Takes a page that nothing maps any more out of the swap cache, if no swap entry names it. */
  freeSwapCache: (pfn: number) => void = () => undefined;
  allocations = 0;
  frees = 0;
  directReclaims = 0;
  private readonly scheduler: Scheduler;

  /** @param memoryMax - Limit of the cgroup of all processes, in pages. */
  constructor(scheduler: Scheduler, frames: number, memoryMax?: number) {
    this.scheduler = scheduler;
    this.memory = new PhysicalMemory(frames);
    this.table = new FrameTable(frames, scheduler);
    this.cgroup = memoryMax === undefined ? undefined : new MemoryCgroup(this.table, memoryMax);
    this.zone = new Zone(this.table, frames, scheduler.cpus);
    this.zeroPfn = this.zone.take(scheduler.current.cpu);
    this.table.reset(this.zeroPfn);
    this.table.set(this.zeroPfn, FrameFlags.Reserved);
  }

  /** Free frames, wherever they wait. */
  get freeFrames(): number {
    return this.zone.freeFrames + this.zone.perCpuFrames;
  }

  /**
   * One frame with one reference, contents undefined; -1 when memory is exhausted.
   *
   * @locks None of the LRU's, and no lock that reclaim takes. @sleeps May, in direct reclaim.
   */
  *allocate(): Routine<number> {
    const { scheduler, zone } = this;
    // Reclaim and those who are dying give back more than they take.
    if (scheduler.current.reclaimDepth > 0 || scheduler.current.oomVictim) return this.takeReserve();
    scheduler.mightSleep('page allocation');
    this.mightReclaim();
    const pfn = zone.freeFrames > zone.watermarks.low ? this.take() : yield* this.allocateSlowly();
    return this.cgroup === undefined || pfn < 0 ? pfn : yield* this.charge(this.cgroup, pfn);
  }

  /** `allocate` without a routine: -1 also where it would have to reclaim first. */
  allocateNow(): number {
    if (this.scheduler.current.reclaimDepth === 0) {
      this.scheduler.mightSleep('page allocation');
      this.mightReclaim();
      if (this.zone.freeFrames <= this.zone.watermarks.low || this.cgroup?.full === true) return -1;
    }
    return this.chargeAnyway(this.take());
  }

  /** As `allocateNow`, but contents zero. */
  allocateZeroedNow(): number {
    const pfn = this.allocateNow();
    if (pfn >= 0) this.memory.zero(pfn);
    return pfn;
  }

  /** As `allocate`, but contents zero. */
  *allocateZeroed(): Routine<number> {
    const pfn = yield* this.allocate();
    if (pfn >= 0) this.memory.zero(pfn);
    return pfn;
  }

  get(pfn: number): void {
    assert(this.table.refcount[pfn] > 0, 'a reference is taken on a frame that is in use', pfn);
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Add, ObjectBase.references + pfn);
    this.table.refcount[pfn]++;
  }

  /** How many references there are. */
  references(pfn: number): number {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, ObjectBase.references + pfn);
    return this.table.refcount[pfn];
  }

  /** Copies contents, as `memory.copy` does. */
  copy(to: number, from: number): void {
    if (this.scheduler.preemptive) {
      this.scheduler.note(PointKind.FrameLoad, from);
      this.scheduler.note(PointKind.FrameStore, to);
    }
    this.memory.copy(to, from);
  }

  /** Drops a reference; the last one frees the frame. The zero page and other reserved frames stay. */
  put(pfn: number): void {
    const { refcount } = this.table;
    assert(refcount[pfn] > 0, 'a reference is dropped that is held', pfn);
    if (this.scheduler.preemptive) {
      this.scheduler.note(refcount[pfn] === 1 ? PointKind.Atomic : PointKind.Add, ObjectBase.references + pfn);
    }
    if (--refcount[pfn] === 0) this.free(pfn);
  }

  /** `__alloc_pages_slowpath` */
  private *allocateSlowly(): Routine<number> {
    const { zone } = this;
    const { min, low } = zone.watermarks;
    zone.drain();
    if (zone.freeFrames > low) return this.take();
    this.wakeKswapd();
    return (yield* this.reclaimUntil('machine', () => zone.freeFrames > min)) ? this.take() : -1;
  }

  /** @returns the frame, or -1 when the cgroup has no room and nothing to reclaim. `try_charge_memcg` */
  private *charge(cgroup: MemoryCgroup, pfn: number): Routine<number> {
    if (this.scheduler.current.owner === undefined) return pfn;
    if (cgroup.full && !(yield* this.reclaimUntil('cgroup', () => !cgroup.full))) {
      this.put(pfn);
      return -1;
    }
    cgroup.charge(pfn);
    return pfn;
  }

  /** For those who free more than they take. */
  private chargeAnyway(pfn: number): number {
    if (pfn >= 0 && this.scheduler.current.owner !== undefined) this.cgroup?.charge(pfn);
    return pfn;
  }

  /** @returns false when nothing is left to reclaim and nobody to kill. */
  private *reclaimUntil(shortage: Shortage, enough: () => boolean): Routine<boolean> {
    for (let vain = 0; !enough();) {
      const freed = yield* this.reclaimDirectly(shortage);
      this.zone.drain();
      vain = freed > 0 ? 0 : vain + 1;
      if (vain < RECLAIM_RETRIES || enough()) continue;
      if (this.outOfMemory === undefined || !(yield* this.outOfMemory(shortage))) return false;
      vain = 0;
    }
    return true;
  }

  private *reclaimDirectly(shortage: Shortage): Routine<number> {
    if (this.reclaimer === undefined) return 0;
    this.directReclaims++;
    const task = this.scheduler.current;
    task.reclaimDepth++;
    const freed = yield* this.reclaimer(RECLAIM_BATCH, shortage);
    task.reclaimDepth--;
    if (this.scheduler.preemptive) yield point(PointKind.FrameFree, 0);
    return freed;
  }

  /** Reclaim gives back more than it takes: it may have the last frame. */
  private takeReserve(): number {
    let pfn = this.take();
    if (pfn < 0) {
      this.zone.drain();
      pfn = this.take();
    }
    return this.chargeAnyway(pfn);
  }

  private take(): number {
    const pfn = this.zone.take(this.scheduler.current.cpu);
    if (pfn < 0) return -1;
    this.allocations++;
    this.table.reset(pfn);
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.FrameAllocate, pfn);
    return pfn;
  }

  private free(pfn: number): void {
    const { table } = this;
    assert((table.flags[pfn] & FrameFlags.Reserved) === 0, 'a reserved frame keeps its reference', pfn);
    assert(table.mapcount[pfn] === 0, 'a freed frame is mapped nowhere', pfn);
    if (table.has(pfn, FrameFlags.Lru)) this.removeFromLru(pfn);
    this.cgroup?.uncharge(pfn);
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.FrameFree, pfn);
    this.observer?.frameFreed(pfn);
    this.frees++;
    this.zone.give(this.scheduler.current.cpu, pfn);
  }
}
