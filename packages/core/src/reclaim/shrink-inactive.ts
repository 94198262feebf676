/**
 * The oldest inactive pages: the used ones get another round, dirty ones are written to swap or to their file, and the
 * rest is freed. Mirrors `shrink_folio_list`, one page at a time.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { deleteFromPageCache } from '../page-cache/filemap.ts';
import { writebackPage } from '../page-cache/writeback.ts';
import { tryToUnmap } from '../rmap/try-to-unmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { addToSwap, deleteFromSwapCache, freeSwapCache } from '../swap/swap-cache.ts';
import { checkReferences } from './check-references.ts';
import type { Lruvec, PageKind } from './lruvec.ts';
import { type ScanControl, isEnough, scanControl } from './scan-control.ts';

type Fate = 'freed' | 'activate' | 'keep';

/** @locks As `reclaimPages`. @sleeps May. */
export function* shrinkInactive(
  kernel: Kernel,
  control: ScanControl,
  lruvec: Lruvec,
  kind: PageKind,
  pages: number,
): Routine<void> {
  const { stats } = kernel;
  const { inactive } = lruvec[kind];
  const freedBefore = control.freed;
  const writesBefore = stats.reclaim['written'];
  let scanned = 0;
  for (; scanned < pages && !isEnough(control); scanned++) {
    const pfn = inactive.last;
    if (pfn < 0) break;
    if (yield* shrinkOne(kernel, pfn, 'honour')) control.freed++;
  }
  const freed = control.freed - freedBefore;
  control.scanned += scanned;
  count(kernel, control, scanned, freed);
  lruvec.noteCost(kind, stats.reclaim['written'] - writesBefore, scanned - freed);
}

/**
 * Tries each of these pages once, used lately or not. Takes over the references that the caller holds on them.
 * `reclaim_pages`
 *
 * @locks As `reclaimPages`. @returns how many were freed. @sleeps May.
 */
export function* reclaimList(kernel: Kernel, pages: readonly number[]): Routine<number> {
  const { frames, allocator } = kernel;
  const control = scanControl('proactive', pages.length);
  for (const pfn of pages) {
    // On no list: somebody else has isolated it, or it is not in use any more.
    const listed = frames.has(pfn, FrameFlags.Lru);
    allocator.put(pfn);
    if (!listed || !frames.has(pfn, FrameFlags.Lru)) continue;
    const freed = yield* shrinkOne(kernel, pfn, 'ignore');
    count(kernel, control, 1, freed ? 1 : 0);
    if (freed) control.freed++;
  }
  return control.freed;
}

function count({ stats: { reclaim } }: Kernel, { reason }: ScanControl, scanned: number, freed: number): void {
  reclaim['scanned'] += scanned;
  reclaim['freed'] += freed;
  if (reason === 'proactive') return;
  reclaim[reason === 'kswapd' ? 'scannedByKswapd' : 'scannedDirectly'] += scanned;
  reclaim[reason === 'kswapd' ? 'freedByKswapd' : 'freedDirectly'] += freed;
}

function* shrinkOne(kernel: Kernel, pfn: number, references: 'honour' | 'ignore'): Routine<boolean> {
  const { lru, allocator, folioLocks, stats } = kernel;
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
  if (fate !== 'freed') lru.add(pfn);
  allocator.put(pfn);
  return fate === 'freed';
}

/** @locks Folio lock held, one reference of ours. */
function* tryToFree(kernel: Kernel, pfn: number, references: 'honour' | 'ignore'): Routine<Fate> {
  const { frames, stats } = kernel;
  const verdict = references === 'honour' ? yield* checkReferences(kernel, pfn) : 'reclaim';
  if (verdict === 'activate' || verdict === 'keep') return verdict;
  if (isPinned(kernel, pfn)) {
    stats.reclaim['pinned']++;
    return 'keep';
  }
  if (frames.has(pfn, FrameFlags.Anon)) {
    const lazy = !frames.has(pfn, FrameFlags.SwapBacked);
    if (!lazy && !frames.has(pfn, FrameFlags.SwapCache) && !addToSwap(kernel, pfn)) return 'activate';
  }
  if (frames.mapcount[pfn] > 0 && !(yield* tryToUnmap(kernel, pfn))) {
    stats.reclaim['unmapFailed']++;
    // Locked memory needs no slot.
    if (frames.has(pfn, FrameFlags.SwapCache) && kernel.swap.entries(frames.private[pfn]) === 0)
      deleteFromSwapCache(kernel, pfn);
    return 'activate';
  }
  if (frames.has(pfn, FrameFlags.Anon)) return yield* freeAnon(kernel, pfn);
  if (verdict === 'reclaim-clean' && frames.has(pfn, FrameFlags.Dirty)) return 'keep';
  return yield* freeFilePage(kernel, pfn);
}

/** References that neither ptes, caches nor we account for: somebody pins the page, or uses it right now. */
function isPinned(kernel: Kernel, pfn: number): boolean {
  return kernel.allocator.references(pfn) > expectedReferences(kernel, pfn) + kernel.frames.mapcount[pfn];
}

function expectedReferences(kernel: Kernel, pfn: number): number {
  return kernel.frames.has(pfn, FrameFlags.SwapCache | FrameFlags.PageCache) ? 2 : 1;
}

function* freeAnon(kernel: Kernel, pfn: number): Routine<Fate> {
  const { frames, swap, stats } = kernel;
  if (!frames.has(pfn, FrameFlags.SwapCache)) {
    if (!frames.has(pfn, FrameFlags.SwapBacked)) stats.reclaim['lazyFreed']++;
    return kernel.allocator.references(pfn) === 1 ? 'freed' : 'keep';
  }
  if (frames.has(pfn, FrameFlags.Dirty)) {
    frames.clear(pfn, FrameFlags.Dirty);
    if (kernel.scheduler.preemptive) yield point(PointKind.Io, pfn);
    stats.reclaim['written']++;
    swap.write(frames.private[pfn], kernel.allocator.memory.page(pfn));
  }
  if (kernel.allocator.references(pfn) !== 2 || frames.has(pfn, FrameFlags.Dirty)) return 'keep';
  swap.evictedFrom(frames.private[pfn], kernel.workingset.evicted(pfn));
  deleteFromSwapCache(kernel, pfn);
  return 'freed';
}

function* freeFilePage(kernel: Kernel, pfn: number): Routine<Fate> {
  const { frames } = kernel;
  const file = kernel.files.get(frames.mapping[pfn]);
  if (file === undefined) return kernel.allocator.references(pfn) === 1 ? 'freed' : 'keep';
  if (file.kind === 'shmem' && frames.has(pfn, FrameFlags.Dirty)) return yield* swapOutShmem(kernel, pfn);
  if (frames.has(pfn, FrameFlags.Dirty)) {
    kernel.stats.reclaim['written']++;
    yield* writebackPage(kernel, file, pfn);
  }
  if (kernel.allocator.references(pfn) !== 2 || frames.has(pfn, FrameFlags.Dirty)) return 'keep';
  file.shadows.set(frames.index[pfn], kernel.workingset.evicted(pfn));
  deleteFromPageCache(kernel, file, pfn);
  return 'freed';
}

/** A page without a disk below it: its place in the file names a swap slot from now on. Mirrors `shmem_writepage`. */
function* swapOutShmem(kernel: Kernel, pfn: number): Routine<Fate> {
  const { frames, swap } = kernel;
  const file = kernel.files.get(frames.mapping[pfn]);
  const slot = file === undefined ? -1 : swap.allocate();
  if (file === undefined || slot < 0) return 'activate';
  const index = frames.index[pfn];
  frames.clear(pfn, FrameFlags.Dirty);
  if (kernel.scheduler.preemptive) yield point(PointKind.Io, pfn);
  kernel.stats.reclaim['written']++;
  swap.write(slot, kernel.allocator.memory.page(pfn));
  if (kernel.allocator.references(pfn) !== 2 || frames.has(pfn, FrameFlags.Dirty)) {
    swap.release(slot);
    frames.set(pfn, FrameFlags.Dirty);
    return 'keep';
  }
  swap.evictedFrom(slot, kernel.workingset.evicted(pfn));
  deleteFromPageCache(kernel, file, pfn);
  file.pages.set(index, { swapSlot: slot });
  return 'freed';
}
