/** The architecture's part of a fault: find the VMA, grow the stack, check the access, turn failure into a signal.
 *  Mirrors `do_user_addr_fault` of `arch/x86/mm/fault.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { expandStack } from '../mm/expand-stack.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PROT_MASK, VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { isMarked, lockVma, tryLockVma, unlockVma } from '../mm/vma-lock.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { anonymousNow } from './anonymous.ts';
import { type FaultResult, handleFault } from './handle-fault.ts';

/** What the CPU does with an address. @public */
export type CpuAccessKind = 'load' | 'store' | 'fetch';

/** A synchronous signal that a CPU access raises. @public */
export interface Signal {
  readonly signal: 'SIGSEGV' | 'SIGBUS' | 'SIGKILL';
  /** Of SIGKILL: memory ran out, or another task of the process exits or executes another program. */
  readonly code: 'SEGV_MAPERR' | 'SEGV_ACCERR' | 'SI_KERNEL' | 'BUS_ADRERR' | 'OOM' | 'EXIT' | 'EXEC';
  /** First byte that faulted; 0 with `SI_KERNEL`. */
  readonly address: number;
}

/**
 * First under the VMA's own lock; under mmapLock where that cannot be had or is not enough.
 *
 * @locks Tries the VMA's lock; takes mmapLock for reading, for writing while a stack grows. @sleeps May.
 */
export function* userFault(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  kind: CpuAccessKind,
): Routine<Signal | undefined> {
  if (kernel.scheduler.preemptive) yield point(PointKind.Add, mm.vmaWriters.id);
  const vma = tryLockVma(kernel, mm, address);
  if (vma === undefined) return yield* faultUnderMmapLock(kernel, mm, address, kind);
  if (!allows(vma, kind)) {
    unlockVma(kernel, vma);
    return segv(kernel, 'SEGV_ACCERR', address);
  }
  const result = yield* handleFault(kernel, vma, address, kind === 'store' ? 'write' : 'read', 'vma');
  unlockVma(kernel, vma);
  if (result === 'retry') {
    kernel.stats.vmaLock['retry']++;
    // It is one fault, however often it is tried.
    kernel.stats.faults['total']--;
    return yield* faultUnderMmapLock(kernel, mm, address, kind);
  }
  kernel.stats.vmaLock['success']++;
  return result === 'done' ? undefined : signalOf(kernel, result, address);
}

/**
 * `userFault` for the first touch of anonymous memory as plain code, where nothing waits.
 *
 * @locks Tries the VMA's lock. @sleeps Never. @returns whether it is done; if not, nothing has happened.
 */
export function userFaultNow(kernel: Kernel, mm: MmStruct, address: number, kind: CpuAccessKind): boolean {
  if (kernel.scheduler.preemptive) return false;
  const vma = mm.vmas.at(address);
  if (vma === undefined || vma.file !== undefined || isMarked(vma) || !allows(vma, kind)) return false;
  lockVma(kernel, vma);
  const slot = anonymousNow(kernel, vma, address - (address % 4096), kind === 'store' ? 'write' : 'read');
  unlockVma(kernel, vma);
  if (slot < 0) return false;
  kernel.stats.vmaLock['success']++;
  return true;
}

function* faultUnderMmapLock(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  kind: CpuAccessKind,
): Routine<Signal | undefined> {
  if (!mm.mmapLock.acquireReadNow() && !(yield* mm.mmapLock.acquireReadKillable())) return killed(kernel, address);
  const vma = mm.vmas.at(address) ?? (yield* growStack(kernel, mm, address));
  if (vma === 'EINTR') return killed(kernel, address);
  if (vma === undefined || !allows(vma, kind)) {
    mm.mmapLock.releaseRead();
    return segv(kernel, vma === undefined ? 'SEGV_MAPERR' : 'SEGV_ACCERR', address);
  }
  const result = yield* handleFault(kernel, vma, address, kind === 'store' ? 'write' : 'read');
  if (result === 'unlocked') return undefined;
  mm.mmapLock.releaseRead();
  return result === 'done' ? undefined : signalOf(kernel, result, address);
}

/** The signal that the current task dies of. */
export function killed({ scheduler }: Kernel, address: number): Signal {
  return { signal: 'SIGKILL', code: scheduler.current.killedBy ?? 'OOM', address };
}

function segv(kernel: Kernel, code: 'SEGV_MAPERR' | 'SEGV_ACCERR', address: number): Signal {
  kernel.stats.faults['sigsegv']++;
  return { signal: 'SIGSEGV', code, address };
}

function signalOf(kernel: Kernel, result: FaultResult, address: number): Signal {
  if (result !== 'sigbus') return { signal: 'SIGKILL', code: 'OOM', address };
  kernel.stats.faults['sigbus']++;
  return { signal: 'SIGBUS', code: 'BUS_ADRERR', address };
}

/** Writing implies reading on x86, and any permission makes memory readable. */
function allows(vma: Vma, kind: CpuAccessKind): boolean {
  if (kind === 'store') return vma.has(VmFlags.Write);
  if (kind === 'fetch') return vma.has(VmFlags.Exec);
  return (vma.flags & PROT_MASK) !== 0;
}

/** @locks Entered and left with mmapLock held for reading, but not where it answers EINTR. */
function* growStack(kernel: Kernel, mm: MmStruct, address: number): Routine<Vma | 'EINTR' | undefined> {
  if (mm.vmas.find(address)?.has(VmFlags.GrowsDown) !== true) return undefined;
  mm.mmapLock.releaseRead();
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  const grown = yield* expandStack(kernel, mm, address);
  mm.mmapLock.downgrade();
  return grown;
}
