/**
 * CPU accesses: TLB, then the hardware's page walk, then the fault handler. `tryAccess` is the hot path: plain code, one
 * atomic step, nothing allocated. The walk sets accessed and dirty; a TLB entry without dirty makes a store walk again.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { type CpuAccessKind, type Signal, killed, userFault, userFaultNow } from '../fault/user-fault.ts';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Shadow } from '../oracle/shadow/shadow.ts';
import { FETCH, LOAD, STORE } from '../page-table/tlb.ts';
import type { ProcessStruct } from '../process/process.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { TASK_SIZE } from '../types.ts';
import { NEEDS } from './need.ts';
import { type AccessRun, CpuRuns } from './run.ts';

const KINDS: Readonly<Record<CpuAccessKind, number>> = { load: LOAD, fetch: FETCH, store: STORE };

/** Behind it an address is none for the CPU: a protection fault, which names no address. */
const CANONICAL_END: number = 2 ** 47;

export class Cpus {
  private readonly kernel: Kernel;
  private readonly shadow: Shadow | undefined;
  private readonly runs: CpuRuns;

  constructor(kernel: Kernel, shadow: Shadow | undefined) {
    this.kernel = kernel;
    this.shadow = shadow;
    this.runs = new CpuRuns(kernel, (mm, cpu, vpn, kind) => this.walk(mm, cpu, vpn, kind));
  }

  /**
   * `length` bytes of `data` from `at` on, inside one page, if no fault is needed.
   *
   * @returns whether the access was made. @sleeps Never.
   */
  tryAccess(
    mm: MmStruct,
    cpu: number,
    kind: CpuAccessKind,
    address: number,
    data: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    const need = KINDS[kind];
    const vpn = Math.floor(address / 4096);
    const offset = address - vpn * 4096;
    const { scheduler } = this.kernel;
    if (scheduler.preemptive) scheduler.note(PointKind.CpuAccess, vpn);
    let pfn = this.kernel.tlbs.lookup(cpu, mm, vpn, need);
    if (pfn < 0) {
      pfn = this.walk(mm, cpu, vpn, need);
      if (pfn < 0) return false;
    }
    if (scheduler.preemptive) scheduler.note(kind === 'store' ? PointKind.FrameStore : PointKind.FrameLoad, pfn);
    const { memory } = this.kernel.allocator;
    const slab = memory.bytes(pfn);
    const page = memory.byteOffset(pfn);
    const from = page + offset;
    if (kind === 'store') {
      copyBytes(data, at, slab, from, length);
      this.shadow?.stored(mm, address, length, slab, page);
    } else {
      copyBytes(slab, from, data, at, length);
      this.shadow?.loaded(mm, address, length, slab, page);
    }
    return true;
  }

  /** {@link CpuRuns.tryRun}; with oracles on no access is made, because they look at each. */
  tryRun(mm: MmStruct, cpu: number, run: AccessRun, from: number, to: number): number {
    return this.shadow === undefined ? this.runs.tryRun(mm, cpu, run, from, to) : from;
  }

  /**
   * Any length; bytes before the one that faults are done. The access is its task's: it ends early when the task is killed.
   * @sleeps May. @returns The signal that it raised.
   */
  *access(
    process: ProcessStruct,
    kind: CpuAccessKind,
    address: number,
    size: number,
    data: Uint8Array,
  ): Routine<Signal | undefined> {
    const { mm, inFlight } = process;
    if (process.killed) return { signal: 'SIGKILL', code: 'OOM', address };
    if (inFlight.execing) return { signal: 'SIGKILL', code: 'EXEC', address };
    if (mm === undefined) return { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address };
    inFlight.enter(mm);
    const signal = yield* this.accessIn(mm, kind, address, size, data);
    yield* inFlight.leave(this.kernel, mm);
    return signal;
  }

  private *accessIn(
    mm: MmStruct,
    kind: CpuAccessKind,
    address: number,
    size: number,
    data: Uint8Array,
  ): Routine<Signal | undefined> {
    const { scheduler, tracer } = this.kernel;
    const task = scheduler.current;
    for (let done = 0; done < size;) {
      const at = address + done;
      if (scheduler.preemptive) yield point(PointKind.CpuAccess, Math.floor(at / 4096));
      if (task.killed) return killed(this.kernel, at);
      if (at >= CANONICAL_END) return { signal: 'SIGSEGV', code: 'SI_KERNEL', address: 0 };
      if (at >= TASK_SIZE) return { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: at };
      const length = Math.min(4096 - (at % 4096), size - done);
      if (this.tryAccess(mm, task.cpu, kind, at, data, done, length)) {
        done += length;
        continue;
      }
      tracer?.faultBegan?.(mm.id, at, kind);
      const failed = userFaultNow(this.kernel, mm, at, kind) ? undefined : yield* userFault(this.kernel, mm, at, kind);
      tracer?.faultEnded?.(failed?.signal ?? 'done');
      if (task.killed) return killed(this.kernel, at);
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  /** Hardware's page walk. @returns the pfn, or -1 where it faults. */
  private walk(mm: MmStruct, cpu: number, vpn: number, kind: number): number {
    const { pageTables, tlbs } = this.kernel;
    const need = NEEDS[kind];
    const slot = pageTables.walk(mm.root, vpn * 4096);
    if (slot < 0) return -1;
    const flags = pageTables.flags(slot);
    if ((flags & need.mask) !== need.want) return -1;
    if ((flags & need.used) !== need.used) pageTables.setBits(slot, need.used, 0);
    const pfn = pageTables.frame(slot);
    tlbs.fill(cpu, mm, vpn, pfn, flags | need.used);
    return pfn;
  }
}

/** What instructions move is faster by hand; what the kernel moves into a buffer is not. */
function copyBytes(from: Uint8Array, at: number, into: Uint8Array, to: number, length: number): void {
  if (length <= 64) for (let i = 0; i < length; i++) into[to + i] = from[at + i];
  else into.set(from.subarray(at, at + length), to);
}
