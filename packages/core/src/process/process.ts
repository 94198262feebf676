/** A process: a name, an address space, and the CPU on which its main thread runs. */
import type { ProcessHandle } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Process } from '../machine-api.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { Task, TaskOwner } from '../sched/task.ts';
import { InFlight } from './in-flight.ts';

export class ProcessStruct implements Process, ProcessHandle, TaskOwner {
  /** `p1`, `p2`, … in order of creation. */
  readonly name: string;
  readonly cpu: number;
  /** The address space that it has now; `undefined` once it has exited. */
  mm: MmStruct | undefined;
  /** A signal is pending: the next interruptible wait answers `EINTR`. */
  signalPending = false;
  /** The OOM killer has chosen it: its exit is on its way. */
  killed = false;

  /** Its tasks by name. */
  readonly tasks: Map<string, Task> = new Map();
  /** Those that are inside a call or a fault. */
  readonly inFlight: InFlight;

  constructor(scheduler: Scheduler, name: string, cpu: number, mm: MmStruct) {
    this.name = name;
    this.cpu = cpu;
    this.mm = mm;
    this.inFlight = new InFlight(scheduler, name);
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
