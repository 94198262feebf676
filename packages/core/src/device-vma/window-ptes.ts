/**
 * Ptes of a window: special ones, which no reference, reverse map or counter knows. Mirrors `vmf_insert_pfn_prot` and
 * `zap_vma_ptes` of `mm/memory.c`; the latter without a window of the chain, because no secondary MMU can have such a
 * page, and a callback that zaps would call callbacks.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import { pteProt } from '../fault/anonymous.ts';
import { ensureTables } from '../fault/page-tables.ts';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { PROT_MASK, VmFlags } from '../mm/vm-flags.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';
import { Pte } from '../page-table/pte.ts';
import type { Ledger } from '../plugin/ledger.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { PMD_SIZE, pageFloor } from '../types.ts';
import type { DeviceWindow } from './device-window.ts';

/** The translation of a device through which a pte reaches another process's page. */
export interface PageSource {
  readonly ledger: Ledger;
  readonly entry: number;
}

/** What a pte is to map. */
export interface WindowPage {
  readonly pfn: number;
  readonly writable: boolean;
  readonly source: PageSource | undefined;
}

/** @locks mmapLock held, of an mm with users; takes the page-table lock. @sleeps Never where the tables exist. */
export function* insertPfn(
  kernel: Kernel,
  window: DeviceWindow,
  address: number,
  page: WindowPage,
): Routine<Errno | undefined> {
  const { mm } = window;
  const { pageTables, scheduler } = kernel;
  const va = pageFloor(address);
  const vma = mm.vmas.at(va);
  if (vma?.device !== window || (vma.flags & PROT_MASK) === 0) return 'EFAULT';
  let slot = pageTables.walk(mm.root, va);
  if (slot < 0) slot = yield* ensureTables(kernel, mm, va);
  if (slot < 0) return 'ENOMEM';
  const lock = kernel.ptLocks.ofSlot(slot);
  if (!lock.acquireNow()) yield* lock.acquire();
  if (scheduler.preemptive) yield point(PointKind.PteStore, slot);
  const old = pageTables.flags(slot);
  const busy = old !== Pte.None && pageTables.frame(slot) !== page.pfn;
  if (!busy) {
    const writable = page.writable && vma.has(VmFlags.Write) ? Pte.Writable : 0;
    const kept = old & (Pte.Writable | Pte.Dirty);
    pageTables.set(slot, pteProt(vma) | Pte.Special | Pte.Accessed | writable | kept, page.pfn);
    kernel.observer?.pfnInserted(mm, va, page.source);
    if (old !== Pte.None) kernel.tlbs.flushLocal(scheduler.current.cpu, mm, va / 4096);
  }
  lock.release();
  return busy ? 'EBUSY' : undefined;
}

/**
 * One gather for all of it, also where nothing is mapped any more: an unmapping that has cleared ptes and not flushed yet
 * is a gather too, and then this one flushes everything.
 *
 * @locks Takes the window's lock, and page-table locks. @sleeps Never.
 */
export function* zapWindow(kernel: Kernel, window: DeviceWindow, start: number, end: number): Routine<void> {
  const { mm, lock } = window;
  if (!lock.acquireNow()) yield* lock.acquire();
  const gather = new MmuGather(mm, kernel.tlbs, kernel.allocator);
  for (const part of window.parts) {
    yield* zapPart(kernel, mm, gather, Math.max(start, part.start), Math.min(end, part.end));
  }
  yield* gather.finish();
  lock.release();
}

/** @locks The window's lock: it keeps the tables. */
function* zapPart(kernel: Kernel, mm: MmStruct, gather: MmuGather, start: number, end: number): Routine<void> {
  const { pageTables, scheduler } = kernel;
  if (start >= end) return;
  for (let va = pageTables.nextLeaf(mm.root, start, end); va < end;) {
    const stop = Math.min(end, (Math.floor(va / PMD_SIZE) + 1) * PMD_SIZE);
    const lock = kernel.ptLocks.ofSlot(pageTables.walk(mm.root, va));
    if (!lock.acquireNow()) yield* lock.acquire();
    let slot = pageTables.walk(mm.root, va);
    assert(slot >= 0, 'page tables below a window stay while its lock is held', va);
    for (; va < stop; va += 4096, slot++) {
      if (pageTables.flags(slot) === Pte.None) continue;
      if (scheduler.preemptive) yield point(PointKind.PteStore, slot);
      pageTables.set(slot, Pte.None, 0);
      gather.track(va);
    }
    lock.release();
    va = pageTables.nextLeaf(mm.root, stop, end);
  }
}
