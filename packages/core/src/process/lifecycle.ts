/** Processes coming and going: the first one, fork, exec, exit. Mirrors `kernel/fork.c` and `kernel/exit.c`. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { createMm } from '../boot.ts';
import { UsageError } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { putMm } from '../mm/exit.ts';
import { dupMmap } from '../mm/fork.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { OomProcesses } from '../reclaim/oom.ts';
import { ProcessStruct } from './process.ts';

export class Processes implements OomProcesses {
  /** Every process that ever was, by name; one that has exited has no address space. */
  readonly byName: Map<string, ProcessStruct> = new Map();
  private readonly kernel: Kernel;
  private readonly heapStart: number;
  private mmCount = 0;

  /** @param heapStart - Where the heap of `brk` begins; 0 when the first `brk` says it. */
  constructor(kernel: Kernel, heapStart: number) {
    this.kernel = kernel;
    this.heapStart = heapStart;
    kernel.oom.processes = this;
  }

  /** In order of creation. */
  all(): Iterable<ProcessStruct> {
    return this.byName.values();
  }

  /** The first process, with an empty address space. */
  *createFirst(): Routine<ProcessStruct> {
    const mm = yield* this.emptyMm();
    if (mm === undefined) throw new UsageError('no-memory', 'the machine has no memory for a first process');
    return this.add(mm);
  }

  /** @returns The child, or `ENOMEM`. @sleeps May. */
  *fork(parent: ProcessStruct): Routine<ProcessStruct | Errno> {
    this.kernel.stats.mm['fork']++;
    const from = parent.mm;
    if (from === undefined) return 'ESRCH';
    const mm = yield* this.emptyMm();
    if (mm === undefined) return 'ENOMEM';
    const error = yield* dupMmap(this.kernel, from, mm);
    if (error === undefined && !this.kernel.scheduler.current.killed) return this.add(mm);
    yield* putMm(this.kernel, mm);
    return error ?? 'EINTR';
  }

  /** A child in the parent's own address space: nothing is copied, so nobody is notified. `CLONE_VM | CLONE_VFORK` */
  *vfork(parent: ProcessStruct): Routine<ProcessStruct | Errno> {
    this.kernel.stats.mm['vfork']++;
    const { mm } = parent;
    if (mm === undefined) return 'ESRCH';
    mm.users++;
    return this.add(mm);
  }

  /**
   * The process gets an empty address space, when no other task of it is in a call any more. The old one goes when nobody
   * uses it. @returns EAGAIN when another task exits or executes something first. @sleeps May.
   */
  *exec(process: ProcessStruct): Routine<Errno | undefined> {
    this.kernel.stats.mm['exec']++;
    const old = process.mm;
    if (old === undefined) return 'ESRCH';
    const mm = yield* this.emptyMm();
    if (mm === undefined) return 'ENOMEM';
    const late = yield* process.inFlight.outliveOthers();
    if (late === undefined) {
      process.mm = mm;
      old.orphaned = true;
    }
    yield* putMm(this.kernel, late === undefined ? old : mm);
    return late;
  }

  /** A task that wants to exit while another one waits in exec is killed by that one first. @sleeps May. `do_group_exit` */
  *exit(process: ProcessStruct): Routine<void> {
    this.kernel.stats.mm['exit']++;
    const { mm, inFlight } = process;
    if (mm === undefined || (inFlight.execing && !process.killed)) return;
    process.mm = undefined;
    mm.orphaned = true;
    inFlight.kill('EXIT');
    yield* putMm(this.kernel, mm);
  }

  private *emptyMm(): Routine<MmStruct | undefined> {
    const mm = yield* createMm(this.kernel, ++this.mmCount);
    if (mm === undefined) return undefined;
    mm.startBrk = this.heapStart;
    mm.brk = this.heapStart;
    return mm;
  }

  private add(mm: MmStruct): ProcessStruct {
    const number = this.byName.size + 1;
    const process = new ProcessStruct(
      this.kernel.scheduler,
      `p${number}`,
      (number - 1) % this.kernel.scheduler.cpus,
      mm,
    );
    this.byName.set(process.name, process);
    return process;
  }
}
