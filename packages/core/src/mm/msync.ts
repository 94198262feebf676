/**
 * msync: what was stored to shared mappings of files reaches their disk. Each dirty page is write-protected in a window of
 * its own before it is written (O18). Mirrors `mm/msync.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { syncFile } from '../page-cache/writeback.ts';
import { isPageAligned, pageCeil } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import { VmFlags } from './vm-flags.ts';

/** Flags of `msync`. */
export type MsyncFlag = 'async' | 'sync' | 'invalidate';

/**
 * Unmapped parts are passed over and end in ENOMEM, after the rest was done; `async` alone, or no flag, writes nothing.
 *
 * @locks Takes mmapLock for reading, and drops it while it writes. @sleeps May.
 * @returns EINVAL, ENOMEM, or EBUSY for `invalidate` on locked memory.
 */
export function* msync(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  flags: readonly MsyncFlag[],
): Routine<Errno | undefined> {
  kernel.stats.mm['msync']++;
  if (!isPageAligned(start) || (flags.includes('async') && flags.includes('sync'))) return 'EINVAL';
  const end = start + pageCeil(length);
  if (end <= start) return end < start ? 'ENOMEM' : undefined;
  let unmapped: Errno | undefined;
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  for (let at = start; at < end;) {
    const vma = mm.vmas.find(at);
    if (vma === undefined || vma.start >= end || vma.start > at) unmapped = 'ENOMEM';
    if (vma === undefined || vma.start >= end) break;
    if (flags.includes('invalidate') && vma.has(VmFlags.Locked)) {
      unmapped = 'EBUSY';
      break;
    }
    const from = Math.max(at, vma.start);
    at = Math.min(end, vma.end);
    if (!flags.includes('sync') || vma.file === undefined || !vma.shared) continue;
    const { file } = vma;
    if (file.kind === 'device') {
      unmapped = 'EINVAL';
      break;
    }
    const first = vma.indexOf(from);
    // Writing takes folio locks and may wait long.
    mm.mmapLock.releaseRead();
    yield* syncFile(kernel, file, first, first + (at - from) / 4096);
    if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  }
  mm.mmapLock.releaseRead();
  return unmapped;
}
