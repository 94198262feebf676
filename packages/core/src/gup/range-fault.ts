/**
 * Range faults: what the page tables hold of a range, faulted in where it is wanted, without a reference on any page.
 * What keeps the answer true is a notifier: the driver compares the sequence of its interval before it uses the answer.
 * Mirrors `hmm_range_fault` of `mm/hmm.c`.
 */
import type { Errno, Pfn, RangeFault, RangePage, Routine } from '@mmu-notifier/plugin-api';
import { handleFault } from '../fault/handle-fault.ts';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';

/**
 * @param stale - Whether the driver's interval was invalidated since its `readBegin`.
 * @locks Takes mmapLock for reading. @sleeps May. Runs the mm's notifier callbacks inside.
 */
export function* rangeFault(
  kernel: Kernel,
  mm: MmStruct,
  request: RangeFault,
  stale: () => boolean,
): Routine<(RangePage | undefined)[] | Errno> {
  const { start, end } = request;
  if (start % 4096 !== 0 || end % 4096 !== 0 || start >= end) return 'EINVAL';
  kernel.stats.gup['range']++;
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const pages: (RangePage | undefined)[] = [];
  let error: Errno | undefined;
  for (let at: number = start; at < end && error === undefined;) {
    if (kernel.scheduler.preemptive) yield point(PointKind.Atomic, at / 4096);
    if (stale()) error = 'EBUSY';
    else {
      const page = rangePage(kernel, mm, at);
      if (answers(page, request.want)) {
        pages.push(page);
        at += 4096;
      } else error = yield* faultPage(kernel, mm.vmas.at(at), at, request);
    }
  }
  mm.mmapLock.releaseRead();
  return error ?? pages;
}

function answers(page: RangePage | undefined, want: RangeFault['want']): boolean {
  return want === 'snapshot' || (page !== undefined && (want === 'read' || page.writable));
}

/** What the pte says; it is not made young by looking. @locks mmapLock held. */
function rangePage(kernel: Kernel, mm: MmStruct, va: number): RangePage | undefined {
  const slot = kernel.pageTables.walk(mm.root, va);
  const flags = slot < 0 ? Pte.None : kernel.pageTables.flags(slot);
  if ((flags & (Pte.Present | Pte.Special)) !== Pte.Present) return undefined;
  return { pfn: kernel.pageTables.frame(slot) as Pfn, writable: (flags & Pte.Writable) !== 0 };
}

/** `hmm_vma_fault` */
function* faultPage(
  kernel: Kernel,
  vma: Vma | undefined,
  va: number,
  { want }: RangeFault,
): Routine<Errno | undefined> {
  if (vma === undefined || !vma.has(VmFlags.Read) || vma.has(VmFlags.PfnMap)) return 'EFAULT';
  if (want === 'write' && !vma.has(VmFlags.Write)) return 'EPERM';
  const result = yield* handleFault(kernel, vma, va, want === 'write' ? 'write' : 'read');
  return result === 'done' ? undefined : 'EFAULT';
}
