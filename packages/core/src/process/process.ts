/** A process: a name, an address space, and the CPU on which its main thread runs. */
import type { ProcessHandle } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Process } from '../machine-api.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedState } from '../sched/shared-state.ts';
import type { Task, TaskOwner } from '../sched/task.ts';
import { InFlight } from './in-flight.ts';

export class ProcessStruct implements Process, ProcessHandle, TaskOwner {
  /** `p1`, `p2`, … in order of creation. */
  readonly name: string;
  readonly cpu: number;

  /** Its tasks by name. */
  readonly tasks: Map<string, Task> = new Map();
  /** Those that are inside a call or a fault. */
  readonly inFlight: InFlight;

  private readonly state: SharedState;
  private mmNow: MmStruct | undefined;
  private signalPendingNow = false;
  private killedNow = false;

  constructor(scheduler: Scheduler, name: string, cpu: number, mm: MmStruct) {
    this.state = new SharedState(scheduler, scheduler.nextObjectId(name));
    this.name = name;
    this.cpu = cpu;
    this.mmNow = mm;
    this.inFlight = new InFlight(scheduler, name);
  }

  /** The address space that it has now; `undefined` once it has exited. */
  get mm(): MmStruct | undefined {
    this.state.reads();
    return this.mmNow;
  }

  set mm(mm: MmStruct | undefined) {
    this.state.changes();
    this.mmNow = mm;
  }

  /** A signal is pending: the next interruptible wait answers `EINTR`. */
  get signalPending(): boolean {
    this.state.reads();
    return this.signalPendingNow;
  }

  set signalPending(pending: boolean) {
    this.state.changes();
    this.signalPendingNow = pending;
  }

  /** The OOM killer has chosen it: its exit is on its way. */
  get killed(): boolean {
    this.state.reads();
    return this.killedNow;
  }

  set killed(killed: boolean) {
    this.state.changes();
    this.killedNow = killed;
  }

  /** What a driver is handed. */
  get handle(): ProcessHandle {
    return this;
  }

  get exited(): boolean {
    return this.mm === undefined || this.killed;
  }
}

/** @throws UsageError when it is not from a machine. */
export function asProcess(process: Process): ProcessStruct {
  if (process instanceof ProcessStruct) return process;
  throw new UsageError('bad-handle', 'found an object that is no process of a machine');
}

/** @throws UsageError for a process that has exited: nobody can make a call for it. */
export function mmOf(process: Process): MmStruct {
  const { mm, name } = asProcess(process);
  if (mm === undefined) throw new UsageError('no-process', `${name} has exited`);
  return mm;
}
