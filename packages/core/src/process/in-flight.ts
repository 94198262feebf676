/**
 * The tasks of a process that are inside a call or a fault. As each task of Linux does, each is a user of the address
 * space: it is torn down when the last of them has left, by whoever that is.
 *
 * Who ends the process sends them home with SIGKILL: a wait that may be killed ends, everything else goes on to its end.
 * exit does not wait for them, exec does. Mirrors `exit_mm` of `kernel/exit.c` and `de_thread` of `fs/exec.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { putMm } from '../mm/exit.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { NOTHING } from '../sched/nothing.ts';
import { PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { KilledBy, Task } from '../sched/task.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

export class InFlight {
  private execingNow = false;
  private readonly scheduler: Scheduler;
  private readonly tasks: Task[] = [];
  private readonly departures: WaitQueue;

  constructor(scheduler: Scheduler, process: string) {
    this.scheduler = scheduler;
    this.departures = new WaitQueue(scheduler, `tasks of ${process}`);
  }

  /** One of them waits until the others are gone: until then no task of the process begins anything. */
  get execing(): boolean {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.departures.id);
    return this.execingNow;
  }

  private set execing(execing: boolean) {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Atomic, this.departures.id);
    this.execingNow = execing;
  }

  /** The current task begins a call or a fault. */
  enter(mm: MmStruct): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.departures.id);
    this.tasks.push(this.scheduler.current);
    this.use(mm);
  }

  /** It is over; what killed the task has no meaning beyond it. @sleeps May: the last user tears the mm down. */
  leave(kernel: Kernel, mm: MmStruct): Routine<void> {
    const task = this.scheduler.current;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.AtomicLoad, this.departures.id);
    this.tasks.splice(this.tasks.indexOf(task), 1);
    task.killedBy = undefined;
    if (this.execing) this.departures.wakeAll();
    return this.drop(kernel, mm);
  }

  /** SIGKILL for all of them, but for `except`. `zap_other_threads` */
  kill(by: KilledBy, except?: Task): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Atomic, this.departures.id);
    for (const task of this.tasks) if (task !== except) this.scheduler.kill(task, by);
  }

  /**
   * Kills all but the current task, which is one of them, and waits until they are gone. `de_thread`
   *
   * @returns EAGAIN when somebody kills the current task first. @sleeps Until then.
   */
  *outliveOthers(): Routine<'EAGAIN' | undefined> {
    const { scheduler, tasks, departures } = this;
    if (scheduler.current.killed) return 'EAGAIN';
    this.execing = true;
    this.kill('EXEC', scheduler.current);
    const killed = yield* departures.waitKillable(() => tasks.length === 1);
    this.execing = false;
    return killed && 'EAGAIN';
  }

  private use(mm: MmStruct): void {
    mm.users++;
  }

  private drop(kernel: Kernel, mm: MmStruct): Routine<void> {
    if (mm.users <= 1) return putMm(kernel, mm);
    mm.users--;
    return NOTHING;
  }
}
