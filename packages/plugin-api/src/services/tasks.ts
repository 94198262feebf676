/** Other tasks of a driver, interrupts, counters and events. */
import type { Routine } from '../routine.ts';

/** A kernel thread or work item. @public */
export interface TaskHandle {
  readonly name: string;
  readonly done: boolean;
  /** Sleeps until the task has ended. */
  join(): Routine<void>;
}

/** One item of deferred work: queued once until it begins, and never run twice at a time. @public */
export interface WorkItem {
  /** Queued, and has not begun. */
  readonly pending: boolean;
  /** Never sleeps: callbacks and interrupts may queue. @returns whether it was not pending already. */
  queue(): boolean;
  /** Queues it after virtual time. @returns whether it was not pending already. */
  queueAfter(nanoseconds: number): boolean;
  /** Sleeps until it neither is pending nor runs. Hold no lock that it takes. */
  flush(): Routine<void>;
  /** Takes it back if it has not begun; it may be running. Never sleeps. @returns whether it did. */
  cancel(): boolean;
  /** `cancel`, then sleeps until it does not run. Hold no lock that it takes. */
  cancelSync(): Routine<boolean>;
}

/** Work that runs in tasks of its own, and may sleep. @public */
export interface WorkQueue {
  item(name: string, body: () => Routine<void>): WorkItem;
  /** Sleeps until all that was queued before has ended. Hold no lock that it takes. */
  flush(): Routine<void>;
}

/** Expires in virtual time; its handler is an interrupt. @public */
export interface InterruptTimer {
  readonly pending: boolean;
  /** Expires that much virtual time from now; one that is pending is put off. Never sleeps. */
  arm(nanoseconds: number): void;
  /** Never sleeps; the handler may be running. @returns whether it was pending. */
  cancel(): boolean;
  /** `cancel`, then sleeps until the handler does not run. Hold no lock that it takes. */
  cancelSync(): Routine<boolean>;
}

/** What became of something outside of the model. @public */
export type Outcome<T> =
  { readonly status: 'fulfilled'; readonly value: T } | { readonly status: 'rejected'; readonly reason: unknown };

/** Deferral. @public */
export interface TaskService {
  /**
   * Starts a kernel thread. Runs wait for its end, unless it is a daemon: that one serves for ever, and a run is over
   * when only daemons are left and each of them waits.
   */
  kernelThread(name: string, body: () => Routine<void>, lifetime?: 'ends' | 'daemon'): TaskHandle;
  /** `ordered`: one item after the other. `unbound`: as many at a time as are queued. */
  workQueue(name: string, order: 'ordered' | 'unbound'): WorkQueue;
  /** The handler must not sleep, and takes only locks that everybody else takes by `acquireIrq`. */
  timer(name: string, handler: () => Routine<void>): InterruptTimer;
  /** Sleeps for virtual time. */
  sleep(nanoseconds: number): Routine<void>;
  /** Virtual time since the machine booted, in nanoseconds. */
  now(): number;
  /** Whether this machine is live, so that `waitFor` works. */
  readonly live: boolean;
  /**
   * Sleeps until a promise of the world outside is settled, while other tasks go on; `what` is what reports print. A
   * failure is an answer. Only on a live machine: elsewhere it throws a UsageError, because no replay could repeat it.
   */
  waitFor<T>(promise: PromiseLike<T>, what: string): Routine<Outcome<T>>;
  /** Whether the current task is inside direct reclaim. */
  inReclaim(): boolean;
}

/**
 * Interrupt context: code that a CPU runs in between. It has no process, must not sleep, and takes spinlocks only that
 * everybody else takes by `acquireIrq`.
 * @public
 */
export interface InterruptService {
  /** The device interrupts a CPU: the handler runs there as soon as interrupts are on. */
  raise(name: string, cpu: number, handler: () => Routine<void>): void;
  /**
   * An IPI to each CPU of a bit set; the caller goes on when each has run `handler`, which is plain code and takes locks
   * by trying. Never sleeps. Hold no lock that an interrupt takes; not with interrupts off.
   */
  callOnCpus(mask: number, handler: (cpu: number) => void): Routine<void>;
  /** Interrupts of this CPU off until `restore`: no IPI is taken here, so a walk without locks stays valid. Nests. */
  save(): void;
  restore(): void;
}

/** Named counters and typed events of a driver. @public */
export interface StatsService {
  /** Makes a counter; `kind` says how to read it. The returned function adds `delta` (default 1). */
  counter(name: string, kind?: 'cumulative' | 'instantaneous' | 'peak'): (delta?: number) => void;
}

/** Typed events for traces. @public */
export interface TraceService {
  /** Whether anybody listens: do not build fields for nobody. */
  readonly enabled: boolean;
  event(name: string, fields: Readonly<Record<string, number | string | boolean>>): void;
}
