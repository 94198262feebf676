/** Allocating the tables on the way to an address. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PMD_SIZE } from '../types.ts';

/**
 * Makes the last-level table of `va` exist. @locks mmapLock held (keeps tables from being freed). @sleeps May.
 * @returns the slot of the pte, or -1 when memory is exhausted.
 */
export function* ensureTables(kernel: Kernel, mm: MmStruct, va: number): Routine<number> {
  const { pageTables, allocator, frames } = kernel;
  for (;;) {
    const level = pageTables.missingLevel(mm.root, va);
    if (level === 0) return pageTables.walk(mm.root, va);
    const frame = yield* allocator.allocateZeroed();
    if (frame < 0) return -1;
    // Another task may have linked one while we allocated.
    if (pageTables.missingLevel(mm.root, va) !== level) {
      allocator.put(frame);
      continue;
    }
    pageTables.link(mm.root, va, frame);
    frames.mapping[frame] = mm.id;
    frames.index[frame] = level === 1 ? va - (va % PMD_SIZE) : -1;
    // Where tasks are explored it must not matter who needs the lock first.
    if (level === 1 && kernel.scheduler.preemptive) kernel.ptLocks.of(frame);
    mm.tablePages++;
  }
}
