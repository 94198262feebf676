/**
 * The page-fault handler, below the architecture: the VMA is known and allows the access. Mirrors `handle_mm_fault` and
 * `handle_pte_fault` of `mm/memory.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte, isMapped, isSwap } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { countFault } from '../tracing/count-fault.ts';
import { anonymousFault } from './anonymous.ts';
import { deviceFault } from './device.ts';
import { fileFault } from './file.ts';
import { ensureTables } from './page-tables.ts';
import { swapInFault } from './swap-in.ts';
import { writeProtectFault } from './write-protect.ts';

/** `unshare`: a read whose page must be the process's own, for a pin. `FAULT_FLAG_UNSHARE` */
export type FaultAccess = 'read' | 'write' | 'unshare';

/** How a fault ended: `done` also where the world changed meanwhile and the access must simply be tried again;
 *  `retry` where the VMA's lock is not enough and the fault begins again under mmapLock; `unlocked` as `done`, where a
 *  driver has waited without mmapLock. */
export type FaultResult = 'done' | 'sigbus' | 'oom' | 'retry' | 'unlocked';

/** What keeps the VMA as it is: its mm's lock, or its own. */
export type FaultLock = 'mmap' | 'vma';

/** One fault under way. */
export interface Fault {
  readonly vma: Vma;
  /** Page aligned. */
  readonly va: number;
  readonly access: FaultAccess;
  readonly slot: number;
  readonly held: FaultLock;
}

/**
 * @param held - `vma`: entered and left with the VMA's read lock held.
 * @locks mmapLock held for reading or writing, or the VMA's lock. @sleeps May.
 */
export function* handleFault(
  kernel: Kernel,
  vma: Vma,
  address: number,
  access: FaultAccess,
  held: FaultLock = 'mmap',
): Routine<FaultResult> {
  kernel.stats.faults['total']++;
  // Where the OOM reaper took a page, nobody may find zeros; whoever maps looks again under the page-table lock.
  if (vma.mm.unstable) return 'sigbus';
  const va = address - (address % 4096);
  let slot = kernel.pageTables.walk(vma.mm.root, va);
  if (slot < 0) slot = yield* ensureTables(kernel, vma.mm, va);
  if (slot < 0) return 'oom';
  const fault: Fault = { vma, va, access, slot, held };
  // Read without the lock: whoever acts on it looks again under the lock.
  if (kernel.scheduler.preemptive) yield point(PointKind.PteLoad, slot);
  const flags = kernel.pageTables.flags(slot);
  if (flags === Pte.None) {
    return vma.file === undefined ? yield* anonymousFault(kernel, fault) : yield* fileFault(kernel, fault);
  }
  if (isSwap(flags)) return yield* swapInFault(kernel, fault, flags);
  const wanted = access === 'write' || (access === 'unshare' && vma.copyOnWrite);
  if (isMapped(flags) && wanted && (flags & Pte.Writable) === 0) {
    return yield* vma.has(VmFlags.PfnMap) ? deviceFault(kernel, fault) : writeProtectFault(kernel, fault);
  }
  return yield* spuriousFault(kernel, fault);
}

/** The pte allows the access already: somebody else was faster. */
function* spuriousFault(kernel: Kernel, fault: Fault): Routine<FaultResult> {
  const lock = kernel.ptLocks.ofSlot(fault.slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  countFault(kernel, 'spurious');
  const flags = kernel.pageTables.flags(fault.slot);
  if ((flags & Pte.Present) !== 0) kernel.pageTables.setBits(fault.slot, Pte.Accessed, 0);
  lock.release();
  return 'done';
}
