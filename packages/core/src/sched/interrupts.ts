/**
 * Interrupt context: code that a CPU runs in between, atomic, without a process. A CPU that has interrupts off
 * (`local_irq_save`) takes none until it has them on again: that is what makes lockless walks safe from shootdowns.
 * Mirrors `kernel/smp.c` and `kernel/irq/`.
 *
 * Several tasks of the model may share a CPU, and an interrupt does not hold back the one that it interrupts: more
 * orders than on one CPU, all of them possible on several.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { PointKind } from './preemption-point.ts';
import type { Scheduler } from './scheduler.ts';
import type { Task } from './task.ts';
import { WaitQueue } from './wait-queue.ts';

export class Interrupts {
  private readonly scheduler: Scheduler;
  /** Sections with interrupts off, by CPU. */
  private readonly off: Int32Array;
  private readonly queues: WaitQueue[] = [];
  /** Who is `current` in a plain handler. */
  private readonly contexts: Task[] = [];

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.off = new Int32Array(scheduler.cpus);
    for (let cpu = 0; cpu < scheduler.cpus; cpu++) {
      this.queues.push(new WaitQueue(scheduler, `interrupts of cpu ${cpu}`));
      this.contexts.push(scheduler.createTask(`interrupt on cpu ${cpu}`, undefined, cpu, 'interrupt'));
    }
  }

  /** `local_irq_save` on the CPU of the current task; nests. Until `restore` the task must not sleep. */
  save(): void {
    const task = this.scheduler.current;
    task.atomicDepth++;
    task.irqsOff++;
    this.off[task.cpu]++;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockShared, this.queues[task.cpu].id);
  }

  restore(): void {
    const task = this.scheduler.current;
    if (task.irqsOff === 0) this.scheduler.fail('lock-misuse', `${task.name} turns interrupts on that are not off`);
    task.atomicDepth--;
    task.irqsOff--;
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.LockSharedRelease, this.queues[task.cpu].id);
    if (--this.off[task.cpu] === 0) this.queues[task.cpu].freed();
  }

  /**
   * A function call on each CPU of the bit set `mask`, now and as one step: `smp_call_function_many` for callers that
   * announced it. Handlers are plain code: they take locks by trying.
   *
   * @locks None that a handler tries; interrupts on. @sleeps Never.
   */
  sendIpi(mask: number, handler: (cpu: number) => void): void {
    this.checkSender();
    for (let cpu = 0; cpu < this.off.length; cpu++) if ((mask & (1 << cpu)) !== 0) this.handle(cpu, handler);
  }

  /**
   * As `sendIpi`, one step for each CPU: each takes the call when it has interrupts on, and the caller waits for all.
   *
   * @locks As `sendIpi`. @sleeps Never: it spins.
   */
  *callOnCpus(mask: number, handler: (cpu: number) => void): Routine<void> {
    this.checkSender();
    for (let cpu = 0; cpu < this.off.length; cpu++) {
      if ((mask & (1 << cpu)) === 0) continue;
      yield* this.whenOn(cpu);
      this.handle(cpu, handler);
    }
  }

  /** A device interrupts `cpu`: `handler` runs as a task of its own that must not sleep. */
  raise(name: string, cpu: number, handler: () => Routine<void>): Task {
    const taken = function* (this: Interrupts): Routine<void> {
      yield* this.whenOn(cpu);
      yield* handler();
    };
    return this.scheduler.spawn(name, taken.call(this), undefined, 'interrupt', cpu);
  }

  /** Until `cpu` takes an interrupt: whoever has them off there is a reader of a lock that an interrupt takes for a moment. */
  private *whenOn(cpu: number): Routine<void> {
    const { scheduler, queues } = this;
    const queue = queues[cpu];
    yield* queue.until(PointKind.LockAcquire, () => this.off[cpu] === 0);
    if (!scheduler.preemptive) return;
    scheduler.note(PointKind.LockRelease, queue.id);
    scheduler.note(PointKind.Ipi, cpu);
  }

  private handle(cpu: number, handler: (cpu: number) => void): void {
    const { scheduler } = this;
    const interrupted = scheduler.current;
    scheduler.current = this.contexts[cpu];
    handler(cpu);
    scheduler.current = interrupted;
  }

  /** Two CPUs that call each other with interrupts off wait for ever. */
  private checkSender(): void {
    const task = this.scheduler.current;
    if (task.irqsOff > 0) this.scheduler.fail('ipi-misuse', `${task.name} calls other CPUs with interrupts off`);
    if (task.kind === 'interrupt') this.scheduler.fail('ipi-misuse', `${task.name} calls other CPUs in an interrupt`);
  }
}
