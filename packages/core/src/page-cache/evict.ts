/** Taking the pages of a file out of the page cache, whatever they hold: the file got shorter, or is gone. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Vma } from '../mm/vma.ts';
import { tryToUnmap } from '../rmap/try-to-unmap.ts';
import type { File } from './file.ts';
import { deleteFromPageCache, isCachedAt, pageAt } from './filemap.ts';

/** Pages `first` up to `behind`. @locks Takes folio locks. @sleeps May. `truncate_inode_pages_range` */
export function* emptyPageCache(kernel: Kernel, file: File<Vma>, first: number, behind: number): Routine<void> {
  for (const index of file.shadows.keys()) if (index >= first && index < behind) file.shadows.delete(index);
  const indexes = [...file.pages.keys()].filter((index) => index >= first && index < behind);
  for (const index of indexes.sort((a, b) => a - b)) {
    const pfn = pageAt(file, index);
    if (pfn === undefined) {
      const cached = file.pages.get(index);
      if (cached && 'swapSlot' in cached && file.pages.delete(index)) kernel.swap.release(cached.swapSlot);
      continue;
    }
    kernel.allocator.get(pfn);
    yield* kernel.folioLocks.lock(pfn);
    if (isCachedAt(kernel, file, index, pfn)) {
      // A fault may have mapped it again between the unmap pass and the lock.
      if (kernel.frames.mapcount[pfn] > 0) yield* tryToUnmap(kernel, pfn, 'goes too');
      if (kernel.frames.mapcount[pfn] === 0) deleteFromPageCache(kernel, file, pfn);
    }
    kernel.folioLocks.unlock(pfn);
    kernel.allocator.put(pfn);
  }
}

/** The last user of a file is gone, and its name too. @sleeps May. */
export function* dropFile(kernel: Kernel, file: File<Vma>): Routine<void> {
  yield* emptyPageCache(kernel, file, 0, Infinity);
  kernel.files.delete(file.id);
}
