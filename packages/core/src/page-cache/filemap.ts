/** Finding and bringing in the pages of a file. Mirrors `mm/filemap.c` and, for swap-backed files, `mm/shmem.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { Vma } from '../mm/vma.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { File } from './file.ts';

/** Why a page cannot be had. */
export type FilePageError = 'beyond-end' | 'out-of-memory';

/**
 * The page `index` of a file, locked and referenced, brought in if it is not cached.
 *
 * @param truncation - `excluded` by who holds the inode lock for writing, or the invalidate lock. Elsewhere a page of a disk is
 *   read with the invalidate lock held for reading, or a truncation could take the bytes away below the read.
 * @locks Takes the folio lock and keeps it. mmapLock or the inode lock may be held.
 * @sleeps May.
 */
export function* getLockedPage(
  kernel: Kernel,
  file: File<Vma>,
  index: number,
  truncation: 'excluded' | 'possible' = 'possible',
): Routine<number | FilePageError> {
  for (;;) {
    if (index >= file.lengthPages) return 'beyond-end';
    const cached = file.pages.get(index);
    if (cached === undefined || 'swapSlot' in cached) {
      const reads = truncation === 'possible' && file.hasStore();
      if (reads && !file.invalidateLock.acquireReadNow()) yield* file.invalidateLock.acquireRead();
      const fresh = yield* bringIn(kernel, file, index);
      if (reads) file.invalidateLock.releaseRead();
      if (fresh === 'raced') continue;
      return fresh;
    }
    const { pfn } = cached;
    kernel.allocator.get(pfn);
    yield* kernel.folioLocks.lock(pfn);
    // Truncation may have taken the page, or the end may have moved, while we waited.
    if (isCachedAt(kernel, file, index, pfn) && index < file.lengthPages) return pfn;
    kernel.folioLocks.unlock(pfn);
    kernel.allocator.put(pfn);
  }
}

/** Whether frame `pfn` is page `index` of the file. @locks Folio lock for a stable answer. */
export function isCachedAt(kernel: Kernel, file: File<Vma>, index: number, pfn: number): boolean {
  return kernel.frames.mapping[pfn] === file.id && kernel.frames.index[pfn] === index && pageAt(file, index) === pfn;
}

/** The frame that caches page `index`, without a reference. */
export function pageAt(file: File<Vma>, index: number): number | undefined {
  const cached = file.pages.get(index);
  return cached !== undefined && 'pfn' in cached ? cached.pfn : undefined;
}

/** Takes a page out of the page cache and drops the cache's reference. @locks Folio lock held; mapped nowhere. */
export function deleteFromPageCache(kernel: Kernel, file: File<Vma>, pfn: number): void {
  file.pages.delete(kernel.frames.index[pfn]);
  kernel.frames.clear(pfn, FrameFlags.PageCache);
  kernel.frames.mapping[pfn] = 0;
  kernel.allocator.put(pfn);
}

function* bringIn(kernel: Kernel, file: File<Vma>, index: number): Routine<number | 'raced' | FilePageError> {
  const { allocator, frames, folioLocks } = kernel;
  let pfn = allocator.allocateNow();
  if (pfn < 0) pfn = yield* allocator.allocate();
  if (pfn < 0) return 'out-of-memory';
  const before = file.pages.get(index);
  if (index >= file.lengthPages || (before !== undefined && 'pfn' in before)) {
    allocator.put(pfn);
    return 'raced';
  }
  frames.mapping[pfn] = file.id;
  frames.index[pfn] = index;
  frames.set(pfn, FrameFlags.PageCache | (file.kind === 'shmem' ? FrameFlags.SwapBacked : 0));
  allocator.get(pfn);
  folioLocks.tryLock(pfn);
  file.pages.set(index, { pfn });
  if (kernel.scheduler.preemptive) yield point(PointKind.Io, pfn);
  const into = allocator.memory.page(pfn);
  if (before !== undefined) {
    kernel.swap.read(before.swapSlot, into);
    kernel.workingset.refaulted(pfn, kernel.swap.takeShadow(before.swapSlot));
    kernel.swap.release(before.swapSlot);
    frames.set(pfn, FrameFlags.Dirty);
  } else if (file.kind === 'shmem') {
    // Clean: nothing is lost with a page that nobody has stored to.
    into.fill(0);
  } else {
    file.store.read(index, into);
    kernel.workingset.refaulted(pfn, file.shadows.get(index) ?? 0);
    file.shadows.delete(index);
  }
  kernel.lru.add(pfn);
  return pfn;
}
