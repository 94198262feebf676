/**
 * A hole in a file: its pages leave every mapping, the page cache and the store, and read as zeros from then on. Private
 * copies of them stay. Mirrors `shmem_fallocate` with FALLOC_FL_PUNCH_HOLE (O17).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Vma } from '../mm/vma.ts';
import { emptyPageCache } from './evict.ts';
import type { File } from './file.ts';
import { unmapMappingRange } from './truncate.ts';

/** Pages `first` up to `behind`. @locks Takes the inode lock and the invalidate lock for writing. @sleeps May. */
export function* punchHole(kernel: Kernel, file: File<Vma>, first: number, behind: number): Routine<void> {
  yield* file.inodeLock.acquireWrite();
  yield* file.invalidateLock.acquireWrite();
  kernel.observer?.punching(file, first, behind);
  yield* unmapMappingRange(kernel, file, first, behind, 'keep');
  yield* emptyPageCache(kernel, file, first, behind);
  file.store.punch(first, behind);
  kernel.observer?.punched(file, first, behind);
  file.invalidateLock.releaseWrite();
  file.inodeLock.releaseWrite();
}
