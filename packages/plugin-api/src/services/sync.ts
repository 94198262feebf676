/** Locks, waiting and read-copy-update, all seen by the scheduler and by lockdep. */
import type { Routine } from '../routine.ts';

/** Held for short, never slept under. @public */
export interface SpinLock {
  acquire(): Routine<void>;
  tryAcquire(): boolean;
  release(): void;
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
  wakeAll(): void;
  wakeOne(): void;
}

/** One event that happens once, until re-armed. @public */
export interface Completion {
  wait(): Routine<void>;
  completeAll(): void;
  reinit(): void;
}

/** Sleepable read-copy-update: readers may block, `synchronize` waits for those that began before it. @public */
export interface Srcu {
  readLock(): number;
  readUnlock(token: number): void;
  synchronize(): Routine<void>;
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

/** Makes synchronisation objects; `name` is what lockdep and schedules print. @public */
export interface SyncService {
  spinLock(name: string): SpinLock;
  mutex(name: string): Mutex;
  rwSemaphore(name: string): RwSemaphore;
  rwLock(name: string): RwLock;
  waitQueue(name: string): WaitQueue;
  completion(name: string): Completion;
  srcu(name: string): Srcu;
  atomic(name: string, initial?: number): Atomic;
  /** A place where the world may change, between two plain steps. */
  preempt(name: string): Routine<void>;
  /** Reports `sleep in atomic` when the current task may not sleep here. */
  mightSleep(): void;
}
