/**
 * Locks, waiting and read-copy-update, all seen by the scheduler and by lockdep: an order that can deadlock is reported
 * even if this run got away with it. A try adds no order.
 */
import type { Routine } from '../routine.ts';

/** Held for short, never slept under. @public */
export interface SpinLock {
  acquire(): Routine<void>;
  /**
   * `acquire` without a routine, where nobody could see the difference: while nothing preempts, of a lock that nobody
   * holds. @returns whether it is held now; if not, `yield* acquire()`.
   */
  acquireNow(): boolean;
  tryAcquire(): boolean;
  release(): void;
  /** As `acquire`, with interrupts of this CPU off until `releaseIrq`: for a lock that an interrupt takes too. */
  acquireIrq(): Routine<void>;
  releaseIrq(): void;
  readonly held: boolean;
}

/** May be slept under. @public */
export interface Mutex {
  acquire(): Routine<void>;
  tryAcquire(): boolean;
  release(): void;
  readonly held: boolean;
}

/** Many readers or one writer; may be slept under. @public */
export interface RwSemaphore {
  acquireRead(): Routine<void>;
  acquireWrite(): Routine<void>;
  tryAcquireRead(): boolean;
  tryAcquireWrite(): boolean;
  releaseRead(): void;
  releaseWrite(): void;
  /** Turns the writer into a reader without letting another writer in. */
  downgrade(): void;
}

/** Many readers or one writer; never slept under. @public */
export interface RwLock {
  acquireRead(): Routine<void>;
  acquireWrite(): Routine<void>;
  releaseRead(): void;
  releaseWrite(): void;
}

/** Tasks that wait for a condition. @public */
export interface WaitQueue {
  /** Sleeps until `condition` holds; re-tested after each wake. */
  waitUntil(condition: () => boolean): Routine<void>;
  /** As `waitUntil`; a signal that is pending for the process of the current task ends it with `EINTR`. */
  waitInterruptible(condition: () => boolean): Routine<'EINTR' | undefined>;
  /** As `waitUntil`, for so much virtual time at most. @returns whether the condition holds. */
  waitTimeout(condition: () => boolean, nanoseconds: number): Routine<boolean>;
  wakeAll(): void;
  wakeOne(): void;
}

/** An event. @public */
export interface Completion {
  /** Sleeps until it is complete; uses up one `complete`. */
  wait(): Routine<void>;
  /** As `wait`; a pending signal ends it with `EINTR`. */
  waitInterruptible(): Routine<'EINTR' | undefined>;
  /** As `wait`, for so much virtual time at most. @returns whether it was in time. */
  waitTimeout(nanoseconds: number): Routine<boolean>;
  /** Lets one waiter through, now or later. */
  complete(): void;
  /** Lets everybody through until `reinit`. */
  completeAll(): void;
  reinit(): void;
}

/**
 * Read-copy-update: `synchronize` waits for the readers that began before it. Readers of an SRCU domain may sleep, those
 * of RCU may not. A grace period that is waited for inside a read section of its domain, or under a lock that such a
 * section takes, is reported.
 * @public
 */
export interface Srcu {
  /** Nests. Never sleeps. @returns what `readUnlock` wants. */
  readLock(): number;
  readUnlock(token: number): void;
  /** Sleeps. */
  synchronize(): Routine<void>;
  /** Runs `action`, which is plain code, once the readers that are inside now have left. */
  call(action: () => void): void;
  /** Sleeps until every action given to `call` has run. */
  barrier(): Routine<void>;
}

/**
 * Readers take no lock and look again when a writer came between. Writers hold a lock of their own from `writeBegin` to
 * `writeEnd`.
 * @public
 */
export interface SeqCount {
  /** Spins while somebody writes. @returns what `readRetry` wants. */
  readBegin(): Routine<number>;
  /** Whether what was read since `readBegin` may be torn. */
  readRetry(sequence: number): boolean;
  writeBegin(): void;
  writeEnd(): void;
}

/** Ordered accesses that the checker sees as one object. @public */
export interface Atomic {
  /** Reads the value; a preemption point. */
  load(): Routine<number>;
  /** Writes the value; a preemption point. */
  store(value: number): Routine<void>;
  /** Adds and answers the new value; a preemption point. */
  add(delta: number): Routine<number>;
  /** The value now, without a preemption point: under a lock that guards it, or for statistics. */
  readonly value: number;
}

/**
 * Plain state of a driver that its tasks use without a lock in common: tables that a device walks, flags that are read
 * outside of their lock. A checker tries both orders of two uses of it, one of which changes it; what is not declared
 * must be under one lock, or in a step that begins at a point that touches anything (`SyncService.preempt`).
 * @public
 */
export interface SharedState {
  /** The step under way reads it. Never sleeps. */
  reads(): void;
  /** The step under way changes it. Never sleeps. */
  changes(): void;
}

/** Makes synchronisation objects; `name` is what lockdep and schedules print. @public */
export interface SyncService {
  /** Whether others may run between two plain steps. Where not, plain code may stand for a routine that never waits. */
  readonly preemptive: boolean;
  spinLock(name: string): SpinLock;
  mutex(name: string): Mutex;
  rwSemaphore(name: string): RwSemaphore;
  rwLock(name: string): RwLock;
  waitQueue(name: string): WaitQueue;
  completion(name: string): Completion;
  /** A domain of its own. */
  srcu(name: string): Srcu;
  /** The one RCU domain of the machine; its readers must not sleep. */
  readonly rcu: Srcu;
  seqCount(name: string): SeqCount;
  atomic(name: string, initial?: number): Atomic;
  /**
   * A place where the world may change, between two plain steps. To a checker the step behind it may touch `anything`,
   * which costs it many orders; or no more than what it has `declared` (`sharedState`), and what names itself.
   */
  preempt(name: string, touches?: 'anything' | 'declared'): Routine<void>;
  /** Declares state, so that a checker need not take it for touched by every step. */
  sharedState(name: string): SharedState;
  /** Reports `sleep in atomic` when the current task may not sleep here. */
  mightSleep(): void;
  /**
   * Says that the driver allocates here in a way that may reclaim memory. Reported under any lock that reclaim, or a
   * callback inside it, takes: there an allocation must not reclaim, and says nothing.
   */
  mightReclaim(): void;
}
