/** A fault on a swap entry: the page comes from the swap cache or the device. No notification. `do_swap_page` (O4) */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { AnonVma } from '../rmap/anon-vma.ts';
import { Pte } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { deleteFromSwapCache, freeSwapCache, readSwapPage } from '../swap/swap-cache.ts';
import { countFault } from '../tracing/count-fault.ts';
import { pteProt } from './anonymous.ts';
import type { Fault, FaultResult } from './handle-fault.ts';

/** @param entry - The pte's flags as they were found; its slot is read again under the lock. */
export function* swapInFault(kernel: Kernel, fault: Fault, entry: number): Routine<FaultResult> {
  const swapSlot = kernel.pageTables.frame(fault.slot);
  const pfn = yield* readSwapPage(kernel, swapSlot);
  if (pfn === -1) return 'oom';
  if (pfn === -2) return 'done';
  yield* kernel.folioLocks.lock(pfn);
  // The slot may have been freed and the page reused while we waited for the folio lock.
  if (kernel.swap.cached(swapSlot) === pfn) yield* mapSwapPage(kernel, fault, entry, swapSlot, pfn);
  kernel.folioLocks.unlock(pfn);
  // Its last entry may have gone while we held the lock.
  freeSwapCache(kernel, pfn);
  kernel.allocator.put(pfn);
  return 'done';
}

/** @locks Folio lock held. */
function* mapSwapPage(kernel: Kernel, fault: Fault, entry: number, swapSlot: number, pfn: number): Routine<void> {
  const { vma, va, slot, access } = fault;
  const { frames, pageTables, swap, scheduler } = kernel;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (pageTables.flags(slot) !== entry || pageTables.frame(slot) !== swapSlot) {
    lock.release();
    return;
  }
  countFault(kernel, 'swapIn');
  vma.mm.rss.swap--;
  vma.mm.rss.anon++;
  if (!frames.has(pfn, FrameFlags.Anon)) {
    frames.set(pfn, FrameFlags.Anon);
    frames.mapping[pfn] = ((entry & Pte.SwapExclusive) !== 0 ? vma.anonVma : vma.anonVma?.root)?.id as AnonVma['id'];
    frames.index[pfn] = vma.indexOf(va);
  }
  frames.mapcount[pfn]++;
  kernel.allocator.get(pfn);
  swap.release(swapSlot);
  if (swap.entries(swapSlot) === 0 && access === 'write') deleteFromSwapCache(kernel, pfn);
  // Our reference and the pte's, none of the swap cache: nobody else can have the page.
  const exclusive = (entry & Pte.SwapExclusive) !== 0 || kernel.allocator.references(pfn) === 2;
  if (exclusive) frames.set(pfn, FrameFlags.AnonExclusive);
  // A read makes it writable too, so that the first store needs no fault; the dirty bit says whether it came.
  const writable = exclusive && vma.has(VmFlags.Write) ? Pte.Writable | (access === 'write' ? Pte.Dirty : 0) : 0;
  if (scheduler.preemptive) yield point(PointKind.PteStore, slot);
  pageTables.set(slot, pteProt(vma) | Pte.Accessed | writable, pfn);
  lock.release();
}
