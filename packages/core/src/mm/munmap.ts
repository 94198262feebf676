/** munmap, and the removal of mappings that mmap, mremap and brk need. Mirrors `do_vmi_munmap` (O10). */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { closeWindows } from '../device-vma/device-window.ts';
import type { Kernel } from '../kernel.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import type { MmuGather } from '../page-table/mmu-gather.ts';
import { TASK_SIZE, isPageAligned, pageCeil } from '../types.ts';
import { MAX_MAP_COUNT, type MmStruct } from './mm-struct.ts';
import type { Vma } from './vma.ts';
import { startVmaWrite, startVmaWriteNow } from './vma-lock.ts';
import { splitBeyondLimit, unlinkRmap } from './vma-ops.ts';
import { beginGather, zapPtes } from './zap.ts';

/** @locks Takes mmapLock for writing. @sleeps May. */
export function* munmap(kernel: Kernel, mm: MmStruct, start: number, length: number): Routine<Errno | undefined> {
  kernel.stats.mm['munmap']++;
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  const error = yield* munmapAndUnlock(kernel, mm, start, length);
  if (error !== undefined) mm.mmapLock.releaseWrite();
  return error;
}

/** @locks mmapLock held for writing. @sleeps May. */
export function munmapLocked(kernel: Kernel, mm: MmStruct, start: number, length: number): Routine<Errno | undefined> {
  return unmapRange(kernel, mm, start, length, 'write');
}

/**
 * Once the VMAs have left the tree, faults elsewhere need not wait: they find what they find with the lock held for
 * reading, too.
 *
 * @locks mmapLock held for writing; still so after an error, and not held after success. @sleeps May.
 */
export function* munmapAndUnlock(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
): Routine<Errno | undefined> {
  const error = yield* unmapRange(kernel, mm, start, length, 'downgrade');
  if (error !== undefined) return error;
  // Where nothing was mapped, nothing was worth a downgrade.
  if (mm.mmapLock.writeHeld) mm.mmapLock.releaseWrite();
  else mm.mmapLock.releaseRead();
  return undefined;
}

/** How mmapLock is held while the pages go. */
type HeldFor = 'write' | 'downgrade';

function* unmapRange(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  lock: HeldFor,
): Routine<Errno | undefined> {
  if (!isPageAligned(start) || length <= 0 || start > TASK_SIZE || length > TASK_SIZE - start) return 'EINVAL';
  const end = start + pageCeil(length);
  const error = yield* isolateRange(kernel, mm, start, end);
  if (error !== undefined) return error;
  const gone = mm.vmas.overlapping(start, end);
  if (gone.length > 0) yield* unmapRegion(kernel, mm, gone, start, end, lock);
  return undefined;
}

/**
 * Splits so that no VMA crosses `start` or `end`. Only a hole in the middle of one VMA leaves more VMAs than there were,
 * so only that is refused at the limit. @locks mmapLock held for writing.
 */
export function* isolateRange(kernel: Kernel, mm: MmStruct, start: number, end: number): Routine<Errno | undefined> {
  const first = mm.vmas.at(start);
  if (first !== undefined && first.start < start) {
    if (first.end > end && mm.vmas.size >= MAX_MAP_COUNT) return 'ENOMEM';
    yield* splitBeyondLimit(kernel, first, start);
  }
  const last = mm.vmas.at(end - 1);
  if (last !== undefined && last.end > end) yield* splitBeyondLimit(kernel, last, end);
  return undefined;
}

/**
 * One UNMAP window over the whole range: the VMAs leave the tree first, so that no fault can bring a page back; then
 * the ptes go, then the reverse map forgets the VMAs, then tables are unlinked; the gather's flush frees it all. No other
 * VMA needs these tables, so that a fault next to them may go on. `vms_complete_munmap_vmas`
 */
function* unmapRegion(
  kernel: Kernel,
  mm: MmStruct,
  gone: Vma[],
  start: number,
  end: number,
  lock: HeldFor,
): Routine<void> {
  for (const vma of gone) if (!startVmaWriteNow(kernel, vma)) yield* startVmaWrite(kernel, vma);
  kernel.observer?.contentsChanging(mm, start, end);
  for (const vma of gone) mm.vmas.remove(vma);
  if (lock === 'downgrade') mm.mmapLock.downgrade();
  const gather = beginGather(kernel, mm);
  const window = yield* openWindow(kernel, mm, start, end, 'UNMAP');
  for (const vma of gone) yield* zapPtes(kernel, gather, vma, vma.start, vma.end);
  yield* closeWindow(kernel, window);
  for (const vma of gone) yield* unlinkRmap(kernel, vma);
  freeTables(kernel, mm, gather, gone[0].start, gone[gone.length - 1].end);
  yield* gather.finish();
  kernel.observer?.unmapped(mm, start, end);
  yield* closeWindows(gone);
}

/** Unlinks the page tables that no neighbour needs. @locks mmapLock held, so that neighbours stay. `free_pgtables` */
export function freeTables(kernel: Kernel, mm: MmStruct, gather: MmuGather, start: number, end: number): void {
  const floor = mm.vmas.below(start)?.end ?? 0;
  // The last top-level entry reaches beyond user space: nothing up there needs it. `USER_PGTABLES_CEILING`
  const ceiling = mm.vmas.find(end)?.start ?? Infinity;
  const tables = kernel.pageTables.unlinkRange(mm.root, start, end, floor, ceiling);
  mm.tablePages -= tables.length;
  gather.queueTables(start, end, tables);
}
