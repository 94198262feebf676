/**
 * get_user_pages: the page behind an address, with a reference, faulted in as needed. The fast way walks without locks
 * and takes the reference in the same step. Mirrors `mm/gup.c`.
 */
import type { Errno, GetPageOptions, Pfn, Routine, UserPage } from '@mmu-notifier/plugin-api';
import { handleFault } from '../fault/handle-fault.ts';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';

/** @locks Takes mmapLock for reading. @sleeps May. Runs the mm's notifier callbacks inside (copy-on-write, reclaim). */
export function* getUserPage(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
): Routine<UserPage | Errno> {
  kernel.stats.gup['slow']++;
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const result = yield* getLocked(kernel, mm, address, options);
  mm.mmapLock.releaseRead();
  if (typeof result === 'string') kernel.stats.gup['failed']++;
  return result;
}

function* getLocked(kernel: Kernel, mm: MmStruct, address: number, options: GetPageOptions): Routine<UserPage | Errno> {
  const vma = mm.vmas.at(address);
  if (vma === undefined || !vma.has(options.write ? VmFlags.Write : VmFlags.Read)) return 'EFAULT';
  for (;;) {
    const page = yield* follow(kernel, vma, address, options);
    if (page !== undefined) return page;
    if (options.nowait) return 'EAGAIN';
    if (options.interruptible && kernel.scheduler.interrupted()) return 'EINTR';
    const result = yield* handleFault(kernel, vma, address, options.write ? 'write' : 'read');
    if (result === 'sigbus') return 'EFAULT';
    if (result === 'oom') return 'ENOMEM';
  }
}

/** The page if the pte allows the access now. `follow_page_pte` */
function* follow(kernel: Kernel, vma: Vma, address: number, options: GetPageOptions): Routine<UserPage | undefined> {
  const slot = kernel.pageTables.walk(vma.mm.root, address);
  if (slot < 0) return undefined;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  const page = take(kernel, slot, options);
  lock.release();
  return page;
}

/** One atomic step: no locks, no faults. `undefined` where the slow way is needed. @sleeps Never. */
export function getUserPageFast(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
): UserPage | undefined {
  if (mm.writeProtectSeq % 2 !== 0) return undefined;
  const slot = kernel.pageTables.walk(mm.root, address);
  if (slot < 0) return undefined;
  const page = take(kernel, slot, options);
  if (page !== undefined) kernel.stats.gup['fast']++;
  return page;
}

function take(kernel: Kernel, slot: number, options: GetPageOptions): UserPage | undefined {
  const { pageTables, allocator } = kernel;
  const flags = pageTables.flags(slot);
  if ((flags & Pte.Present) === 0 || (options.write && (flags & Pte.Writable) === 0)) return undefined;
  const pfn = pageTables.frame(slot);
  pageTables.setBits(slot, options.write ? Pte.Accessed | Pte.Dirty : Pte.Accessed, 0);
  if (pfn !== allocator.zeroPfn) allocator.get(pfn);
  return { pfn: pfn as Pfn, writable: (flags & Pte.Writable) !== 0 };
}

/** Drops what `getUserPage` took. */
export function putUserPage(kernel: Kernel, pfn: number): void {
  if (pfn !== kernel.allocator.zeroPfn) kernel.allocator.put(pfn);
}

/**
 * A reference for long: also for a read it breaks copy-on-write first, so that the pinned page stays the process's own.
 * @sleeps May.
 */
export function* pinUserPage(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
): Routine<UserPage | Errno> {
  if (kernel.scheduler.preemptive) yield point(PointKind.Explicit, 1);
  let page = options.write ? undefined : yield* getUserPage(kernel, mm, address, { ...options, write: true });
  if (page === undefined || page === 'EFAULT') page = yield* getUserPage(kernel, mm, address, options);
  if (typeof page === 'string') return page;
  kernel.pins.add(page.pfn);
  kernel.stats.gup['pinned']++;
  return page;
}
