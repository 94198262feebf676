/** Schedulers and strategies for tests of locks and of interleavings. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { Lockdep } from '../src/locking/lockdep.ts';
import { PointKind, point } from '../src/sched/preemption-point.ts';
import { Scheduler } from '../src/sched/scheduler.ts';
import { type Strategy, SeededStrategy } from '../src/sched/strategy.ts';

export interface Bench {
  readonly scheduler: Scheduler;
  readonly lockdep: Lockdep;
}

/** Direct mode: tasks run until they block, in the order in which they were started. */
export function direct(): Bench {
  const scheduler = new Scheduler(2);
  return { scheduler, lockdep: new Lockdep(scheduler) };
}

export function seeded(seed: number): Bench {
  return under(new SeededStrategy(seed));
}

export function under(strategy: Strategy): Bench {
  const scheduler = new Scheduler(2, strategy);
  return { scheduler, lockdep: new Lockdep(scheduler) };
}

/** A step that others may come before. */
export function* pause({ scheduler }: Bench): Routine<void> {
  if (scheduler.preemptive) yield point(PointKind.Explicit, 0);
}

/** Plain code as a routine. */
export function* plain<T>(action: () => T): Routine<T> {
  return action();
}
