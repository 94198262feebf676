/** The folio lock: one bit per frame, under which a page's place in the page cache or swap cache is stable. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { LockClasses } from '../locking/lock-order.ts';
import type { HeldLock, Lockdep } from '../locking/lockdep.ts';
import { ObjectBase, PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import { FrameFlags, type FrameTable } from './frame-table.ts';

export class FolioLocks {
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly frames: FrameTable;
  private readonly queue: WaitQueue;
  private readonly token: HeldLock = { name: 'folio lock', lockClass: LockClasses.folio };

  constructor(scheduler: Scheduler, lockdep: Lockdep, frames: FrameTable) {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.frames = frames;
    this.queue = new WaitQueue(scheduler, 'folio lock');
  }

  /** @sleeps May. The caller holds a reference on the frame. */
  *lock(pfn: number): Routine<void> {
    this.scheduler.mightSleep('folio lock');
    this.lockdep.check(this.token);
    const free = (): boolean => !this.frames.has(pfn, FrameFlags.Locked);
    if (!this.queue.passes(free)) yield* this.queue.until(PointKind.LockAcquire, free, ObjectBase.folioLock + pfn);
    this.take(pfn);
  }

  tryLock(pfn: number): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.TryLock, ObjectBase.folioLock + pfn);
    if (this.frames.has(pfn, FrameFlags.Locked)) return false;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockAcquire, ObjectBase.folioLock + pfn);
    this.take(pfn);
    return true;
  }

  unlock(pfn: number): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockRelease, ObjectBase.folioLock + pfn);
    this.lockdep.released(this.token);
    this.frames.clear(pfn, FrameFlags.Locked);
    this.queue.freed();
  }

  private take(pfn: number): void {
    this.frames.set(pfn, FrameFlags.Locked);
    this.lockdep.acquired(this.token);
  }
}
