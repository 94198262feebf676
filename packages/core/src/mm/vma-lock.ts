/**
 * Per-VMA locks: a fault that finds its VMA locks that alone, so that faults elsewhere do not wait for a change of the
 * mm. Mirrors `include/linux/mmap_lock.h` and `mm/mmap_lock.c` of Linux 6.18.
 *
 *     reader   tries; never waits. It fails where the VMA is marked, and takes mmapLock instead.
 *     writer   holds mmapLock for writing, marks each VMA before it changes anything of it, and waits for its readers.
 *     the end  of all marks is one step: releasing or downgrading mmapLock moves `sequence` on.
 *
 * A window may be open under a VMA's read lock, hence `mm_take_all_locks` marks every VMA.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { HeldLock, Nesting } from '../locking/lockdep.ts';
import { RwSemaphore } from '../locking/rw-semaphore.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import type { MmStruct } from './mm-struct.ts';
import type { Vma } from './vma.ts';

/** The lock of an mm's VMAs. */
export class MmapLock extends RwSemaphore {
  /** Who waits for the readers of a VMA. */
  readonly vmaWriters: WaitQueue = new WaitQueue(this.scheduler, `VMA writers under ${this.name}`);
  /** A VMA whose `lockSeq` is this number is marked. `mm_lock_seq` */
  sequence = 1;

  override releaseWrite(nesting: Nesting = 'single'): void {
    this.unmark();
    super.releaseWrite(nesting);
  }

  override downgrade(): void {
    this.unmark();
    super.downgrade();
  }

  private unmark(): void {
    this.sequence++;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Atomic, this.vmaWriters.id);
  }
}

/** What a writer of a VMA needs of the kernel. */
export type LockRooms = Pick<Kernel, 'scheduler' | 'lockdep'>;

/** Lockdep's name for a writer that waits for readers. */
const WRITE_MARK: HeldLock = { name: 'the write mark of a VMA', lockClass: LockClasses.vmaWrite };

/**
 * The VMA of `address`, read-locked; `undefined` where there is none or a writer has marked it. `lock_vma_under_rcu`
 *
 * @sleeps Never.
 */
export function tryLockVma(kernel: Kernel, mm: MmStruct, address: number): Vma | undefined {
  const vma = mm.vmas.at(address);
  if (vma === undefined) {
    kernel.stats.vmaLock['miss']++;
    return undefined;
  }
  if (isMarked(vma)) {
    kernel.stats.vmaLock['abort']++;
    return undefined;
  }
  lockVma(kernel, vma);
  return vma;
}

/** Whether a writer keeps new readers out. */
export function isMarked(vma: Vma): boolean {
  return vma.lockSeq === vma.mm.mmapLock.sequence;
}

/** A reader of a VMA that is not marked, in the same step. */
export function lockVma(kernel: Kernel, vma: Vma): void {
  if (kernel.scheduler.preemptive) kernel.scheduler.note(PointKind.Add, vma.mm.vmaWriters.id);
  vma.readers++;
  kernel.lockdep.acquired(vma);
}

/** `vma_end_read` */
export function unlockVma(kernel: Kernel, vma: Vma): void {
  kernel.lockdep.released(vma);
  const { vmaWriters } = vma.mm;
  if (kernel.scheduler.preemptive) kernel.scheduler.note(PointKind.Add, vmaWriters.id);
  if (--vma.readers === 0 && vmaWriters.sleepers > 0) vmaWriters.wakeAll();
}

/**
 * Marks a VMA before it is changed: until mmapLock is released, no fault goes on under the VMA's own lock.
 *
 * @locks mmapLock held for writing, and nothing that a fault may wait for. @sleeps May: waits for readers.
 * `vma_start_write`
 */
export function* startVmaWrite({ scheduler, lockdep }: LockRooms, vma: Vma): Routine<void> {
  const { mmapLock, vmaWriters } = vma.mm;
  assert(mmapLock.writeHeld, 'a VMA is marked under mmapLock for writing', vma.start);
  if (vma.lockSeq === mmapLock.sequence) return;
  scheduler.mightSleep(vmaWriters.name);
  if (scheduler.preemptive) yield point(PointKind.Atomic, vmaWriters.id);
  lockdep.check(WRITE_MARK);
  vma.lockSeq = mmapLock.sequence;
  yield* vmaWriters.waitUntil(() => vma.readers === 0);
}

/** `startVmaWrite` without a routine, as `SpinLock.acquireNow`. @returns false where the routine is needed. */
export function startVmaWriteNow({ scheduler, lockdep }: LockRooms, vma: Vma): boolean {
  const { mmapLock } = vma.mm;
  assert(mmapLock.writeHeld, 'a VMA is marked under mmapLock for writing', vma.start);
  if (vma.lockSeq === mmapLock.sequence) return true;
  if (scheduler.preemptive || vma.readers > 0) return false;
  lockdep.check(WRITE_MARK);
  vma.lockSeq = mmapLock.sequence;
  return true;
}

/** A VMA that no fault has seen yet comes into the tree marked. @locks mmapLock held for writing. */
export function markNewVma(vma: Vma): void {
  vma.lockSeq = vma.mm.mmapLock.sequence;
}

/** `vma_assert_write_locked` */
export function assertVmaMarked(vma: Vma): void {
  assert(vma.lockSeq === vma.mm.mmapLock.sequence && vma.readers === 0, 'a VMA that changes is marked', vma.start);
}
