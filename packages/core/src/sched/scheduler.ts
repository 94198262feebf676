/**
 * The run loop. One source for all modes: leaf operations yield only where `preemptive` says so, so in direct mode an
 * uncontended routine runs to its end without one suspension, and under a strategy every visible step announces itself.
 * In live mode (`live.ts`) tasks run as in direct mode, and may wait for the world outside.
 *
 * A violation that a task throws ends the run: nothing continues on a broken world.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { ContractViolation, UsageError, type Violation } from '../contract.ts';
import type { MachineTracer } from '../tracing/tracer.ts';
import { Interrupts } from './interrupts.ts';
import type { LiveLoop } from './live.ts';
import { ObjectBase, PointKind, point } from './preemption-point.ts';
import { ScheduleLog, heldNames, whatItWaitsFor, whyAtomic } from './schedule-log.ts';
import { SharedState } from './shared-state.ts';
import type { Strategy } from './strategy.ts';
import { type KilledBy, Task, type TaskKind, type TaskOwner } from './task.ts';
import { Timers } from './timers.ts';

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
  /** Present in live mode. */
  readonly live: LiveLoop | undefined;
  readonly timers: Timers = new Timers(() => {
    if (this.preemptive) this.note(PointKind.Timer, 0);
  });
  readonly interrupts: Interrupts;
  /** Tasks that could run, and do not. */
  runnable = 0;
  /** Tasks that a run waits for: neither ended nor daemons. */
  unfinished = 0;
  private readonly strategy: Strategy | undefined;
  /** Started and not ended, but for the one that `run` has not had to suspend. */
  private readonly tasks: Task[] = [];
  private readonly candidates: Task[] = [];
  /** The scheduler asks whether waits are over: that is nobody's step. */
  private asking = false;
  private last: Task | undefined;
  private taskCount = 0;
  private stepsSinceEnd = 0;
  private readonly log = new ScheduleLog();
  /** Ids of objects and tasks are given in the order of the schedule: who gives one out shares this with all who do. */
  private readonly idsObject: number;

  constructor(cpus: number, strategy?: Strategy, tracer?: MachineTracer, live?: LiveLoop) {
    this.cpus = cpus;
    this.strategy = strategy;
    this.tracer = tracer;
    this.preemptive = strategy !== undefined;
    this.live = live;
    this.idsObject = this.log.nameObject('ids');
    strategy?.objectNamed?.(this.idsObject, 'ids');
    this.current = new Task(this.taskCount++, 'boot', 0, undefined);
    this.interrupts = new Interrupts(this);
  }

  /** A dense id for a lock, queue or other object that points name. */
  nextObjectId(name: string): number {
    const id = this.log.nameObject(name);
    if (this.preemptive) this.note(PointKind.Atomic, this.idsObject);
    this.strategy?.objectNamed?.(id, name);
    return id;
  }

  /** An id for a place in the code that points name. */
  placeId(name: string): number {
    const id = this.log.namePlace(name);
    this.strategy?.objectNamed?.(id, name);
    return id;
  }

  /** A task that does not run yet: `run` gives it routines one after the other. */
  createTask(name: string, owner: TaskOwner | undefined, cpu?: number, kind: TaskKind = 'ends'): Task {
    if (this.preemptive) this.note(PointKind.Atomic, this.idsObject);
    const id = this.taskCount++;
    const kills = this.preemptive ? new SharedState(this, ObjectBase.task + id) : undefined;
    return new Task(id, name, cpu ?? id % this.cpus, owner, kind, kills);
  }

  /** Starts a routine on a task of its own; it runs when the loop comes to it. */
  spawn(name: string, routine: Routine<unknown>, owner?: TaskOwner, kind: TaskKind = 'ends', cpu?: number): Task {
    const task = this.createTask(name, owner, cpu, kind);
    this.restart(task, routine);
    return task;
  }

  /** Lets a task that has ended run `routine`, when the loop comes to it. */
  restart(task: Task, routine: Routine<unknown>): void {
    this.start(task, routine);
    this.tasks.push(task);
    this.live?.kick();
  }

  /** Drives everything until `task` has ended. */
  finish(task: Task): void {
    while (task.state !== 'done') this.step();
  }

  /** Runs `routine` on `task` to its end, driving whatever it waits for. */
  run<T>(task: Task, routine: Routine<T>): T {
    this.start(task, routine);
    if (this.preemptive || !this.resume(task)) {
      this.tasks.push(task);
      this.finish(task);
    }
    // A run inside a running task leaves the others to the outer one.
    if (!this.preemptive && this.runnable > 0 && this.current.state !== 'running') this.runBackground();
    return task.result as T;
  }

  /** Runs until every task has ended, but for daemons: those go on until each of them waits. */
  runAll(): void {
    while (this.unfinished > 0) this.step();
    this.runBackground();
  }

  /** Until nobody can go on: no clock jumps for daemons. */
  private runBackground(): void {
    for (let task = this.pick(); task !== undefined; task = this.pick()) this.go(task);
  }

  /** Takes the current task off the CPU; it goes on after `wake`. The caller yields next. */
  park(): void {
    this.current.state = 'blocked';
  }

  wake(task: Task): void {
    if (task.state !== 'blocked') return;
    this.ready(task);
    this.live?.kick();
  }

  /** A signal becomes pending for `owner`: whoever of it waits interruptibly goes on. */
  signal(owner: TaskOwner): void {
    owner.signalPending = true;
    for (const task of this.tasks) if (task.owner === owner && task.interruptible) this.wake(task);
  }

  /** SIGKILL becomes pending for one task: where its wait may be killed, it goes on. */
  kill(task: Task, by: KilledBy): void {
    task.killedBy ??= by;
    if (task.interruptible || task.killable) this.wake(task);
  }

  /** Whether a pending signal ends an interruptible wait of the current task: the wait answers `EINTR`, once. */
  interrupted(): boolean {
    const { owner, killed } = this.current;
    if (killed) return true;
    if (owner === undefined || !owner.signalPending) return false;
    owner.signalPending = false;
    return true;
  }

  choose(count: number, what: string): number {
    return this.strategy ? this.strategy.choose(count, what) : 0;
  }

  /** Says what the step under way does besides what it announced. Call it only where `preemptive`. */
  note(kind: PointKind, object: number): void {
    if (!this.asking) this.strategy?.observe?.(this.current, point(kind, object));
  }

  /** @sleeps For virtual time: other tasks run, then the clock jumps. */
  *sleep(nanoseconds: number): Routine<void> {
    this.mightSleep('sleep');
    const task = this.current;
    const due = this.now + nanoseconds;
    this.timers.arm(due, () => this.wake(task));
    task.waitsFor = { name: 'the clock' };
    this.park();
    yield point(PointKind.Timer, 0);
    task.waitsFor = undefined;
  }

  /** From here on the current task uses something of its CPU's, and must not leave it. `get_cpu_var` */
  getPerCpu(what: string): void {
    this.current.perCpu.push(what);
    this.current.atomicDepth++;
  }

  /** `put_cpu_var` */
  putPerCpu(): void {
    this.current.perCpu.pop();
    this.current.atomicDepth--;
  }

  /** Reports a sleep where the current task must not sleep. */
  mightSleep(what: string): void {
    const task = this.current;
    if (task.atomicDepth > 0) {
      this.fail('sleep-in-atomic', `${task.name} may sleep (${what}) while it ${whyAtomic(task)}`);
    }
    if (task.nonBlockDepth > 0) {
      this.fail('sleep-in-atomic', `${task.name} may sleep (${what}) inside a non-blockable invalidation`);
    }
  }

  /** Throws a violation with everything that is known about the schedule. */
  fail(oracle: string, message: string, details?: Violation['details']): never {
    const seed = this.strategy?.seed;
    throw new ContractViolation({
      oracle,
      message,
      ...this.log.whereTasksAre(this.current, this.tasks),
      ...(seed === undefined ? {} : { seed }),
      ...(details === undefined ? {} : { details }),
    });
  }

  /** @throws ContractViolation when nothing has ended for so long that nothing ever will. */
  step(): void {
    const task = this.pick();
    if (task === undefined) this.idle();
    else this.go(task);
  }

  /** Nobody can go on, whatever happens. */
  deadlock(): never {
    this.fail('deadlock', this.tasks.map(whatItWaitsFor).join('; '));
  }

  private start(task: Task, routine: Routine<unknown>): void {
    task.routine = routine;
    task.at = point(PointKind.TaskStart, 0);
    this.ready(task);
    if (task.kind !== 'daemon') this.unfinished++;
  }

  private ready(task: Task): void {
    task.state = 'runnable';
    this.runnable++;
  }

  /** Direct mode lets the one go on that was started first. @returns `undefined` where nobody can. */
  private pick(): Task | undefined {
    const { tasks, candidates, strategy } = this;
    if (this.runnable === 0) return undefined;
    if (strategy === undefined) return tasks.find(isRunnable);
    candidates.length = 0;
    this.asking = true;
    for (const task of tasks) if (isRunnable(task) && task.until?.() !== false) candidates.push(task);
    this.asking = false;
    return candidates.length === 0 ? undefined : candidates[strategy.pick(candidates, this.last)];
  }

  private go(task: Task): void {
    if (++this.stepsSinceEnd > ENDLESS) {
      this.fail('livelock', `no task has ended in ${ENDLESS} steps; the last that ran is ${this.last?.name ?? 'none'}`);
    }
    if (this.resume(task)) this.remove(task);
  }

  /** Until it suspends or ends. @returns whether it has ended. */
  private resume(task: Task): boolean {
    const before = this.current;
    this.current = task;
    this.last = task;
    task.state = 'running';
    this.runnable--;
    if (this.preemptive) this.log.ran(task);
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
      this.end(task);
      task.result = next.value;
      if (task.held.length > 0) this.fail('leaked-lock', `${task.name} ended while it holds ${heldNames(task)}`);
    } else {
      task.at = next.value;
      if (task.state === 'running') this.ready(task);
    }
    this.current = before;
    return next.done === true;
  }

  private end(task: Task): void {
    task.state = 'done';
    task.routine = undefined;
    this.stepsSinceEnd = 0;
    if (task.kind !== 'daemon') this.unfinished--;
  }

  /** Its routine threw. */
  private abandon(task: Task, before: Task): void {
    this.end(task);
    this.remove(task);
    this.current = before;
  }

  private remove(task: Task): void {
    const { tasks } = this;
    if (tasks[tasks.length - 1] === task) tasks.pop();
    else if (tasks.includes(task)) tasks.splice(tasks.indexOf(task), 1);
  }

  private idle(): void {
    if (this.live?.block(this)) return;
    if (this.live?.outside) {
      throw new UsageError('not-live', 'a task waits for the world outside: expected spawn and runLive instead of run');
    }
    const due = this.timers.next;
    if (due === undefined) this.deadlock();
    this.now = Math.max(this.now, due);
    this.tracer?.clockAdvanced?.(this.now);
    this.strategy?.clockAdvanced?.(this.now);
    this.timers.expire(this.now);
  }
}

function isRunnable(task: Task): boolean {
  return task.state === 'runnable';
}
