/** A process: a name, an address space, and the CPU on which its main thread runs. */
import type { ProcessHandle } from '@mmu-notifier/plugin-api';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { TaskOwner } from '../sched/task.ts';

export class Process implements ProcessHandle, TaskOwner {
  /** `p1`, `p2`, … in order of creation. */
  readonly name: string;
  readonly cpu: number;
  /** The address space that it has now; `undefined` once it has exited. */
  mm: MmStruct | undefined;
  /** A signal is pending: the next interruptible wait answers `EINTR`. */
  signalPending = false;

  constructor(name: string, cpu: number, mm: MmStruct) {
    this.name = name;
    this.cpu = cpu;
    this.mm = mm;
  }

  /** What a driver is handed. */
  get handle(): ProcessHandle {
    return this;
  }

  get exited(): boolean {
    return this.mm === undefined;
  }
}
