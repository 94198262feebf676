/**
 * Lockdep: every blocking acquisition adds edges "held before", and an edge against the lock tree, or one that closes a
 * cycle, is reported even if this run got away with it. Trylocks add no edges. Two locks of one class nest only where
 * the acquirer says so (fork's child, mremap's second table, `mm_take_all_locks`). A lock that interrupts take
 * is reported when somebody takes it with interrupts on.
 *
 * Driver locks have one rank for hooks called outside (55) and inside (67) the page-table lock, so they are checked by
 * cycles alone. Mirrors the idea of `kernel/locking/lockdep.c`.
 */
import type { Scheduler } from '../sched/scheduler.ts';
import { CALLERS_OF_HOOKS, CONFLICTS, CORE_CLASSES, type LockClass, LockClasses } from './lock-order.ts';

/** What a task holds. */
export interface HeldLock {
  readonly name: string;
  readonly lockClass: LockClass;
  /** Who wants it spins: an interrupt that does so on its holder's CPU waits for ever. */
  readonly spins?: boolean;
}

/**
 * How an acquisition stands to held locks of its class: `single`, there is none; `nested`, the caller knows the order;
 * `all`, it is one of any number for which the caller holds one token (`down_write_nest_lock`).
 */
export type Nesting = 'nested' | 'single' | 'all';

const DRIVER_RANK = LockClasses.driver.rank;
const FS_RECLAIM: HeldLock = { name: 'memory that reclaim may have to free', lockClass: LockClasses.fsReclaim };
const IN_INTERRUPT = 1;
const INTERRUPTS_ON = 2;

export class Lockdep {
  private readonly scheduler: Scheduler;
  private readonly order: 'checked' | 'unchecked';
  private readonly classes: LockClass[] = [...Object.values(LockClasses)];
  private readonly driverClasses = new Map<string, LockClass>();
  /** One row for each class: 1 where the class of the column was acquired under it. */
  private readonly after: Uint8Array[] = [];
  /** `IN_INTERRUPT` and `INTERRUPTS_ON`, by class. */
  private readonly usage: number[] = [];

  /** @param order - `unchecked`: a wrong order is reported when it has led to a deadlock, and not before. */
  constructor(scheduler: Scheduler, order: 'checked' | 'unchecked' = 'checked') {
    this.scheduler = scheduler;
    this.order = order;
    for (const name of CALLERS_OF_HOOKS) this.addEdge(LockClasses[name].id, LockClasses.notifierMap.id);
  }

  /** The class of a driver's locks of that name: one in each machine. */
  driverClass(name: string): LockClass {
    let known = this.driverClasses.get(name);
    if (known === undefined) {
      known = { id: this.classes.length, name, rank: DRIVER_RANK };
      this.classes.push(known);
      this.driverClasses.set(name, known);
    }
    return known;
  }

  /** Before a blocking acquisition. */
  check(lock: HeldLock, nesting: Nesting = 'single'): void {
    if (this.order === 'unchecked') return;
    const task = this.scheduler.current;
    const { held } = task;
    for (let i = 0; i < held.length; i++) {
      const from = held[i].lockClass;
      const row = this.after[from.id];
      if (row !== undefined && row[lock.lockClass.id] === 1) continue;
      if (held[i] === lock) this.report(`${task.name} acquires ${lock.name}, which it holds already`);
      this.checkPair(held[i], lock, nesting);
    }
  }

  /** Before an allocation that may reclaim: nothing may be held that reclaim, or a callback inside it, takes. */
  mightReclaim(): void {
    this.check(FS_RECLAIM);
  }

  enterReclaim(): void {
    this.acquired(FS_RECLAIM);
  }

  leaveReclaim(): void {
    this.released(FS_RECLAIM);
  }

  acquired(lock: HeldLock, nesting: Nesting = 'single'): void {
    const { current: task, tracer } = this.scheduler;
    if (nesting !== 'all') task.held.push(lock);
    tracer?.lockAcquired?.(lock);
    if (!lock.spins) return;
    if (task.kind === 'interrupt') this.use(lock, IN_INTERRUPT);
    else if (task.irqsOff === 0) this.use(lock, INTERRUPTS_ON);
  }

  released(lock: HeldLock, nesting: Nesting = 'single'): void {
    if (nesting !== 'all') this.forget(lock);
    this.scheduler.tracer?.lockReleased?.(lock);
  }

  holds(lock: HeldLock): boolean {
    return this.scheduler.current.held.includes(lock);
  }

  holdsClass(lockClass: LockClass): boolean {
    return this.scheduler.current.held.some((held) => held.lockClass === lockClass);
  }

  private forget(lock: HeldLock): void {
    const { held, name } = this.scheduler.current;
    if (held[held.length - 1] === lock) {
      held.pop();
      return;
    }
    const at = held.lastIndexOf(lock);
    if (at < 0) this.scheduler.fail('lock-misuse', `${name} releases ${lock.name}, which it does not hold`);
    held.splice(at, 1);
  }

  /** Slow path of `check`: an edge that is not known. */
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
    if (CONFLICTS.some(([a, b]) => from === LockClasses[a] && to === LockClasses[b])) {
      this.report(`${this.scheduler.current.name} waits for ${lock.name}, which waits for ${held.name} that it holds`);
    }
    const way = this.wayBetween(to.id, from.id);
    if (way !== undefined) {
      const names = way.map((id) => this.classes[id].name);
      const between = names.length > 2 ? `: ${names.join(', then ')}` : '';
      this.report(`${lock.name} is acquired under ${held.name}, elsewhere the other way round${between}`);
    }
    this.addEdge(from.id, to.id);
  }

  private use(lock: HeldLock, bit: number): void {
    const { id, name } = lock.lockClass;
    const used = this.usage[id] ?? 0;
    if ((used & bit) !== 0) return;
    this.usage[id] = used | bit;
    if (this.usage[id] === (IN_INTERRUPT | INTERRUPTS_ON)) {
      this.report(`${name} is taken in an interrupt, and elsewhere with interrupts on: one CPU can wait for itself`);
    }
  }

  private addEdge(from: number, to: number): void {
    let row = this.after[from] ?? new Uint8Array(2 * CORE_CLASSES);
    if (to >= row.length) {
      const longer = new Uint8Array(2 * to);
      longer.set(row);
      row = longer;
    }
    row[to] = 1;
    this.after[from] = row;
  }

  /** Classes on a way of edges from one to the other, both included. */
  private wayBetween(from: number, to: number): number[] | undefined {
    const before = new Map<number, number>([[from, -1]]);
    for (const id of before.keys()) {
      if (id === to) {
        const way = [];
        for (let at = to; at >= 0; at = before.get(at) as number) way.unshift(at);
        return way;
      }
      this.after[id]?.forEach((edge, next) => {
        if (edge === 1 && !before.has(next)) before.set(next, id);
      });
    }
    return undefined;
  }

  private report(message: string): never {
    this.scheduler.fail('lock-order', message);
  }
}
