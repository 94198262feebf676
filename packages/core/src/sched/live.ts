/**
 * Live mode: tasks may wait for promises (sockets, files, timers of this host), and the run loop gives way to the event
 * loop while nobody can run. Virtual time is the time of a clock that the caller supplies: nothing here knows a real
 * one. The only file of core that waits for a promise; it drives tasks, and none of its order is ours to explore.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { UsageError, assert } from '../contract.ts';
import { PointKind, point } from './preemption-point.ts';
import type { Scheduler } from './scheduler.ts';
import type { WaitQueue } from './wait-queue.ts';

/** Time and turns of the host that a live machine runs on. @public */
export interface LiveClock {
  /** Nanoseconds since some moment; never goes back. */
  now(): number;
  /** Calls `ring` once, `nanoseconds` from now. @returns what calls it off. */
  alarm(nanoseconds: number, ring: () => void): () => void;
  /** Resolves after the event loop has served what was waiting. */
  turn(): Promise<void>;
  /**
   * Blocks this thread until something has happened outside, at most for `nanoseconds`, and serves it: promises that tasks
   * wait for, watchers of links. With it `Machine.run` works too, and the world outside has to live on another thread.
   */
  block?(nanoseconds?: number): void;
}

/** Steps between two looks at the event loop. */
const BATCH = 256;

export class LiveLoop {
  /** Tasks that wait for the world outside. */
  outside = 0;
  private readonly clock: LiveClock;
  private readonly bootedAt: number;
  private ring: (() => void) | undefined;

  constructor(clock: LiveClock) {
    this.clock = clock;
    this.bootedAt = clock.now();
  }

  /** Somebody may run who could not. */
  kick(): void {
    this.ring?.();
  }

  /**
   * Runs until every task has ended, but for daemons.
   *
   * @throws What a task throws, and a deadlock when nobody waits for the world outside.
   */
  async run(scheduler: Scheduler): Promise<void> {
    while (scheduler.unfinished > 0) {
      this.tick(scheduler);
      for (let steps = 0; steps < BATCH && scheduler.runnable > 0; steps++) scheduler.step();
      if (scheduler.unfinished === 0) break;
      if (scheduler.runnable > 0) await this.clock.turn();
      else await this.idle(scheduler);
    }
    while (scheduler.runnable > 0) scheduler.step();
  }

  /** As `idle`, on this thread. @returns false where the clock cannot. */
  block(scheduler: Scheduler): boolean {
    const { clock } = this;
    if (clock.block === undefined) return false;
    const due = scheduler.timers.next;
    if (due === undefined && this.outside === 0) scheduler.deadlock();
    this.tick(scheduler);
    if (scheduler.runnable > 0) return true;
    clock.block(due === undefined ? undefined : Math.max(0, due - scheduler.now));
    this.tick(scheduler);
    return true;
  }

  private tick(scheduler: Scheduler): void {
    scheduler.now = Math.max(scheduler.now, this.clock.now() - this.bootedAt);
    scheduler.timers.expire(scheduler.now);
  }

  /** Sleeps until a kick or until the next timer is due. */
  private async idle(scheduler: Scheduler): Promise<void> {
    const due = scheduler.timers.next;
    if (due === undefined && this.outside === 0) scheduler.deadlock();
    let callOff: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.ring = resolve;
      if (due !== undefined) callOff = this.clock.alarm(Math.max(0, due - scheduler.now), resolve);
    });
    this.ring = undefined;
    callOff?.();
  }
}

/**
 * Waits until `promise` is settled, while other tasks go on; a failure is an answer.
 *
 * @throws UsageError where the machine is not live. @sleeps May.
 */
export function* waitForOutside<T>(
  scheduler: Scheduler,
  promise: PromiseLike<T>,
  what: string,
): Routine<PromiseSettledResult<T>> {
  const { live } = scheduler;
  if (live === undefined) {
    throw new UsageError(
      'not-live',
      `${what} is outside the model, where only a live machine can wait: expected a config with \`live\``,
    );
  }
  scheduler.mightSleep(what);
  const task = scheduler.current;
  const answer: { settled?: PromiseSettledResult<T> } = {};
  const settle = (result: PromiseSettledResult<T>): void => {
    answer.settled = result;
    live.outside--;
    scheduler.wake(task);
  };
  live.outside++;
  promise.then(
    (value) => settle({ status: 'fulfilled', value }),
    (reason: unknown) => settle({ status: 'rejected', reason }),
  );
  task.waitsFor = { name: what };
  while (answer.settled === undefined) {
    scheduler.park();
    yield point(PointKind.Receive, 0);
  }
  task.waitsFor = undefined;
  return answer.settled;
}

/**
 * Waits until `condition` holds, which the world outside makes true and then wakes `queue`; at most for `nanoseconds`.
 *
 * @sleeps May.
 */
export function* waitOutside(
  { live }: Scheduler,
  queue: WaitQueue,
  condition: () => boolean,
  nanoseconds?: number,
): Routine<void> {
  assert(live !== undefined, 'the world outside needs a live machine');
  live.outside++;
  if (nanoseconds === undefined) yield* queue.waitUntil(condition);
  else yield* queue.waitTimeout(condition, nanoseconds);
  live.outside--;
}
