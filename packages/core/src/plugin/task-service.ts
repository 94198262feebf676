/** Tasks, deferred work, timers and interrupts for drivers. */
import type { InterruptService, Outcome, Routine, TaskHandle, TaskService } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { Completion } from '../locking/completion.ts';
import { InterruptTimer } from '../sched/interrupt-timer.ts';
import { waitForOutside } from '../sched/live.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WorkQueue } from '../sched/work-queue.ts';

export function taskService({ scheduler, lockdep }: Pick<Kernel, 'scheduler' | 'lockdep'>): TaskService {
  return {
    kernelThread: (name, body, lifetime = 'ends') => kernelThread(scheduler, name, body, lifetime),
    workQueue: (name, order) => new WorkQueue(scheduler, lockdep, name, order),
    timer: (name, handler) => new InterruptTimer(scheduler, lockdep, name, handler),
    sleep: (nanoseconds) => scheduler.sleep(nanoseconds),
    now: () => scheduler.now,
    live: scheduler.live !== undefined,
    waitFor: <T>(promise: PromiseLike<T>, what: string): Routine<Outcome<T>> =>
      waitForOutside(scheduler, promise, what),
    inReclaim: () => scheduler.current.reclaimDepth > 0,
  };
}

export function interruptService({ scheduler }: Pick<Kernel, 'scheduler'>): InterruptService {
  const { interrupts } = scheduler;
  return {
    raise(name, cpu, handler) {
      if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < scheduler.cpus)) {
        throw new UsageError('bad-cpu', `${name} interrupts CPU ${cpu}, expected one below ${scheduler.cpus}`);
      }
      interrupts.raise(name, cpu, handler);
    },
    callOnCpus: (mask, handler) => interrupts.callOnCpus(mask, handler),
    save: () => interrupts.save(),
    restore: () => interrupts.restore(),
  };
}

function kernelThread(
  scheduler: Scheduler,
  name: string,
  body: () => Routine<void>,
  lifetime: 'ends' | 'daemon',
): TaskHandle {
  const ended = new Completion(scheduler, `end of ${name}`);
  const routine = (function* (): Routine<void> {
    yield* body();
    ended.completeAll();
  })();
  const task = scheduler.spawn(name, routine, undefined, lifetime);
  return {
    name,
    get done() {
      return task.done;
    },
    join: () => ended.wait(),
  };
}
