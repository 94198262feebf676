/**
 * Changing a file's length. Shrinking unmaps what lies behind the new end from every process, empties the page cache,
 * and unmaps once more, because a private copy may have been made in between. Mirrors `mm/truncate.c` (O17).
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Vma } from '../mm/vma.ts';
import { type PrivateCopies, zapVmaRange } from '../mm/zap.ts';
import type { File } from './file.ts';
import { emptyPageCache } from './evict.ts';
import { getLockedPage } from './filemap.ts';

/** @locks Takes the inode lock and the invalidate lock for writing. @sleeps May. */
export function* truncateFile(kernel: Kernel, file: File<Vma>, length: number): Routine<Errno | undefined> {
  yield* file.inodeLock.acquireWrite();
  yield* file.invalidateLock.acquireWrite();
  const shrinks = length < file.length;
  kernel.observer?.truncating(file, length);
  if (shrinks) yield* clearTail(kernel, file, length);
  file.length = length;
  if (shrinks) {
    file.store.truncate(length);
    const first = Math.ceil(length / 4096);
    yield* unmapMappingRange(kernel, file, first, Infinity, 'zap');
    yield* emptyPageCache(kernel, file, first, Infinity);
    // A writeback that held a folio lock meanwhile has written behind the new end.
    file.store.truncate(first * 4096);
    yield* unmapMappingRange(kernel, file, first, Infinity, 'zap');
  }
  kernel.observer?.truncated(file, length);
  file.invalidateLock.releaseWrite();
  file.inodeLock.releaseWrite();
  return undefined;
}

/**
 * Zaps the pages `first` up to `behind` from every mapping. @param copies - What becomes of private copies.
 * @locks Takes the i_mmap lock to read. @sleeps May.
 */
export function* unmapMappingRange(
  kernel: Kernel,
  file: File<Vma>,
  first: number,
  behind: number,
  copies: PrivateCopies,
): Routine<void> {
  yield* file.iMmapLock.acquireRead();
  for (const vma of file.iMmap.overlapping(first, behind - 1)) {
    const start = Math.max(vma.start, vma.addressOf(first));
    const end = Math.min(vma.end, vma.addressOf(behind));
    yield* zapVmaRange(kernel, vma, start, end, copies);
  }
  file.iMmapLock.releaseRead();
}

/** Bytes behind the new end in its last page read as zero when the file grows again. */
function* clearTail(kernel: Kernel, file: File<Vma>, length: number): Routine<void> {
  const offset = length % 4096;
  const index = Math.floor(length / 4096);
  if (offset === 0 || !file.pages.has(index)) return;
  const pfn = yield* getLockedPage(kernel, file, index, 'excluded');
  if (typeof pfn === 'string') return;
  kernel.allocator.memory.page(pfn).fill(0, offset);
  kernel.folioLocks.unlock(pfn);
  kernel.allocator.put(pfn);
}
