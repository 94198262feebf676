/** Synchronisation objects for drivers: core's own, with a lock class for each name, so that lockdep sees them. */
import type {
  Atomic,
  Completion,
  Mutex,
  Routine,
  RwLock,
  RwSemaphore,
  SeqCount,
  SharedState,
  SpinLock,
  Srcu,
  SyncService,
  WaitQueue,
} from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { Completion as CoreCompletion } from '../locking/completion.ts';
import { Mutex as CoreMutex } from '../locking/mutex.ts';
import { RwSemaphore as CoreRwSemaphore } from '../locking/rw-semaphore.ts';
import { SeqCount as CoreSeqCount } from '../locking/seqcount.ts';
import { SpinLock as CoreSpinLock } from '../locking/spinlock.ts';
import { Srcu as CoreSrcu } from '../locking/srcu.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedState as CoreSharedState } from '../sched/shared-state.ts';
import { NOTHING } from '../sched/nothing.ts';
import { WaitQueue as CoreWaitQueue } from '../sched/wait-queue.ts';

/** The part of a machine that they are made of. */
type Rooms = Pick<Kernel, 'scheduler' | 'lockdep' | 'rcu'>;

export class SyncObjects implements SyncService {
  readonly preemptive: boolean;
  private readonly kernel: Rooms;
  /** Objects of named preemption points. */
  private readonly places = new Map<string, number>();

  constructor(kernel: Rooms) {
    this.kernel = kernel;
    this.preemptive = kernel.scheduler.preemptive;
  }

  spinLock(name: string): SpinLock {
    return new CoreSpinLock(this.kernel.scheduler, this.kernel.lockdep, this.kernel.lockdep.driverClass(name), name);
  }

  mutex(name: string): Mutex {
    return new CoreMutex(this.kernel.scheduler, this.kernel.lockdep, this.kernel.lockdep.driverClass(name), name);
  }

  rwSemaphore(name: string): RwSemaphore {
    return new CoreRwSemaphore(this.kernel.scheduler, this.kernel.lockdep, this.kernel.lockdep.driverClass(name), name);
  }

  rwLock(name: string): RwLock {
    return new CoreRwSemaphore(
      this.kernel.scheduler,
      this.kernel.lockdep,
      this.kernel.lockdep.driverClass(name),
      name,
      'never',
    );
  }

  waitQueue(name: string): WaitQueue {
    return new CoreWaitQueue(this.kernel.scheduler, name);
  }

  completion(name: string): Completion {
    return new CoreCompletion(this.kernel.scheduler, name);
  }

  srcu(name: string): Srcu {
    const { scheduler, lockdep } = this.kernel;
    return new CoreSrcu(scheduler, lockdep, lockdep.driverClass(name), name);
  }

  get rcu(): Srcu {
    return this.kernel.rcu;
  }

  seqCount(name: string): SeqCount {
    return new CoreSeqCount(this.kernel.scheduler, name);
  }

  atomic(name: string, initial = 0): Atomic {
    return new CoreAtomic(this.kernel.scheduler, name, initial);
  }

  preempt(name: string, touches: 'anything' | 'declared' = 'anything'): Routine<void> {
    return this.preemptive ? this.preemptAt(name, touches) : NOTHING;
  }

  sharedState(name: string): SharedState {
    const { scheduler } = this.kernel;
    return new CoreSharedState(scheduler, scheduler.nextObjectId(name));
  }

  private *preemptAt(name: string, touches: 'anything' | 'declared'): Routine<void> {
    const { scheduler } = this.kernel;
    let place = this.places.get(name);
    if (place === undefined) this.places.set(name, (place = scheduler.placeId(name)));
    yield point(touches === 'declared' ? PointKind.Local : PointKind.Explicit, place);
  }

  mightSleep(): void {
    this.kernel.scheduler.mightSleep('a driver');
  }

  mightReclaim(): void {
    this.kernel.scheduler.mightSleep('a driver that allocates');
    this.kernel.lockdep.mightReclaim();
  }
}

class CoreAtomic implements Atomic {
  private current: number;
  private readonly scheduler: Scheduler;
  private readonly id: number;

  constructor(scheduler: Scheduler, name: string, initial: number) {
    this.scheduler = scheduler;
    this.id = scheduler.nextObjectId(name);
    this.current = initial;
  }

  get value(): number {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.id);
    return this.current;
  }

  *load(): Routine<number> {
    if (this.scheduler.preemptive) yield point(PointKind.AtomicLoad, this.id);
    return this.current;
  }

  *store(value: number): Routine<void> {
    if (this.scheduler.preemptive) yield point(PointKind.Atomic, this.id);
    this.current = value;
  }

  *add(delta: number): Routine<number> {
    if (this.scheduler.preemptive) yield point(PointKind.Atomic, this.id);
    this.current += delta;
    return this.current;
  }
}
