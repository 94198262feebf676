/**
 * get_user_pages: the page behind an address, with a reference, faulted in as needed. The fast way walks without locks
 * and takes the reference in the same step. Mirrors `mm/gup.c` of Linux 6.18.
 */
import type { Errno, GetPageOptions, Pfn, Routine, UserPage } from '@mmu-notifier/plugin-api';
import { anonymousNow } from '../fault/anonymous.ts';
import { handleFault } from '../fault/handle-fault.ts';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte, isSwap } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';

/** A reference for a moment (`FOLL_GET`), or one for I/O (`FOLL_PIN`): counted, and its page stays the process's own. */
export type Hold = 'get' | 'pin';

/** @locks Takes mmapLock for reading. @sleeps May. Runs the mm's notifier callbacks inside (copy-on-write, reclaim). */
export function* getUserPage(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
  hold: Hold = 'get',
): Routine<UserPage | Errno> {
  if (hold === 'pin' && kernel.scheduler.preemptive) yield point(PointKind.Explicit, 1);
  kernel.stats.gup['slow']++;
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const result = yield* getLocked(kernel, mm, address, options, hold);
  mm.mmapLock.releaseRead();
  if (typeof result === 'string') kernel.stats.gup['failed']++;
  return result;
}

/** @returns the pages up to the first that cannot be had; its errno if it is the first of all. @locks As `getUserPage`. */
export function* getUserPages(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  count: number,
  options: GetPageOptions,
  hold: Hold,
): Routine<UserPage[] | Errno> {
  kernel.stats.gup['slow']++;
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const pages: UserPage[] = [];
  let error: Errno | undefined;
  while (pages.length < count && error === undefined) {
    const page = yield* getLocked(kernel, mm, address + pages.length * 4096, options, hold);
    if (typeof page === 'string') error = page;
    else pages.push(page);
  }
  mm.mmapLock.releaseRead();
  if (pages.length > 0 || error === undefined) return pages;
  kernel.stats.gup['failed']++;
  return error;
}

function* getLocked(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
  hold: Hold,
): Routine<UserPage | Errno> {
  const vma = mm.vmas.at(address);
  if (vma === undefined || !allows(vma, options, hold)) return 'EFAULT';
  if (kernel.scheduler.current.killed) return 'EINTR';
  const page = getNow(kernel, vma, address, options, hold);
  if (page !== undefined) return page;
  for (;;) {
    const page = yield* follow(kernel, vma, address, options, hold);
    if (typeof page === 'object') return page;
    if (options.nowait && mustBeRead(kernel, vma, address)) return 'EAGAIN';
    if (options.interruptible ? kernel.scheduler.interrupted() : kernel.scheduler.current.killed) return 'EINTR';
    const access = options.write ? 'write' : page === 'shared' ? 'unshare' : 'read';
    const result = yield* handleFault(kernel, vma, address, access);
    if (result === 'sigbus') return 'EFAULT';
    if (result === 'oom') return 'ENOMEM';
  }
}

/**
 * `getUserPage` as plain code, where nothing waits and no callback runs.
 *
 * @locks Takes mmapLock for reading. @sleeps Never.
 * @returns `undefined` where the routine is needed, which then says what is wrong.
 */
export function getUserPageNow(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
): UserPage | undefined {
  if (kernel.scheduler.preemptive || kernel.scheduler.current.killed || mm.users <= 0) return undefined;
  if (!mm.mmapLock.acquireReadNow()) return undefined;
  const vma = mm.vmas.at(address);
  const may = vma !== undefined && allows(vma, options, 'get');
  const page = may ? getNow(kernel, vma, address, options, 'get') : undefined;
  mm.mmapLock.releaseRead();
  if (page !== undefined) kernel.stats.gup['slow']++;
  return page;
}

/**
 * The page as plain code, also one that is missing where a first touch brings it; `undefined` where the loop is needed.
 * @locks As `getUserPage`. @sleeps Never.
 */
function getNow(kernel: Kernel, vma: Vma, address: number, options: GetPageOptions, hold: Hold): UserPage | undefined {
  if (kernel.scheduler.preemptive || hold === 'pin' || options.nowait === true) return undefined;
  const { owner } = kernel.scheduler.current;
  if (options.interruptible && owner?.signalPending) return undefined;
  let slot = kernel.pageTables.walk(vma.mm.root, address);
  if (slot < 0 || (kernel.pageTables.flags(slot) & Pte.Present) === 0) {
    slot = anonymousNow(kernel, vma, address - (address % 4096), options.write === true ? 'write' : 'read');
    if (slot < 0) return undefined;
  }
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) return undefined;
  const page = take(kernel, slot, options, hold);
  lock.release();
  return page;
}

/**
 * A file on a disk may not be written for long: nobody would see when its pages are dirtied after a writeback.
 * `check_vma_flags`, `writable_file_mapping_allowed`
 */
function allows(vma: Vma, { write, longterm }: GetPageOptions, hold: Hold): boolean {
  const needed = write ? VmFlags.Write : VmFlags.Read;
  if ((vma.flags & (needed | VmFlags.PfnMap)) !== needed) return false;
  return !(hold === 'pin' && longterm && write && vma.shared && vma.file?.kind === 'disk');
}

/** Whether a fault would wait for a disk. `FAULT_FLAG_RETRY_NOWAIT` */
function mustBeRead(kernel: Kernel, vma: Vma, address: number): boolean {
  const slot = kernel.pageTables.walk(vma.mm.root, address);
  const flags = slot < 0 ? Pte.None : kernel.pageTables.flags(slot);
  if (isSwap(flags)) return kernel.swap.cached(kernel.pageTables.frame(slot)) === undefined;
  if (flags !== Pte.None || vma.file === undefined) return false;
  const index = vma.indexOf(address - (address % 4096));
  const cached = vma.file.pages.get(index);
  if (cached !== undefined) return 'swapSlot' in cached;
  return vma.file.kind === 'disk' && index < vma.file.lengthPages;
}

/** The page if the pte allows the access now; `shared` if it must become the process's own first. `follow_page_pte` */
function* follow(
  kernel: Kernel,
  vma: Vma,
  address: number,
  options: GetPageOptions,
  hold: Hold,
): Routine<UserPage | 'shared' | undefined> {
  const slot = kernel.pageTables.walk(vma.mm.root, address);
  if (slot < 0) return undefined;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  const page =
    hold === 'pin' && mustUnshare(kernel, slot, options, vma.copyOnWrite)
      ? 'shared'
      : take(kernel, slot, options, hold);
  lock.release();
  return page;
}

/** One atomic step: no locks, no faults. `undefined` where the slow way is needed. @sleeps Never. */
export function getUserPageFast(
  kernel: Kernel,
  mm: MmStruct,
  address: number,
  options: GetPageOptions,
  hold: Hold = 'get',
): UserPage | undefined {
  if (mm.writeProtectSeq % 2 !== 0) return undefined;
  const slot = kernel.pageTables.walk(mm.root, address);
  if (slot < 0) return undefined;
  if (hold === 'pin') {
    // Without a VMA nobody knows whether a file's page may be written for long, or would be copied on a write.
    if (options.longterm && isDiskPage(kernel, slot)) return undefined;
    if (mustUnshare(kernel, slot, options, true)) return undefined;
  }
  const page = take(kernel, slot, options, hold);
  if (page !== undefined) kernel.stats.gup['fast']++;
  return page;
}

function isDiskPage({ pageTables, frames, allocator }: Kernel, slot: number): boolean {
  if ((pageTables.flags(slot) & Pte.Present) === 0) return false;
  const pfn = pageTables.frame(slot);
  return pfn !== allocator.zeroPfn && !frames.has(pfn, FrameFlags.Anon) && !frames.has(pfn, FrameFlags.SwapBacked);
}

/**
 * A page that a read pin may not hold, because the process's next write would go to a copy: an anonymous one that others
 * have too; for long also the zero page, and a file's page in a private mapping. `gup_must_unshare`
 */
function mustUnshare(kernel: Kernel, slot: number, options: GetPageOptions, copyOnWrite: boolean): boolean {
  const { pageTables, frames } = kernel;
  if (options.write || (pageTables.flags(slot) & Pte.Present) === 0) return false;
  const pfn = pageTables.frame(slot);
  if (!frames.has(pfn, FrameFlags.Anon)) return options.longterm === true && copyOnWrite;
  return !frames.has(pfn, FrameFlags.AnonExclusive);
}

function take(kernel: Kernel, slot: number, options: GetPageOptions, hold: Hold): UserPage | undefined {
  const { pageTables, allocator } = kernel;
  const flags = pageTables.flags(slot);
  const present = (flags & (Pte.Present | Pte.Special)) === Pte.Present;
  if (!present || (options.write && (flags & Pte.Writable) === 0)) return undefined;
  const pfn = pageTables.frame(slot);
  if (kernel.scheduler.preemptive) kernel.scheduler.note(PointKind.PteStore, slot);
  pageTables.setBits(slot, options.write ? Pte.Accessed | Pte.Dirty : Pte.Accessed, 0);
  if (pfn !== allocator.zeroPfn) allocator.get(pfn);
  if (hold === 'pin') {
    kernel.pins.add(pfn);
    kernel.stats.gup['pinned']++;
  }
  return { pfn: pfn as Pfn, writable: (flags & Pte.Writable) !== 0 };
}

/** Drops what `getUserPage` took. */
export function putUserPage(kernel: Kernel, pfn: number): void {
  if (pfn !== kernel.allocator.zeroPfn) kernel.allocator.put(pfn);
}
