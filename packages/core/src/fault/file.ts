/**
 * Faults on file mappings: a read maps the page of the page cache, a write to a private mapping copies it, a write to a
 * shared one dirties it. Beyond the file's end there is SIGBUS. Mirrors `do_fault` (O3).
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import type { File } from '../page-cache/file.ts';
import { getLockedPage } from '../page-cache/filemap.ts';
import { Pte } from '../page-table/pte.ts';
import { addNewAnonRmap } from '../rmap/rmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { countFault } from '../tracing/count-fault.ts';
import { prepareAnonVma } from './anon-vma-prepare.ts';
import { pteProt } from './anonymous.ts';
import { deviceFault } from './device.ts';
import { faultAround, mapCachedPage } from './fault-around.ts';
import type { Fault, FaultResult } from './handle-fault.ts';

export function* fileFault(kernel: Kernel, fault: Fault): Routine<FaultResult> {
  const { vma, va, access } = fault;
  if (vma.has(VmFlags.PfnMap)) return yield* deviceFault(kernel, fault);
  const copies = access === 'write' && !vma.shared;
  if (access !== 'write' && kernel.faultAroundPages > 1 && (yield* faultAround(kernel, fault))) return 'done';
  if (copies && vma.anonVma === undefined && !(yield* prepareAnonVma(kernel, vma, fault.held))) return 'retry';
  const pfn = yield* getLockedPage(kernel, vma.file as File<Vma>, vma.indexOf(va));
  if (pfn === 'out-of-memory') return 'oom';
  if (pfn === 'beyond-end') return 'sigbus';
  countFault(kernel, 'file');
  const result = copies ? yield* mapCopy(kernel, fault, pfn) : yield* mapPage(kernel, fault, pfn);
  kernel.folioLocks.unlock(pfn);
  kernel.allocator.put(pfn);
  return result;
}

/** @locks Folio lock held: truncation cannot take the page before it is mapped. */
function* mapPage(kernel: Kernel, fault: Fault, pfn: number): Routine<FaultResult> {
  const { vma, slot, access } = fault;
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (kernel.pageTables.flags(slot) === Pte.None && !vma.mm.unstable) {
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
    if (access === 'write') {
      countFault(kernel, 'sharedWrite');
      kernel.frames.set(pfn, FrameFlags.Dirty);
    }
    mapCachedPage(kernel, vma, slot, pfn, access === 'write' ? Pte.Writable | Pte.Dirty : 0);
  }
  lock.release();
  return 'done';
}

/** @locks Folio lock of the original held. */
function* mapCopy(kernel: Kernel, fault: Fault, original: number): Routine<FaultResult> {
  const { vma, va, slot } = fault;
  const { allocator, pageTables } = kernel;
  let copy = allocator.allocateNow();
  if (copy < 0) copy = yield* allocator.allocate();
  if (copy < 0) return 'oom';
  allocator.copy(copy, original);
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (pageTables.flags(slot) !== Pte.None || vma.mm.unstable) {
    lock.release();
    allocator.put(copy);
    return 'done';
  }
  countFault(kernel, 'copyOnWrite');
  addNewAnonRmap(kernel, copy, vma, va);
  kernel.lru.add(copy);
  vma.mm.rss.anon++;
  if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
  const writable = vma.has(VmFlags.Write) ? Pte.Writable | Pte.Dirty : 0;
  pageTables.set(slot, pteProt(vma) | Pte.Accessed | writable, copy);
  kernel.observer?.copied(vma.mm, va, copy);
  lock.release();
  return 'done';
}
