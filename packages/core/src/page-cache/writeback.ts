/** Dirty pages back to their store. Mirrors `mm/page-writeback.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { Vma } from '../mm/vma.ts';
import { folioMkclean } from '../rmap/mkclean.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { File } from './file.ts';
import { isCachedAt, pageAt } from './filemap.ts';

/**
 * Writes one page back if it is dirty. It is write-protected everywhere first: what is stored during the copy dirties it
 * again. No pte is dirty where the page is not, but for a fault that has yet to get the folio lock to say so.
 *
 * @locks Folio lock held. @sleeps May.
 */
export function* writebackPage(kernel: Kernel, file: File<Vma>, pfn: number): Routine<void> {
  if (!kernel.frames.has(pfn, FrameFlags.Dirty)) return;
  yield* folioMkclean(kernel, pfn);
  kernel.frames.clear(pfn, FrameFlags.Dirty);
  if (kernel.scheduler.preemptive) yield point(PointKind.Io, pfn);
  file.store.write(kernel.frames.index[pfn], kernel.allocator.memory.page(pfn));
}

/** `fsync`: the cached pages `first` up to `behind` of a disk file, in order. @sleeps May. `vfs_fsync_range` */
export function* syncFile(
  kernel: Kernel,
  file: File<Vma>,
  first: number = 0,
  behind: number = Infinity,
): Routine<void> {
  if (file.kind !== 'disk') return;
  const indexes = [...file.pages.keys()].filter((index) => index >= first && index < behind);
  for (const index of indexes.sort((a, b) => a - b)) {
    const pfn = pageAt(file, index);
    if (pfn === undefined) continue;
    kernel.allocator.get(pfn);
    yield* kernel.folioLocks.lock(pfn);
    if (isCachedAt(kernel, file, index, pfn)) yield* writebackPage(kernel, file, pfn);
    kernel.folioLocks.unlock(pfn);
    kernel.allocator.put(pfn);
  }
}
