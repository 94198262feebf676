/**
 * The run loop. One source for all modes: leaf operations yield only where `preemptive` says so, so in direct mode an
 * uncontended routine runs to its end without one suspension, and under a strategy every visible step announces itself.
 *
 * A violation that a task throws ends the run: nothing continues on a broken world.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { ContractViolation, type Violation } from '../contract.ts';
import type { MachineTracer } from '../tracing/tracer.ts';
import { PointKind, describePoint, point, pointObject } from './preemption-point.ts';
import type { Strategy } from './strategy.ts';
import { Task, type TaskOwner } from './task.ts';

interface Timer {
  readonly due: number;
  readonly task: Task;
}

/** Steps without an end of any task after which a run is taken for endless: a driver that spins, a retry that never wins. */
const ENDLESS = 20_000_000;

export class Scheduler {
  /** Whether leaf operations must announce themselves by a yield. */
  readonly preemptive: boolean;
  readonly cpus: number;
  /** The rooms below the kernel object find it here. */
  readonly tracer: MachineTracer | undefined;
  /** Virtual nanoseconds since boot. */
  now = 0;
  current: Task;
  private readonly strategy: Strategy | undefined;
  private tasks: Task[] = [];
  private timers: Timer[] = [];
  private last: Task | undefined;
  private taskCount = 0;
  private stepsSinceEnd = 0;
  private readonly objectNames: string[] = [];
  private readonly history: { name: string; steps: number }[] = [];

  constructor(cpus: number, strategy?: Strategy, tracer?: MachineTracer) {
    this.cpus = cpus;
    this.strategy = strategy;
    this.tracer = tracer;
    this.preemptive = strategy !== undefined;
    this.current = this.createTask('boot', undefined);
  }

  /** A dense id for a lock, queue or other object that points name. */
  nextObjectId(name: string): number {
    this.objectNames.push(name);
    return this.objectNames.length - 1;
  }

  /** A task that does not run yet: `run` gives it routines one after the other. */
  createTask(name: string, owner: TaskOwner | undefined, cpu?: number): Task {
    const id = this.taskCount++;
    return new Task(id, name, cpu ?? id % this.cpus, owner);
  }

  /** Starts a routine on a task of its own; it runs when the loop comes to it. */
  spawn(name: string, routine: Routine<unknown>, owner?: TaskOwner): Task {
    const task = this.createTask(name, owner);
    task.routine = routine;
    this.tasks.push(task);
    return task;
  }

  /** Runs `routine` on `task` to its end, driving whatever it waits for. */
  run<T>(task: Task, routine: Routine<T>): T {
    task.routine = routine;
    task.state = 'runnable';
    this.tasks.push(task);
    if (!this.preemptive) this.resume(task);
    while (!task.done) this.step();
    if (!this.preemptive && this.tasks.length > 0) this.runBackground();
    return task.result as T;
  }

  /** Kernel threads go on until each of them waits. */
  private runBackground(): void {
    while (this.tasks.some((task) => task.state === 'runnable')) this.step();
  }

  /** Runs until every task has ended. */
  runAll(): void {
    while (this.tasks.length > 0) this.step();
  }

  /** Whether a pending signal ends an interruptible wait of the current task: the wait answers `EINTR`, once. */
  interrupted(): boolean {
    const { owner } = this.current;
    if (owner === undefined || !owner.signalPending) return false;
    owner.signalPending = false;
    return true;
  }

  choose(count: number, what: string): number {
    return this.strategy ? this.strategy.choose(count, what) : 0;
  }

  /** @sleeps For virtual time: other tasks run, then the clock jumps. */
  *sleep(nanoseconds: number): Routine<void> {
    this.mightSleep('sleep');
    const task = this.current;
    this.timers.push({ due: this.now + nanoseconds, task });
    task.state = 'blocked';
    yield point(PointKind.Timer, 0);
  }

  /** Reports a sleep where the current task must not sleep. */
  mightSleep(what: string): void {
    const task = this.current;
    if (task.atomicDepth > 0) {
      this.fail('sleep-in-atomic', `${task.name} may sleep (${what}) while it holds ${heldNames(task)}`);
    }
    if (task.nonBlockDepth > 0) {
      this.fail('sleep-in-atomic', `${task.name} may sleep (${what}) inside a non-blockable invalidation`);
    }
  }

  /** Throws a violation with everything that is known about the schedule. */
  fail(oracle: string, message: string, details?: Violation['details']): never {
    throw new ContractViolation({
      oracle,
      message,
      task: this.current.name,
      tasks: this.tasks.map((task) => ({ name: task.name, at: this.describe(task) })),
      schedule: this.history.map(({ name, steps }) => (steps === 1 ? name : `${name}*${steps}`)),
      ...(this.strategy?.seed === undefined ? {} : { seed: this.strategy.seed }),
      ...(details === undefined ? {} : { details }),
    });
  }

  /** @throws ContractViolation when nothing has ended for so long that nothing ever will. */
  private step(): void {
    if (++this.stepsSinceEnd > ENDLESS) {
      this.fail('livelock', `no task has ended in ${ENDLESS} steps; the last that ran is ${this.last?.name ?? 'none'}`);
    }
    const runnable = this.tasks.filter((task) => task.state === 'runnable');
    if (runnable.length === 0) {
      this.fireTimer();
      return;
    }
    const index = this.strategy ? this.strategy.pick(runnable, this.last) : 0;
    this.resume(runnable[index]);
  }

  private resume(task: Task): void {
    const before = this.current;
    this.current = task;
    this.last = task;
    if (this.preemptive) this.remember(task);
    this.tracer?.taskRuns?.(task);
    let next: IteratorResult<number, unknown>;
    try {
      next = (task.routine as Routine<unknown>).next();
    } catch (error) {
      // A refused plugin or a bad word ends the routine, not the machine.
      if (!(error instanceof ContractViolation)) this.abandon(task, before);
      throw error;
    }
    if (next.done) {
      task.state = 'done';
      this.stepsSinceEnd = 0;
      task.result = next.value;
      task.routine = undefined;
      if (this.tasks[this.tasks.length - 1] === task) this.tasks.pop();
      else this.tasks.splice(this.tasks.indexOf(task), 1);
      if (task.held.length > 0) this.fail('leaked-lock', `${task.name} ended while it holds ${heldNames(task)}`);
    } else {
      task.at = next.value;
    }
    this.current = before;
  }

  /** Its routine threw. */
  private abandon(task: Task, before: Task): void {
    task.state = 'done';
    task.routine = undefined;
    this.tasks.splice(this.tasks.indexOf(task), 1);
    this.current = before;
  }

  private fireTimer(): void {
    let next: Timer | undefined;
    for (const timer of this.timers) if (next === undefined || timer.due < next.due) next = timer;
    if (next === undefined) this.deadlock();
    this.timers.splice(this.timers.indexOf(next), 1);
    this.now = Math.max(this.now, next.due);
    this.tracer?.clockAdvanced?.(this.now);
    next.task.state = 'runnable';
  }

  private deadlock(): never {
    const waits = this.tasks.map((task) => {
      const holds = task.held.length > 0 ? `, holds ${heldNames(task)}` : '';
      return `${task.name} waits for ${task.waitsFor?.name ?? 'nothing'}${holds}`;
    });
    this.fail('deadlock', waits.join('; '));
  }

  private remember(task: Task): void {
    const tail = this.history[this.history.length - 1];
    if (tail?.name === task.name) tail.steps++;
    else this.history.push({ name: task.name, steps: 1 });
  }

  private describe(task: Task): string {
    const name = this.objectNames[pointObject(task.at)];
    return name === undefined ? describePoint(task.at) : `${describePoint(task.at)} (${name})`;
  }
}

function heldNames(task: Task): string {
  return task.held.map((lock) => lock.name).join(', ') || 'no lock, but is in an atomic section';
}
