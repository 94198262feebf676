/** A task: one routine under way, with what it holds and may not do. */
import type { NotifierRange, PreemptionPoint, Routine } from '@mmu-notifier/plugin-api';
import type { HeldLock } from '../locking/lockdep.ts';

export type TaskState = 'runnable' | 'running' | 'blocked' | 'done';

/** `ends`: a run waits for its end. `daemon`: a run is over when nobody else has work. `interrupt`: atomic, and ends. */
export type TaskKind = 'ends' | 'daemon' | 'interrupt';

/** What a task works for: a process, or nobody (kernel thread). */
export interface TaskOwner {
  readonly name: string;
  signalPending: boolean;
  /** SIGKILL is pending, for good: no interruptible wait is begun. */
  killed: boolean;
}

export class Task {
  readonly id: number;
  readonly name: string;
  readonly cpu: number;
  readonly kind: TaskKind;
  owner: TaskOwner | undefined;
  routine: Routine<unknown> | undefined;
  state: TaskState = 'runnable';
  /** Last announced point: what it is about to do. */
  at: PreemptionPoint = 0;
  /** What it waits for: a queue, a clock, the world outside. */
  waitsFor: { readonly name: string } | undefined;
  /** A pending signal ends this wait. */
  interruptible = false;
  result: unknown;
  /** Locks in order of acquisition; lockdep reads it. */
  readonly held: HeldLock[] = [];
  /** Spinlocks, RCU readers, interrupt context and other sections that forbid sleeping. */
  atomicDepth: number;
  /** Sections in which its CPU takes no interrupt. */
  irqsOff = 0;
  /** Sections in which a callback was promised not to block. */
  nonBlockDepth = 0;
  /** The window whose start callback it is running. */
  invalidating: NotifierRange | undefined;
  /** Inside direct reclaim: allocation must not reclaim again. */
  reclaimDepth = 0;

  get done(): boolean {
    return this.state === 'done';
  }

  constructor(id: number, name: string, cpu: number, owner: TaskOwner | undefined, kind: TaskKind = 'ends') {
    this.id = id;
    this.name = name;
    this.cpu = cpu;
    this.owner = owner;
    this.kind = kind;
    this.atomicDepth = kind === 'interrupt' ? 1 : 0;
  }
}
