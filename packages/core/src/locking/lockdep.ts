/**
 * Lockdep: every blocking acquisition adds edges "held before", and an edge against the lock tree, or one that closes a
 * cycle, is reported even if this run got away with it. Trylocks add no edges. Two locks of one class nest only where
 * the acquirer says so (fork's child, mremap's second table) or under `mm_all_locks_mutex`.
 *
 * Driver locks have one rank for hooks called outside (55) and inside (67) the page-table lock, so they are checked by
 * cycles alone. Mirrors the idea of `kernel/locking/lockdep.c`.
 */
import type { Scheduler } from '../sched/scheduler.ts';
import { type LockClass, LockClasses } from './lock-order.ts';

/** What a task holds. */
export interface HeldLock {
  readonly name: string;
  readonly lockClass: LockClass;
}

/**
 * How an acquisition stands to held locks of its class: `single`, there is none; `nested`, the caller knows the order;
 * `all`, it is one of any number for which the caller holds one token (`down_write_nest_lock`).
 */
export type Nesting = 'nested' | 'single' | 'all';

const DRIVER_RANK = LockClasses.driver.rank;

export class Lockdep {
  private readonly scheduler: Scheduler;
  /** `from.id` to the ids of the classes acquired while it was held. */
  private readonly after: (Set<number> | undefined)[] = [];
  /** The same as a matrix, for what every acquisition asks. */
  private readonly known: (boolean[] | undefined)[] = [];
  private readonly classNames = new Map<number, string>();

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  /** Before a blocking acquisition. */
  check(lock: HeldLock, nesting: Nesting = 'single'): void {
    const task = this.scheduler.current;
    const { held } = task;
    const to = lock.lockClass.id;
    for (let i = 0; i < held.length; i++) {
      const outer = held[i];
      if (outer === lock) this.report(`${task.name} acquires ${lock.name}, which it holds already`);
      if (this.known[outer.lockClass.id]?.[to] !== true) this.checkPair(outer, lock, nesting);
    }
  }

  acquired(lock: HeldLock, nesting: Nesting = 'single'): void {
    if (nesting !== 'all') this.scheduler.current.held.push(lock);
    this.scheduler.tracer?.lockAcquired?.(lock);
  }

  released(lock: HeldLock, nesting: Nesting = 'single'): void {
    if (nesting !== 'all') this.forget(lock);
    this.scheduler.tracer?.lockReleased?.(lock);
  }

  private forget(lock: HeldLock): void {
    const { held, name } = this.scheduler.current;
    const at = held.lastIndexOf(lock);
    if (at < 0) this.scheduler.fail('lock-misuse', `${name} releases ${lock.name}, which it does not hold`);
    if (at === held.length - 1) held.pop();
    else held.splice(at, 1);
  }

  holds(lock: HeldLock): boolean {
    return this.scheduler.current.held.includes(lock);
  }

  holdsClass(lockClass: LockClass): boolean {
    return this.scheduler.current.held.some((held) => held.lockClass === lockClass);
  }

  private checkPair(held: HeldLock, lock: HeldLock, nesting: Nesting): void {
    const from = held.lockClass;
    const to = lock.lockClass;
    if (from === to) {
      if (nesting !== 'single') return;
      this.report(`${this.scheduler.current.name} acquires ${lock.name} while it holds ${held.name} of the same class`);
    }
    if (from.rank > to.rank && from.rank !== DRIVER_RANK && to.rank !== DRIVER_RANK) {
      this.report(`${lock.name} is acquired under ${held.name}; the lock tree has ${to.name} outside ${from.name}`);
    }
    this.classNames.set(from.id, from.name).set(to.id, to.name);
    if (this.reaches(to.id, from.id)) {
      this.report(`${lock.name} is acquired under ${held.name}, elsewhere the other way round`);
    }
    (this.after[from.id] ??= new Set()).add(to.id);
    (this.known[from.id] ??= [])[to.id] = true;
  }

  private reaches(from: number, to: number): boolean {
    const seen = new Set<number>();
    const stack = [from];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (id === to) return true;
      if (seen.has(id)) continue;
      seen.add(id);
      for (const next of this.after[id] ?? []) stack.push(next);
    }
    return false;
  }

  private report(message: string): never {
    this.scheduler.fail('lock-order', message);
  }
}
