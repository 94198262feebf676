/**
 * The OOM reaper: takes a victim's private memory while its exit is stuck. It must not wait for anything that might wait
 * for memory: it tries the mmapLock, and opens windows that must not block. A driver that cannot do without keeps its
 * VMA; the reaper comes again. Mirrors `oom_reap_task` and `__oom_reap_task_mm` (O38).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Vma } from '../mm/vma.ts';
import { zapPtes } from '../mm/zap.ts';
import { closeWindow, tryOpenWindow } from '../notifier/chain.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';

/** Virtual nanoseconds that an exit has before the reaper comes. `OOM_REAPER_DELAY` */
const DELAY = 2_000_000_000;
/** `MAX_OOM_REAP_RETRIES`, and what lies between them. */
const TRIES = 10;
const PAUSE = 100_000_000;

/** Sends the reaper to a victim, for when its exit takes too long. */
export function reapLater(kernel: Kernel, victim: string, mm: MmStruct): void {
  mm.count++;
  kernel.scheduler.spawn(
    `oom_reaper of ${victim}`,
    (function* (): Routine<void> {
      yield* kernel.scheduler.sleep(DELAY);
      yield* reap(kernel, mm);
      mm.count--;
    })(),
  );
}

/** `oom_reap_task`: afterwards nobody waits for this mm any more. @returns whether all was taken. @sleeps May. */
export function* reap(kernel: Kernel, mm: MmStruct): Routine<boolean> {
  let complete = false;
  for (let tries = 0; tries < TRIES && !complete; tries++) {
    if (tries > 0) yield* kernel.scheduler.sleep(PAUSE);
    complete = yield* tryToReap(kernel, mm);
  }
  // Where somebody was in the way, the exit may have done it.
  const unmapped = complete || mm.oomSkip !== undefined;
  if (!unmapped) kernel.stats.oom['reapFailed']++;
  kernel.oom.finished(mm);
  return unmapped;
}

/** @locks Tries mmapLock for reading. @returns false when somebody was in the way. */
function* tryToReap(kernel: Kernel, mm: MmStruct): Routine<boolean> {
  if (!mm.mmapLock.tryAcquireRead()) return false;
  let complete = true;
  // An exit that has unmapped everything is about to free the tables: hands off.
  if (mm.oomSkip === undefined) {
    mm.becomeUnstable();
    for (const vma of [...mm.vmas]) if (!(yield* reapVma(kernel, vma))) complete = false;
    if (complete) kernel.stats.oom['reaped']++;
  }
  mm.mmapLock.releaseRead();
  return complete;
}

/** Shared file pages stay: they would not be freed. */
function* reapVma(kernel: Kernel, vma: Vma): Routine<boolean> {
  if (vma.file !== undefined && vma.shared) return true;
  const { mm, start, end } = vma;
  const gather = new MmuGather(mm, kernel.tlbs, kernel.allocator);
  const window = yield* tryOpenWindow(kernel, mm, start, end, 'CLEAR');
  if (window !== 'EAGAIN') {
    yield* zapPtes(kernel, gather, vma, start, end);
    yield* closeWindow(kernel, window);
  }
  yield* gather.finish();
  return window !== 'EAGAIN';
}
