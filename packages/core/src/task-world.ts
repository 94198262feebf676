/**
 * Tasks and what they synchronise by, without any memory: enough to write down a protocol and to try its interleavings
 * before there is a driver. The objects are those that a driver gets from its host.
 */
import type { InterruptService, Routine, SyncService, TaskService } from '@mmu-notifier/plugin-api';
import { Lockdep } from './locking/lockdep.ts';
import { Srcu } from './locking/srcu.ts';
import { SyncObjects } from './plugin/sync-objects.ts';
import { interruptService, taskService } from './plugin/task-service.ts';
import { Scheduler } from './sched/scheduler.ts';
import type { Strategy } from './sched/strategy.ts';

/** What a world of tasks may be told. @public */
export interface TaskWorldConfig {
  /** 4 unless given. */
  readonly cpus?: number;
  /** `unchecked`: lockdep says nothing of the order of locks, so that a deadlock has to be met. */
  readonly lockOrder?: 'checked' | 'unchecked';
}

/**
 * A machine of tasks alone.
 * @public
 */
export class TaskWorld {
  readonly sync: SyncService;
  readonly tasks: TaskService;
  readonly interrupts: InterruptService;
  private readonly scheduler: Scheduler;

  /** @param strategy - Who runs next; without one a task runs until it blocks. */
  constructor(strategy?: Strategy, { cpus = 4, lockOrder = 'checked' }: TaskWorldConfig = {}) {
    const scheduler = new Scheduler(cpus, strategy);
    const lockdep = new Lockdep(scheduler, lockOrder);
    const rcu = new Srcu(scheduler, lockdep, lockdep.driverClass('rcu'), 'rcu', 'never');
    this.scheduler = scheduler;
    this.sync = new SyncObjects({ scheduler, lockdep, rcu });
    this.tasks = taskService({ scheduler, lockdep });
    this.interrupts = interruptService({ scheduler });
  }

  /** Starts a task; it runs in `runAll`. */
  spawn(name: string, routine: Routine<unknown>): void {
    this.scheduler.spawn(name, routine);
  }

  /** Runs until every task has ended. @throws ContractViolation for a deadlock, or what lockdep finds. */
  runAll(): void {
    this.scheduler.runAll();
  }

  choose(count: number, what: string): number {
    return this.scheduler.choose(count, what);
  }

  /** Reports a broken rule of the protocol that is tried, with the schedule that led to it. */
  fail(rule: string, message: string): never {
    return this.scheduler.fail(rule, message);
  }
}
