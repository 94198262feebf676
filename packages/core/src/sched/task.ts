/** A task: one routine under way, with what it holds and may not do. */
import type { NotifierRange, PreemptionPoint, Routine } from '@mmu-notifier/plugin-api';
import type { HeldLock } from '../locking/lockdep.ts';
import type { SharedState } from './shared-state.ts';

export type TaskState = 'runnable' | 'running' | 'blocked' | 'done';

/** `ends`: a run waits for its end. `daemon`: a run is over when nobody else has work. `interrupt`: atomic, and ends. */
export type TaskKind = 'ends' | 'daemon' | 'interrupt';

/** Who sent SIGKILL: the OOM killer; another task of the process that exits, or executes another program. */
export type KilledBy = 'OOM' | 'EXIT' | 'EXEC';

/** What a task works for: a process, or nobody (kernel thread). */
export interface TaskOwner {
  readonly name: string;
  signalPending: boolean;
  /** The OOM killer has chosen it: SIGKILL is pending for all of its tasks, for good. */
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
  /** It is about to do something that it can only do when this holds: take a lock. */
  until: (() => boolean) | undefined;
  /** A pending signal ends this wait. */
  interruptible = false;
  /** SIGKILL ends this wait. */
  killable = false;
  result: unknown;
  /** Locks in order of acquisition; lockdep reads it. */
  readonly held: HeldLock[] = [];
  /** Spinlocks, RCU readers, interrupt context and other sections that forbid sleeping. */
  atomicDepth: number;
  /** Sections in which its CPU takes no interrupt. */
  irqsOff = 0;
  /** What belongs to its CPU while it uses it: preemption is off. `get_cpu_var` */
  readonly perCpu: string[] = [];
  /** Sections in which a callback was promised not to block. */
  nonBlockDepth = 0;
  /** The window whose start callback it is running. */
  invalidating: NotifierRange | undefined;
  /** Inside direct reclaim: allocation must not reclaim again. */
  reclaimDepth = 0;

  private readonly kills: SharedState | undefined;
  private killer: KilledBy | undefined;

  /** SIGKILL is pending for this task, until the call or fault that it is in is over. */
  get killedBy(): KilledBy | undefined {
    this.kills?.reads();
    return this.killer;
  }

  set killedBy(killer: KilledBy | undefined) {
    if (killer !== this.killer) this.kills?.changes();
    this.killer = killer;
  }

  get done(): boolean {
    return this.state === 'done';
  }

  /** `fatal_signal_pending` */
  get killed(): boolean {
    return this.killedBy !== undefined || this.owner?.killed === true;
  }

  /** `tsk_is_oom_victim` */
  get oomVictim(): boolean {
    return this.killedBy === 'OOM' || this.owner?.killed === true;
  }

  /** @param kills - Where others see what a step does: its share of who is killed. */
  constructor(
    id: number,
    name: string,
    cpu: number,
    owner: TaskOwner | undefined,
    kind: TaskKind = 'ends',
    kills?: SharedState,
  ) {
    this.kills = kills;
    this.id = id;
    this.name = name;
    this.cpu = cpu;
    this.owner = owner;
    this.kind = kind;
    this.atomicDepth = kind === 'interrupt' ? 1 : 0;
  }
}
