/**
 * Faulting a range in ahead of use: MAP_POPULATE, MAP_LOCKED, mlock and the populating advices. Mirrors `__mm_populate`
 * and `faultin_page_range` of `mm/gup.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PROT_MASK, VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte } from '../page-table/pte.ts';
import { type FaultAccess, handleFault } from './handle-fault.ts';

/** Why a page could not be brought in. */
export type PopulateError = 'EFAULT' | 'ENOMEM' | 'EINTR';

/**
 * Everything mapped in `[start, end)`. @param errors - `pass over`: a VMA in which a page cannot be had ends there.
 * @locks Takes mmapLock for reading. @sleeps May.
 */
export function* populateRange(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  errors: 'stop' | 'pass over',
): Routine<PopulateError | undefined> {
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  let error: PopulateError | undefined;
  for (let at = start; at < end && error === undefined;) {
    const vma = mm.vmas.find(at);
    if (vma === undefined || vma.start >= end) break;
    const stop = Math.min(end, vma.end);
    const failed = vma.has(VmFlags.PfnMap) ? undefined : yield* populateVma(kernel, vma, Math.max(at, vma.start), stop);
    if (errors === 'stop') error = failed;
    at = stop;
  }
  mm.mmapLock.releaseRead();
  return error;
}

/** A private writable mapping gets pages of its own. @locks mmapLock held. @sleeps May. `populate_vma_page_range` */
export function* populateVma(kernel: Kernel, vma: Vma, start: number, end: number): Routine<PopulateError | undefined> {
  if ((vma.flags & PROT_MASK) === 0) return 'EFAULT';
  const access = vma.has(VmFlags.Write) && !vma.shared ? 'write' : 'read';
  return yield* faultInRange(kernel, vma, start, end, access);
}

/** Up to the first page that cannot be had, or until the task is killed. @locks mmapLock held; the VMA allows the access. @sleeps May. */
export function* faultInRange(
  kernel: Kernel,
  vma: Vma,
  start: number,
  end: number,
  access: FaultAccess,
): Routine<PopulateError | undefined> {
  for (let va = start; va < end; va += 4096) {
    if (kernel.scheduler.current.killed) return 'EINTR';
    while (!isPresent(kernel, vma, va, access)) {
      const result = yield* handleFault(kernel, vma, va, access);
      if (result === 'sigbus') return 'EFAULT';
      if (result === 'oom') return 'ENOMEM';
    }
  }
  return undefined;
}

/** Whether the pte allows the access; one that does was used, as far as its accessed bit tells. */
function isPresent(kernel: Kernel, vma: Vma, va: number, access: FaultAccess): boolean {
  const { pageTables } = kernel;
  const slot = pageTables.walk(vma.mm.root, va);
  const needed = access === 'write' ? Pte.Present | Pte.Writable : Pte.Present;
  if (slot < 0 || (pageTables.flags(slot) & needed) !== needed) return false;
  pageTables.setBits(slot, Pte.Accessed, 0);
  return true;
}
