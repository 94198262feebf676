/**
 * MADV_REMOVE: a hole in the file behind a shared mapping; every process reads zeros there. Mirrors `madvise_remove`
 * (O15): the windows are those of the hole.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { punchHole } from '../page-cache/punch-hole.ts';
import { VmFlags } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/**
 * @locks Entered and left with mmapLock held for reading; drops it, because the inode lock comes before it.
 * @returns EINVAL for locked memory and where there is no file, EACCES where it is private. @sleeps May.
 */
export function* removeRange(kernel: Kernel, vma: Vma, start: number, end: number): Routine<Errno | undefined> {
  const { mm, file } = vma;
  if (vma.has(VmFlags.Locked) || file === undefined) return 'EINVAL';
  if (!vma.shared) return 'EACCES';
  if (file.kind === 'device') return 'ENODEV';
  const first = vma.indexOf(start);
  mm.mmapLock.releaseRead();
  yield* punchHole(kernel, file, first, first + (end - start) / 4096);
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  return undefined;
}
