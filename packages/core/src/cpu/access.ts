/**
 * CPU accesses: TLB, then the hardware's page walk, then the fault handler. `tryAccess` is the hot path: plain code, one
 * atomic step, nothing allocated. The walk sets accessed and dirty; a TLB entry without dirty makes a store walk again.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { type CpuAccessKind, type Signal, userFault } from '../fault/user-fault.ts';
import type { Kernel } from '../kernel.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Shadow } from '../oracle/shadow/shadow.ts';
import { Pte } from '../page-table/pte.ts';
import type { ProcessStruct } from '../process/process.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { TASK_SIZE } from '../types.ts';

/** Bits of an entry that an access looks at, and what they must be. */
interface Need {
  readonly mask: number;
  readonly want: number;
  /** As `want`, for the pte: hardware sets dirty itself. */
  readonly pteWant: number;
  /** What the walk sets. */
  readonly used: number;
}

const STORE_BITS = Pte.Present | Pte.Writable;
const LOAD: Need = { mask: Pte.Present, want: Pte.Present, pteWant: Pte.Present, used: Pte.Accessed };
const FETCH: Need = {
  mask: Pte.Present | Pte.NoExec,
  want: Pte.Present,
  pteWant: Pte.Present,
  used: Pte.Accessed,
};
const STORE: Need = {
  mask: STORE_BITS | Pte.Dirty,
  want: STORE_BITS | Pte.Dirty,
  pteWant: STORE_BITS,
  used: Pte.Accessed | Pte.Dirty,
};
const NEEDS: Readonly<Record<CpuAccessKind, Need>> = { load: LOAD, fetch: FETCH, store: STORE };

/**
 * Accesses in a row, in columns.
 * @public
 */
export interface AccessRun {
  /** 0 fetch, 1 load, 2 store, 3 load and store of one instruction. */
  readonly kinds: Uint8Array;
  readonly addresses: Float64Array;
  /** Bytes. */
  readonly sizes: Int32Array;
}

/** By the `kinds` of a run. An instruction that does both walks with the intent to write. */
const RUN_NEEDS: readonly Need[] = [FETCH, LOAD, STORE, STORE];

export class Cpus {
  private readonly kernel: Kernel;
  private readonly shadow: Shadow | undefined;
  /** Of the last store of a run. */
  private pattern = 0;

  constructor(kernel: Kernel, shadow: Shadow | undefined) {
    this.kernel = kernel;
    this.shadow = shadow;
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
    const need = NEEDS[kind];
    const vpn = Math.floor(address / 4096);
    const offset = address - vpn * 4096;
    let pfn = this.kernel.tlbs.lookup(cpu, mm.asid, vpn, need.mask, need.want);
    if (pfn < 0) {
      pfn = this.walk(mm, cpu, vpn, need);
      if (pfn < 0) return false;
    }
    const { memory } = this.kernel.allocator;
    const slab = memory.bytes(pfn);
    const page = memory.byteOffset(pfn);
    const from = page + offset;
    if (kind === 'store') {
      for (let i = 0; i < length; i++) slab[from + i] = data[at + i];
      this.shadow?.stored(mm, address, length, slab, page);
    } else {
      for (let i = 0; i < length; i++) data[at + i] = slab[from + i];
      this.shadow?.loaded(mm, address, length, slab, page);
    }
    return true;
  }

  /**
   * The accesses `[from, to)` of a run, as far as each lies inside one page and needs no fault. Nobody sees what is
   * loaded; stores write a pattern. With oracles on none is made: they look at every access.
   *
   * @returns the first that was not made, `to` where all were. @sleeps Never.
   */
  tryRun(mm: MmStruct, cpu: number, { kinds, addresses, sizes }: AccessRun, from: number, to: number): number {
    const { tlbs, allocator } = this.kernel;
    const { memory } = allocator;
    if (this.shadow !== undefined) return from;
    for (let i = from; i < to; i++) {
      const kind = kinds[i];
      const address = addresses[i];
      const size = sizes[i];
      const vpn = Math.floor(address / 4096);
      const offset = address - vpn * 4096;
      if (kind > 3 || offset + size > 4096) return i;
      const need = RUN_NEEDS[kind];
      let pfn = tlbs.lookup(cpu, mm.asid, vpn, need.mask, need.want);
      if (pfn < 0) {
        pfn = this.walk(mm, cpu, vpn, need);
        if (pfn < 0) return i;
      }
      if (kind > 1) this.scribble(memory, pfn, offset, size);
    }
    return to;
  }

  /** What no two stores share in every byte. */
  private scribble(memory: PhysicalMemory, pfn: number, offset: number, size: number): void {
    const word = (this.pattern = (Math.imul(this.pattern, 1664525) + 1013904223) | 0);
    if ((offset & 3) === 0 && (size & 3) === 0) {
      const words = memory.words(pfn);
      const first = memory.wordOffset(pfn) + (offset >>> 2);
      const end = first + (size >>> 2);
      for (let i = first; i < end; i++) words[i] = word;
    } else {
      const bytes = memory.bytes(pfn);
      const first = memory.byteOffset(pfn) + offset;
      for (let i = 0; i < size; i++) bytes[first + i] = word >>> ((i & 3) << 3);
    }
  }

  /** Any length; bytes before the one that faults are done. @sleeps May. @returns The signal that it raised. */
  *access(
    process: ProcessStruct,
    kind: CpuAccessKind,
    address: number,
    size: number,
    data: Uint8Array,
  ): Routine<Signal | undefined> {
    const { scheduler, tracer } = this.kernel;
    for (let done = 0; done < size;) {
      const at = address + done;
      if (scheduler.preemptive) yield point(PointKind.CpuAccess, Math.floor(at / 4096));
      const { mm } = process;
      if (process.killed) return { signal: 'SIGKILL', code: 'OOM', address: at };
      if (mm === undefined || at >= TASK_SIZE) return { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: at };
      const length = Math.min(4096 - (at % 4096), size - done);
      if (this.tryAccess(mm, scheduler.current.cpu, kind, at, data, done, length)) {
        done += length;
        continue;
      }
      tracer?.faultBegan?.(mm.id, at, kind);
      const failed = yield* userFault(this.kernel, mm, at, kind);
      tracer?.faultEnded?.(failed?.signal ?? 'done');
      if (process.killed) return { signal: 'SIGKILL', code: 'OOM', address: at };
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  /** Hardware's page walk. @returns the pfn, or -1 where it faults. */
  private walk(mm: MmStruct, cpu: number, vpn: number, need: Need): number {
    const { pageTables, tlbs } = this.kernel;
    const slot = pageTables.walk(mm.root, vpn * 4096);
    if (slot < 0) return -1;
    const flags = pageTables.flags(slot);
    if ((flags & need.mask & ~Pte.Dirty) !== need.pteWant) return -1;
    if ((flags & need.used) !== need.used) pageTables.setBits(slot, need.used, 0);
    const pfn = pageTables.frame(slot);
    tlbs.fill(cpu, mm, vpn, pfn, flags | need.used);
    return pfn;
  }
}
