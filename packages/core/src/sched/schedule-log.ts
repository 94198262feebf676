/** What a violation says about the run that led to it: who ran how long, and what each task is at. */
import type { Violation } from '../contract.ts';
import { ObjectBase, describePoint } from './preemption-point.ts';
import type { Task } from './task.ts';

export class ScheduleLog {
  private readonly objectNames: string[] = [];
  private objects = 0;
  private readonly places = new Map<string, number>();
  private readonly runs: { name: string; steps: number }[] = [];

  /** @returns the id of a lock, queue or other object that points name. */
  nameObject(name: string): number {
    this.objectNames[this.objects] = name;
    return this.objects++;
  }

  /** @returns the id of a named place in the code; it tells nothing else apart, so the order of names is nobody's matter. */
  namePlace(name: string): number {
    let place = this.places.get(name);
    if (place === undefined) this.places.set(name, (place = ObjectBase.place + this.places.size));
    this.objectNames[place] = name;
    return place;
  }

  /** One more step of this task. */
  ran(task: Task): void {
    const tail = this.runs[this.runs.length - 1];
    if (tail?.name === task.name) tail.steps++;
    else this.runs.push({ name: task.name, steps: 1 });
  }

  /** What a violation says of every task that has not ended, and of the steps before it. */
  whereTasksAre(current: Task, tasks: readonly Task[]): Required<Pick<Violation, 'task' | 'tasks' | 'schedule'>> {
    const places = tasks.map((task) => ({ name: task.name, at: this.describe(task) }));
    return { task: current.name, tasks: places, schedule: this.schedule() };
  }

  /** `p1`, `kvm0*3`: each task with its steps in a row. */
  private schedule(): string[] {
    return this.runs.map(({ name, steps }) => (steps === 1 ? name : `${name}*${steps}`));
  }

  /** What the task has announced last. */
  private describe(task: Task): string {
    return describePoint(task.at, this.objectNames);
  }
}

export function whatItWaitsFor(task: Task): string {
  const holds = task.held.length > 0 ? `, holds ${heldNames(task)}` : '';
  return `${task.name} waits for ${task.waitsFor?.name ?? 'nothing'}${holds}`;
}

export function heldNames(task: Task): string {
  return task.held.map((lock) => lock.name).join(', ') || 'no lock, but is in an atomic section';
}

/** Why the task must not sleep. */
export function whyAtomic(task: Task): string {
  if (task.kind === 'interrupt') return 'is an interrupt';
  if (task.held.length === 0 && task.irqsOff > 0) return 'has interrupts off';
  const uses = task.perCpu.map((what) => ` and uses the ${what} of its CPU, preemption off`);
  return `holds ${heldNames(task)}${uses.join('')}`;
}
