/**
 * Direct reclaim: takes the oldest inactive pages, gives the used ones another round, writes dirty ones to swap or to
 * their file, and frees the rest. Mirrors `shrink_folio_list` and `shrink_active_list` of `mm/vmscan.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { deleteFromPageCache } from '../page-cache/filemap.ts';
import { writebackPage } from '../page-cache/writeback.ts';
import { folioReferenced } from '../rmap/referenced.ts';
import { tryToUnmap } from '../rmap/try-to-unmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { addToSwap, deleteFromSwapCache, freeSwapCache } from '../swap/swap-cache.ts';

/** `park`: only swap could take it, and swap is full. */
type Fate = 'freed' | 'activate' | 'keep' | 'park';

/** Passes over the lists with rising urgency: the last ones ignore references. */
const PRIORITIES = 4;

/**
 * @locks None of the rmap locks, no page-table lock. The caller may hold mmapLock and folio locks: others are tried only.
 * @returns how many frames were freed.
 * @sleeps May.
 */
export function* reclaimPages(kernel: Kernel, pages: number): Routine<number> {
  let freed = 0;
  kernel.tracer?.reclaimBegan?.(pages);
  if (kernel.swap.hasRoom) kernel.lru.unpark();
  for (let pass = 0; pass < PRIORITIES && freed < pages; pass++) {
    const budget = kernel.lru.inactive.length + kernel.lru.active.length;
    for (let scanned = 0; scanned < budget && freed < pages; scanned++) {
      if (kernel.lru.inactiveIsLow) yield* shrinkActive(kernel);
      const pfn = kernel.lru.inactive.last;
      if (pfn < 0) break;
      if (yield* shrinkOne(kernel, pfn, pass === PRIORITIES - 1 ? 'ignore' : 'honour')) freed++;
    }
  }
  kernel.tracer?.reclaimEnded?.(freed);
  return freed;
}

/**
 * Tries each of these pages once, used lately or not. Takes over the references that the caller holds on them.
 * `reclaim_pages`
 *
 * @locks As {@link reclaimPages}. @returns how many were freed. @sleeps May.
 */
export function* reclaimList(kernel: Kernel, pages: readonly number[]): Routine<number> {
  const { frames, allocator } = kernel;
  let freed = 0;
  for (const pfn of pages) {
    // On no list: somebody else has isolated it, or it is not in use any more.
    const listed = frames.has(pfn, FrameFlags.Lru);
    allocator.put(pfn);
    if (listed && frames.has(pfn, FrameFlags.Lru) && (yield* shrinkOne(kernel, pfn, 'ignore'))) freed++;
  }
  return freed;
}

/** The oldest active page becomes inactive; whether it was used is asked when its turn comes again. */
function* shrinkActive(kernel: Kernel): Routine<void> {
  const pfn = kernel.lru.active.last;
  if (pfn < 0) return;
  kernel.lru.deactivate(pfn);
  if (kernel.scheduler.preemptive) yield point(PointKind.Explicit, 0);
}

function* shrinkOne(kernel: Kernel, pfn: number, references: 'honour' | 'ignore'): Routine<boolean> {
  const { lru, allocator, folioLocks, stats } = kernel;
  stats.reclaim['scanned']++;
  lru.remove(pfn);
  if (!folioLocks.tryLock(pfn)) {
    lru.add(pfn);
    return false;
  }
  allocator.get(pfn);
  const fate = yield* tryToFree(kernel, pfn, references);
  folioLocks.unlock(pfn);
  // Its last swap entry may have gone while we held the lock.
  if (fate !== 'freed') freeSwapCache(kernel, pfn);
  if (fate === 'activate') {
    stats.reclaim['activated']++;
    kernel.frames.set(pfn, FrameFlags.Active);
  }
  if (fate === 'freed') stats.reclaim['freed']++;
  else if (fate === 'park') lru.park(pfn);
  else lru.add(pfn);
  allocator.put(pfn);
  return fate === 'freed';
}

/** @locks Folio lock held, one reference of ours. */
function* tryToFree(kernel: Kernel, pfn: number, references: 'honour' | 'ignore'): Routine<Fate> {
  const { frames, stats } = kernel;
  if (frames.mapcount[pfn] > 0 && references === 'honour') {
    const referenced = yield* folioReferenced(kernel, pfn);
    if (referenced > 0) {
      stats.reclaim['referenced']++;
      return 'activate';
    }
  }
  if (isPinned(kernel, pfn)) {
    stats.reclaim['pinned']++;
    return 'activate';
  }
  if (frames.has(pfn, FrameFlags.Anon)) {
    const lazy = !frames.has(pfn, FrameFlags.SwapBacked);
    if (!lazy && !frames.has(pfn, FrameFlags.SwapCache) && !addToSwap(kernel, pfn)) return 'park';
  }
  if (frames.mapcount[pfn] > 0 && !(yield* tryToUnmap(kernel, pfn))) {
    stats.reclaim['unmapFailed']++;
    // Locked memory needs no slot.
    if (frames.has(pfn, FrameFlags.SwapCache) && kernel.swap.entries(frames.private[pfn]) === 0)
      deleteFromSwapCache(kernel, pfn);
    return 'activate';
  }
  if (frames.has(pfn, FrameFlags.Anon)) return yield* freeAnon(kernel, pfn);
  return yield* freeFilePage(kernel, pfn);
}

/** References that neither ptes, caches nor we account for: somebody pins the page, or uses it right now. */
function isPinned(kernel: Kernel, pfn: number): boolean {
  return kernel.frames.refcount[pfn] > expectedReferences(kernel, pfn) + kernel.frames.mapcount[pfn];
}

function expectedReferences(kernel: Kernel, pfn: number): number {
  return kernel.frames.has(pfn, FrameFlags.SwapCache | FrameFlags.PageCache) ? 2 : 1;
}

function* freeAnon(kernel: Kernel, pfn: number): Routine<Fate> {
  const { frames, swap } = kernel;
  if (!frames.has(pfn, FrameFlags.SwapCache)) {
    if (!frames.has(pfn, FrameFlags.SwapBacked)) kernel.stats.reclaim['lazyFreed']++;
    return frames.refcount[pfn] === 1 ? 'freed' : 'keep';
  }
  if (frames.has(pfn, FrameFlags.Dirty)) {
    frames.clear(pfn, FrameFlags.Dirty);
    if (kernel.scheduler.preemptive) yield point(PointKind.Io, pfn);
    swap.write(frames.private[pfn], kernel.allocator.memory.page(pfn));
  }
  if (frames.refcount[pfn] !== 2 || frames.has(pfn, FrameFlags.Dirty)) return 'keep';
  deleteFromSwapCache(kernel, pfn);
  return 'freed';
}

function* freeFilePage(kernel: Kernel, pfn: number): Routine<Fate> {
  const { frames } = kernel;
  const file = kernel.files.get(frames.mapping[pfn]);
  if (file === undefined) return frames.refcount[pfn] === 1 ? 'freed' : 'keep';
  if (file.kind === 'shmem' && frames.has(pfn, FrameFlags.Dirty)) return yield* swapOutShmem(kernel, pfn);
  if (frames.has(pfn, FrameFlags.Dirty)) yield* writebackPage(kernel, file, pfn);
  if (frames.refcount[pfn] !== 2 || frames.has(pfn, FrameFlags.Dirty)) return 'keep';
  deleteFromPageCache(kernel, file, pfn);
  return 'freed';
}

/** A page without a disk below it: its place in the file names a swap slot from now on. Mirrors `shmem_writepage`. */
function* swapOutShmem(kernel: Kernel, pfn: number): Routine<Fate> {
  const { frames, swap } = kernel;
  const file = kernel.files.get(frames.mapping[pfn]);
  const slot = file === undefined ? -1 : swap.allocate();
  if (file === undefined) return 'activate';
  if (slot < 0) return 'park';
  const index = frames.index[pfn];
  frames.clear(pfn, FrameFlags.Dirty);
  if (kernel.scheduler.preemptive) yield point(PointKind.Io, pfn);
  swap.write(slot, kernel.allocator.memory.page(pfn));
  if (frames.refcount[pfn] !== 2 || frames.has(pfn, FrameFlags.Dirty)) {
    swap.release(slot);
    frames.set(pfn, FrameFlags.Dirty);
    return 'keep';
  }
  deleteFromPageCache(kernel, file, pfn);
  file.pages.set(index, { swapSlot: slot });
  return 'freed';
}
