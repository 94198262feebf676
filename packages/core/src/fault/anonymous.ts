/** First touch of anonymous memory: the zero page for a read, a page of its own for a write. No notification: nothing
 *  can have mirrored what was not there. Mirrors `do_anonymous_page` (O1, O2). */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte } from '../page-table/pte.ts';
import { addNewAnonRmap } from '../rmap/rmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { countFault } from '../tracing/count-fault.ts';
import { prepareAnonVma } from './anon-vma-prepare.ts';
import type { Fault, FaultResult } from './handle-fault.ts';

/** Pte bits that follow from the VMA. `vm_page_prot` */
export function pteProt(vma: Vma): number {
  return Pte.Present | Pte.User | (vma.has(VmFlags.Exec) ? 0 : Pte.NoExec);
}

export function* anonymousFault(kernel: Kernel, fault: Fault): Routine<FaultResult> {
  const { vma, va, slot } = fault;
  const writes = fault.access === 'write';
  // With an anon_vma, a VMA that was only read keeps apart from a neighbour that was touched on its own.
  const needsAnonVma = vma.anonVma === undefined && (writes || kernel.kconfig.ANON_VMA_ON_READ);
  if (needsAnonVma && !(yield* prepareAnonVma(kernel, vma, fault.held))) return 'retry';
  if (!writes) return yield* mapZeroPage(kernel, fault);
  let pfn = kernel.allocator.allocateZeroedNow();
  if (pfn < 0) pfn = yield* kernel.allocator.allocateZeroed();
  if (pfn < 0) return 'oom';
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (kernel.pageTables.flags(slot) !== Pte.None || vma.mm.unstable) {
    lock.release();
    kernel.allocator.put(pfn);
    return 'done';
  }
  accountNewPage(kernel, vma, va, pfn);
  if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
  setNewPage(kernel, vma, slot, pfn);
  lock.release();
  return 'done';
}

/**
 * The first touch of a page as plain code, where nobody could see the difference: nothing preempts, and table, anon_vma,
 * frame and lock are to be had at once.
 *
 * @locks As `handleFault`. @sleeps Never. @returns the slot where the page is mapped; -1 if not, and nothing has happened.
 */
export function anonymousNow(kernel: Kernel, vma: Vma, va: number, access: 'read' | 'write'): number {
  if (kernel.scheduler.preemptive || vma.file !== undefined || vma.anonVma === undefined) return -1;
  const slot = kernel.pageTables.walk(vma.mm.root, va);
  if (slot < 0 || vma.mm.unstable || kernel.pageTables.flags(slot) !== Pte.None) return -1;
  const { allocator } = kernel;
  const pfn = access === 'write' ? allocator.allocateZeroedNow() : allocator.zeroPfn;
  if (pfn < 0) return -1;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) {
    if (access === 'write') allocator.put(pfn);
    return -1;
  }
  kernel.stats.faults['total']++;
  if (access === 'write') {
    accountNewPage(kernel, vma, va, pfn);
    setNewPage(kernel, vma, slot, pfn);
  } else {
    countFault(kernel, 'zeroPage');
    setZeroPage(kernel, vma, slot);
  }
  lock.release();
  return slot;
}

/** @locks Page-table lock. */
function accountNewPage(kernel: Kernel, vma: Vma, va: number, pfn: number): void {
  countFault(kernel, 'anonymous');
  addNewAnonRmap(kernel, pfn, vma, va);
  kernel.lru.add(pfn);
  vma.mm.rss.anon++;
}

/** @locks Page-table lock. */
function setNewPage(kernel: Kernel, vma: Vma, slot: number, pfn: number): void {
  const writable = vma.has(VmFlags.Write) ? Pte.Writable | Pte.Dirty : 0;
  kernel.pageTables.set(slot, pteProt(vma) | Pte.Accessed | writable, pfn);
}

/** @locks Page-table lock. */
function setZeroPage(kernel: Kernel, vma: Vma, slot: number): void {
  kernel.pageTables.set(slot, pteProt(vma) | Pte.Accessed, kernel.allocator.zeroPfn);
}

function* mapZeroPage(kernel: Kernel, fault: Fault): Routine<FaultResult> {
  const lock = kernel.ptLocks.ofSlot(fault.slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (kernel.pageTables.flags(fault.slot) === Pte.None && !fault.vma.mm.unstable) {
    countFault(kernel, 'zeroPage');
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, fault.slot);
    setZeroPage(kernel, fault.vma, fault.slot);
  }
  lock.release();
  return 'done';
}
