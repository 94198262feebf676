/**
 * A read fault on a file maps its neighbours too, as far as the page cache has them: they would fault next, and mapping
 * what is there costs less than a fault. Only the page that faulted may have to be brought in; that is the caller's.
 * No notification, for nothing present changes. Mirrors `do_fault_around` and `filemap_map_pages` (O3).
 *
 *     the window: `faultAroundPages` from the aligned page at or below the fault on, or from the VMA's start if that
 *     lies above; inside the VMA, inside one page table, and not beyond the file's end
 *
 * On x86 the neighbours' ptes are young like the one that faulted: `arch_wants_old_prefaulted_pte` is arm64's alone.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import type { File } from '../page-cache/file.ts';
import { pageAt } from '../page-cache/filemap.ts';
import { Pte } from '../page-table/pte.ts';
import { addRmap } from '../rmap/rmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { countFault } from '../tracing/count-fault.ts';
import { pteProt } from './anonymous.ts';
import type { Fault } from './handle-fault.ts';

/**
 * Maps what the page cache has of the window. Pages that somebody holds locked are left out: nobody waits here. (Linux
 * holds each folio lock that it got by trying; here looking and mapping are one step.)
 *
 * @locks mmapLock held; takes the page-table lock. @sleeps Never.
 * @returns whether the page that faulted is mapped now.
 */
export function* faultAround(kernel: Kernel, fault: Fault): Routine<boolean> {
  const { vma, slot, va } = fault;
  const { pageTables, scheduler } = kernel;
  const { first, end } = faultWindow(vma, va, slot, kernel.faultAroundPages);
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  for (let at = first; at < end; at += 4096) {
    const index = vma.indexOf(at);
    const neighbour = slot + (at - va) / 4096;
    if (pageTables.flags(neighbour) !== Pte.None || vma.mm.unstable) continue;
    let pfn = unlockedPage(kernel, vma, index);
    if (pfn < 0) continue;
    if (scheduler.preemptive) {
      yield point(PointKind.PteStore, neighbour);
      pfn = unlockedPage(kernel, vma, index);
      if (pfn < 0) continue;
    }
    if (at === va) countFault(kernel, 'file');
    else kernel.stats.faults['around']++;
    mapCachedPage(kernel, vma, neighbour, pfn);
  }
  const mapped = pageTables.flags(slot) !== Pte.None;
  lock.release();
  return mapped;
}

/** The frame of a page that is cached, inside the file and not locked; -1 otherwise. `next_uptodate_folio` */
function unlockedPage(kernel: Kernel, vma: Vma, index: number): number {
  const file = vma.file as File<Vma>;
  if (index >= file.lengthPages) return -1;
  const pfn = pageAt(file, index);
  return pfn === undefined || kernel.frames.has(pfn, FrameFlags.Locked) ? -1 : pfn;
}

/** What a fault at `va` may map: `[first, end)`. */
function faultWindow(vma: Vma, va: number, slot: number, pages: number): { first: number; end: number } {
  const index = slot % 512;
  const first = Math.max(index - (index % pages), index - (va - vma.start) / 4096);
  const end = Math.min(first + pages, 512, index + (vma.end - va) / 4096);
  return { first: va - (index - first) * 4096, end: va + (end - index) * 4096 };
}

/** Maps a page of the page cache. @param bits - What a write adds. @locks Page-table lock held; the pte is none. */
export function mapCachedPage(kernel: Kernel, vma: Vma, slot: number, pfn: number, bits: number = 0): void {
  const swapBacked = kernel.frames.has(pfn, FrameFlags.SwapBacked);
  // A page without a disk below it needs no notice of its first write.
  const writable = swapBacked && vma.shared && vma.has(VmFlags.Write) ? Pte.Writable : 0;
  kernel.allocator.get(pfn);
  addRmap(kernel, pfn);
  vma.mm.rss[swapBacked ? 'shmem' : 'file']++;
  kernel.pageTables.set(slot, pteProt(vma) | Pte.Accessed | writable | bits, pfn);
}
