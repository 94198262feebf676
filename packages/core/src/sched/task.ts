/** A task: one routine under way, with what it holds and may not do. */
import type { NotifierRange, PreemptionPoint, Routine } from '@mmu-notifier/plugin-api';
import type { HeldLock } from '../locking/lockdep.ts';
import type { WaitQueue } from './wait-queue.ts';

export type TaskState = 'runnable' | 'blocked' | 'done';

/** What a task works for: a process, or nobody (kernel thread). */
export interface TaskOwner {
  readonly name: string;
  signalPending: boolean;
}

export class Task {
  readonly id: number;
  readonly name: string;
  readonly cpu: number;
  owner: TaskOwner | undefined;
  routine: Routine<unknown> | undefined;
  state: TaskState = 'runnable';
  /** Last announced point: what it is about to do. */
  at: PreemptionPoint = 0;
  waitsFor: WaitQueue | undefined;
  result: unknown;
  /** Locks in order of acquisition; lockdep reads it. */
  readonly held: HeldLock[] = [];
  /** Spinlocks, RCU readers and other sections that forbid sleeping. */
  atomicDepth = 0;
  /** Sections in which a callback was promised not to block. */
  nonBlockDepth = 0;
  /** The window whose start callback it is running. */
  invalidating: NotifierRange | undefined;
  /** Inside direct reclaim: allocation must not reclaim again. */
  reclaimDepth = 0;

  get done(): boolean {
    return this.state === 'done';
  }

  constructor(id: number, name: string, cpu: number, owner: TaskOwner | undefined) {
    this.id = id;
    this.name = name;
    this.cpu = cpu;
    this.owner = owner;
  }
}
