/** A process's memory as a driver's kernel code reads and writes it: accesses of the CPU that it runs on. */
import type { Errno, Routine, UserMemoryService } from '@mmu-notifier/plugin-api';
import type { Cpus } from '../cpu/access.ts';
import { type CpuAccessKind, userFault } from '../fault/user-fault.ts';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { TASK_SIZE } from '../types.ts';
import { asMm } from './mm-handle.ts';

export function userMemoryService(kernel: Kernel, cpus: Cpus): UserMemoryService {
  const { scheduler } = kernel;

  /** Within one page. @sleeps Never. */
  function tryAccess(
    mm: MmStruct,
    kind: CpuAccessKind,
    address: number,
    data: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    return address < TASK_SIZE && cpus.tryAccess(mm, scheduler.current.cpu, kind, address, data, at, length);
  }

  function* access(mm: MmStruct, kind: CpuAccessKind, address: number, data: Uint8Array): Routine<Errno | undefined> {
    for (let done = 0; done < data.length;) {
      const at = address + done;
      if (scheduler.preemptive) yield point(PointKind.CpuAccess, Math.floor(at / 4096));
      const length = Math.min(4096 - (at % 4096), data.length - done);
      if (tryAccess(mm, kind, at, data, done, length)) {
        done += length;
        continue;
      }
      const failed = yield* fault(mm, kind, at);
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  function* fault(mm: MmStruct, kind: CpuAccessKind, address: number): Routine<Errno | undefined> {
    if (mm.users <= 0 || address >= TASK_SIZE) return 'EFAULT';
    const signal = yield* userFault(kernel, mm, address, kind);
    if (signal === undefined) return undefined;
    return signal.signal === 'SIGKILL' ? 'ENOMEM' : 'EFAULT';
  }

  return {
    tryRead: (mm, address, into) => tryAccess(asMm(mm), 'load', address, into, 0, into.length),
    read: (mm, address, into) => access(asMm(mm), 'load', address, into),
    write: (mm, address, from) => access(asMm(mm), 'store', address, from),
    *compareExchange(handle, address, expected, value) {
      const mm = asMm(handle);
      const found = new Uint8Array(expected.length);
      for (;;) {
        if (scheduler.preemptive) yield point(PointKind.CpuAccess, Math.floor(address / 4096));
        if (tryAccess(mm, 'load', address, found, 0, found.length)) {
          if (found.some((byte, i) => byte !== expected[i])) return false;
          if (tryAccess(mm, 'store', address, value, 0, value.length)) return true;
        }
        const failed = yield* fault(mm, 'store', address);
        if (failed !== undefined) return failed;
      }
    },
  };
}
