/** Filling the page cache ahead of use. Mirrors `force_page_cache_readahead` of `mm/readahead.c`. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Vma } from '../mm/vma.ts';
import type { File } from './file.ts';
import { getLockedPage } from './filemap.ts';

/** Brings in every page that the bytes `[start, end)` touch. @locks Takes folio locks, one at a time. @sleeps May. */
export function* readAhead(kernel: Kernel, file: File<Vma>, start: number, end: number): Routine<Errno | undefined> {
  for (let index = Math.floor(start / 4096); index * 4096 < Math.min(end, file.length); index++) {
    if (file.pages.has(index)) continue;
    const pfn = yield* getLockedPage(kernel, file, index);
    if (pfn === 'beyond-end') return undefined;
    if (pfn === 'out-of-memory') return 'ENOMEM';
    kernel.folioLocks.unlock(pfn);
    kernel.allocator.put(pfn);
  }
  return undefined;
}
