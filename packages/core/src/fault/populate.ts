/** MAP_POPULATE: faults a range in ahead of use. Mirrors `populate_vma_page_range`; errors are swallowed. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PROT_MASK, VmFlags } from '../mm/vm-flags.ts';
import { Pte } from '../page-table/pte.ts';
import { handleFault } from './handle-fault.ts';

/** @locks Takes mmapLock for reading. @sleeps May. */
export function* populateRange(kernel: Kernel, mm: MmStruct, start: number, end: number): Routine<void> {
  if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  for (let va = start; va < end; va += 4096) {
    const vma = mm.vmas.at(va);
    if (vma === undefined || (vma.flags & PROT_MASK) === 0) break;
    const slot = kernel.pageTables.walk(mm.root, va);
    if (slot >= 0 && kernel.pageTables.flags(slot) !== Pte.None) continue;
    // A private writable mapping is populated with pages of its own.
    const write = vma.has(VmFlags.Write) && !vma.shared;
    const result = yield* handleFault(kernel, vma, va, write ? 'write' : 'read');
    if (result !== 'done') break;
  }
  mm.mmapLock.releaseRead();
}
