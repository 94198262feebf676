/** The architecture's part of a fault: find the VMA, grow the stack, check the access, turn failure into a signal.
 *  Mirrors `do_user_addr_fault` of `arch/x86/mm/fault.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { expandStack } from '../mm/expand-stack.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PROT_MASK, VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { handleFault } from './handle-fault.ts';

/** What the CPU does with an address. @public */
export type CpuAccessKind = 'load' | 'store' | 'fetch';

/** A synchronous signal that a CPU access raises. @public */
export interface Signal {
  readonly signal: 'SIGSEGV' | 'SIGBUS' | 'SIGKILL';
  readonly code: 'SEGV_MAPERR' | 'SEGV_ACCERR' | 'BUS_ADRERR' | 'OOM';
  /** First byte that faulted. */
  readonly address: number;
}

/** @locks Takes mmapLock for reading; for writing while a stack grows. @sleeps May. */
export function* userFault(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  kind: CpuAccessKind,
): Routine<Signal | undefined> {
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  let vma = mm.vmas.at(address);
  if (vma === undefined) {
    vma = yield* growStack(kernel, mm, address);
    if (vma === undefined) {
      mm.mmapLock.releaseRead();
      kernel.stats.faults['sigsegv']++;
      return { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address };
    }
  }
  if (!allows(vma, kind)) {
    mm.mmapLock.releaseRead();
    kernel.stats.faults['sigsegv']++;
    return { signal: 'SIGSEGV', code: 'SEGV_ACCERR', address };
  }
  const result = yield* handleFault(kernel, vma, address, kind === 'store' ? 'write' : 'read');
  mm.mmapLock.releaseRead();
  if (result === 'sigbus') {
    kernel.stats.faults['sigbus']++;
    return { signal: 'SIGBUS', code: 'BUS_ADRERR', address };
  }
  return result === 'oom' ? { signal: 'SIGKILL', code: 'OOM', address } : undefined;
}

/** Writing implies reading on x86, and any permission makes memory readable. */
function allows(vma: Vma, kind: CpuAccessKind): boolean {
  if (kind === 'store') return vma.has(VmFlags.Write);
  if (kind === 'fetch') return vma.has(VmFlags.Exec);
  return (vma.flags & PROT_MASK) !== 0;
}

/** @locks Entered and left with mmapLock held for reading. */
function* growStack(kernel: Kernel, mm: MmStruct, address: number): Routine<Vma | undefined> {
  if (mm.vmas.find(address)?.has(VmFlags.GrowsDown) !== true) return undefined;
  mm.mmapLock.releaseRead();
  if (!mm.mmapLock.acquireWriteNow()) yield* mm.mmapLock.acquireWrite();
  const grown = yield* expandStack(kernel, mm, address);
  mm.mmapLock.downgrade();
  return grown;
}
