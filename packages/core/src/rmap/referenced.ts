/**
 * How many mappings of a page were used since the last look, secondary MMUs asked too: their callback runs under the
 * page-table lock and can never sleep. Mirrors `folio_referenced_one` (O50).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import { clearFlushYoung } from '../notifier/young.ts';
import { Pte } from '../page-table/pte.ts';
import { rmapWalk, slotMapping } from './rmap.ts';

/** Mappings that were used since the last look, and the flags of their VMAs; `Locked` if any mapping is. */
export interface References {
  readonly ptes: number;
  readonly vmFlags: number;
}

/** @locks Folio lock held. @sleeps In the rmap locks only. */
export function* folioReferenced(kernel: Kernel, pfn: number): Routine<References> {
  let ptes = 0;
  let vmFlags = 0;
  if (kernel.frames.mapcount[pfn] === 0) return { ptes, vmFlags };
  yield* rmapWalk(kernel, pfn, function* (vma, va) {
    const slot = slotMapping(kernel, vma, va, pfn);
    if (slot < 0) return 'go on';
    if (vma.has(VmFlags.Locked)) {
      vmFlags |= VmFlags.Locked;
      return 'stop';
    }
    const lock = kernel.ptLocks.ofSlot(slot);
    if (!lock.acquireNow()) yield* lock.acquire();
    if (slotMapping(kernel, vma, va, pfn) === slot) {
      const young = (kernel.pageTables.flags(slot) & Pte.Accessed) !== 0;
      if (young) {
        kernel.pageTables.setBits(slot, 0, Pte.Accessed);
        yield* kernel.tlbs.flushRange(vma.mm, va, va + 4096);
      }
      const secondary = yield* clearFlushYoung(kernel, vma.mm, va, va + 4096);
      if (young || secondary) {
        ptes++;
        vmFlags |= vma.flags;
      }
    }
    lock.release();
    return 'go on';
  });
  return { ptes, vmFlags };
}
