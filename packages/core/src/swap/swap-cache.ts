/** Pages on their way to and from swap. Mirrors `mm/swap_state.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { PointKind, point } from '../sched/preemption-point.ts';

/**
 * Gives an anonymous page a slot and puts it in the swap cache, dirty. @locks Folio lock held.
 * @returns whether swap had room.
 */
export function addToSwap(kernel: Kernel, pfn: number): boolean {
  const slot = kernel.swap.allocate();
  if (slot < 0) return false;
  kernel.swap.addToCache(slot, pfn);
  kernel.frames.private[pfn] = slot;
  kernel.frames.set(pfn, FrameFlags.SwapCache | FrameFlags.Dirty);
  kernel.allocator.get(pfn);
  return true;
}

/** Takes the page out of the swap cache and drops the cache's reference. @locks Folio lock held. */
export function deleteFromSwapCache(kernel: Kernel, pfn: number): void {
  kernel.swap.removeFromCache(kernel.frames.private[pfn]);
  kernel.frames.clear(pfn, FrameFlags.SwapCache);
  kernel.frames.private[pfn] = 0;
  kernel.frames.set(pfn, FrameFlags.Dirty);
  kernel.allocator.put(pfn);
}

/** An entry is gone: frees the slot, and the cached page too when nobody else names it. `free_swap_and_cache` */
export function freeSwapEntry(kernel: Kernel, slot: number): void {
  kernel.swap.release(slot);
  const pfn = kernel.swap.cached(slot);
  if (pfn !== undefined) freeSwapCache(kernel, pfn);
}

/**
 * A page in the swap cache that nothing maps and no swap entry names is of no use. Whoever holds its lock now looks at
 * it again. `free_swap_cache`
 */
export function freeSwapCache(kernel: Kernel, pfn: number): void {
  const { frames, swap } = kernel;
  if (!frames.has(pfn, FrameFlags.SwapCache) || frames.mapcount[pfn] > 0 || swap.entries(frames.private[pfn]) > 0)
    return;
  if (!kernel.folioLocks.tryLock(pfn)) return;
  // The reference keeps the frame until the lock bit is gone.
  kernel.allocator.get(pfn);
  deleteFromSwapCache(kernel, pfn);
  kernel.folioLocks.unlock(pfn);
  kernel.allocator.put(pfn);
}

/**
 * The page of a swap slot, read from the device unless the cache has it. The caller gets a reference; the folio is not
 * locked, and the slot may be gone by now: the caller rechecks its pte.
 *
 * @returns -1 when memory is exhausted, -2 when the slot was freed meanwhile.
 * @sleeps May.
 */
export function* readSwapPage(kernel: Kernel, slot: number): Routine<number> {
  const { swap, frames, allocator } = kernel;
  const cached = swap.cached(slot);
  if (cached !== undefined) {
    allocator.get(cached);
    return cached;
  }
  const pfn = yield* allocator.allocate();
  if (pfn < 0) return -1;
  if (swap.cached(slot) !== undefined || swap.entries(slot) <= 0) {
    allocator.put(pfn);
    if (swap.entries(slot) <= 0) return -2;
    return yield* readSwapPage(kernel, slot);
  }
  swap.duplicate(slot);
  swap.addToCache(slot, pfn);
  allocator.get(pfn);
  frames.private[pfn] = slot;
  frames.set(pfn, FrameFlags.SwapCache | FrameFlags.SwapBacked);
  kernel.folioLocks.tryLock(pfn);
  if (kernel.scheduler.preemptive) yield point(PointKind.Io, slot);
  swap.read(slot, kernel.allocator.memory.page(pfn));
  kernel.folioLocks.unlock(pfn);
  kernel.workingset.refaulted(pfn, swap.takeShadow(slot));
  kernel.lru.add(pfn);
  return pfn;
}
