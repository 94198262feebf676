/** The end of an address space. Release comes before everything else: until then no page is freed. (O39) */
import type { Routine } from '@mmu-notifier/plugin-api';
import { closeWindows } from '../device-vma/device-window.ts';
import type { Kernel } from '../kernel.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { releaseNotifiers } from '../notifier/register.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';
import { TASK_SIZE } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import { freeTables } from './munmap.ts';
import { startVmaWrite } from './vma-lock.ts';
import { unlinkRmap } from './vma-ops.ts';
import { zapPtes } from './zap.ts';

/** Drops one user; the last one tears the address space down. @sleeps May. `mmput` */
export function* putMm(kernel: Kernel, mm: MmStruct): Routine<void> {
  if (--mm.users > 0) return;
  yield* exitMmap(kernel, mm);
  mm.count--;
}

/** @locks Takes mmapLock, for reading while it unmaps, for writing while it frees tables. */
function* exitMmap(kernel: Kernel, mm: MmStruct): Routine<void> {
  yield* releaseNotifiers(kernel, mm);
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const gone = [...mm.vmas];
  const gather = new MmuGather(mm, kernel.tlbs, kernel.allocator);
  const window = yield* openWindow(kernel, mm, 0, TASK_SIZE, 'UNMAP');
  for (const vma of gone) yield* zapPtes(kernel, gather, vma, vma.start, vma.end);
  yield* closeWindow(kernel, window);
  mm.mmapLock.releaseRead();
  mm.oomSkip ??= 'unmapped';
  if (!mm.mmapLock.acquireWriteNow()) yield* mm.mmapLock.acquireWrite();
  for (const vma of gone) {
    yield* startVmaWrite(kernel, vma);
    mm.vmas.remove(vma);
    yield* unlinkRmap(kernel, vma);
  }
  freeTables(kernel, mm, gather, 0, TASK_SIZE);
  yield* gather.finish();
  yield* closeWindows(gone);
  mm.mmapLock.releaseWrite();
  kernel.mms.delete(mm.id);
  kernel.allocator.put(mm.root);
  kernel.observer?.mmGone(mm);
  kernel.oom.finished(mm);
}
