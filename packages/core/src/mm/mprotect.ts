/**
 * mprotect. The window is opened lazily, at the first part of the range that has page tables, so an mprotect of memory
 * that was never touched is silent. The flush comes after the window, covered by mmapLock. Mirrors `mm/mprotect.c` (O16).
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { populateVma } from '../fault/populate.ts';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { MmuGather } from '../page-table/mmu-gather.ts';
import { LEVEL_SPAN } from '../page-table/page-tables.ts';
import { Pte, isMapped } from '../page-table/pte.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { PMD_SIZE, isPageAligned, pageCeil } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import { modifyFlags } from './modify-vma.ts';
import { PROT_MASK, VmFlags } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/**
 * A hole ends it with ENOMEM; what lies before the hole has changed by then, as in Linux.
 *
 * @locks Takes mmapLock for writing. @sleeps May.
 */
export function* mprotect(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  prot: number,
): Routine<Errno | undefined> {
  kernel.stats.mm['mprotect']++;
  if (!isPageAligned(start)) return 'EINVAL';
  if (length === 0) return undefined;
  const end = start + pageCeil(length);
  if (length < 0 || end <= start) return 'ENOMEM';
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  const error = yield* protectRange(kernel, mm, start, end, prot);
  mm.mmapLock.releaseWrite();
  return error;
}

function* protectRange(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  prot: number,
): Routine<Errno | undefined> {
  let at = start;
  const gather = new MmuGather(mm, kernel.tlbs, kernel.allocator);
  let error: Errno | undefined;
  while (at < end && error === undefined) {
    const vma = mm.vmas.at(at);
    if (vma === undefined) {
      error = 'ENOMEM';
      break;
    }
    const stop = Math.min(end, vma.end);
    if ((prot & VmFlags.Write) !== 0 && !vma.has(VmFlags.MayWrite)) {
      error = 'EACCES';
      break;
    }
    if ((vma.flags & PROT_MASK) !== prot) {
      error = yield* protectVma(kernel, gather, vma, at, stop, withProtection(vma, prot));
    }
    at = stop;
  }
  yield* gather.finish();
  return error;
}

/** Memory that was ever writable is accounted for, until it loses write permission without having been touched. */
function withProtection(vma: Vma, prot: number): number {
  const flags = (vma.flags & ~PROT_MASK) | prot;
  if ((prot & VmFlags.Write) !== 0) {
    const settled = VmFlags.Account | VmFlags.Write | VmFlags.Shared | VmFlags.NoReserve;
    return (vma.flags & settled) === 0 ? flags | VmFlags.Account : flags;
  }
  const untouched = vma.file === undefined && vma.anonVma === undefined;
  return untouched ? flags & ~VmFlags.Account : flags;
}

function* protectVma(
  kernel: Kernel,
  gather: MmuGather,
  vma: Vma,
  start: number,
  end: number,
  flags: number,
): Routine<Errno | undefined> {
  const before = vma.flags;
  const merged = yield* modifyFlags(kernel, vma, start, end, flags);
  if (typeof merged === 'string') return merged;
  yield* changeProtection(kernel, gather, merged, start, end);
  // Locked memory that becomes writable gets pages of its own now, so that no later store has to wait for them.
  const copies = (before & (VmFlags.Write | VmFlags.Shared | VmFlags.Locked)) === VmFlags.Locked;
  if (copies && merged.has(VmFlags.Write)) yield* populateVma(kernel, merged, start, end);
  return undefined;
}

/** Brings the ptes of a range in line with the VMA's new flags. @locks mmapLock held for writing. */
function* changeProtection(kernel: Kernel, gather: MmuGather, vma: Vma, start: number, end: number): Routine<void> {
  const { pageTables } = kernel;
  let va = start;
  while (va < end) {
    // One window per top-level entry: from its first part with tables to the end of the walk inside it.
    const top = Math.min(end, (Math.floor(va / LEVEL_SPAN[3]) + 1) * LEVEL_SPAN[3]);
    let at = firstWithMiddleTable(kernel, vma.mm.root, va, top);
    if (at < top) {
      const window = yield* openWindow(kernel, vma.mm, at, top, 'PROTECTION_VMA');
      for (at = pageTables.nextLeaf(vma.mm.root, at, top); at < top;) {
        const stop = Math.min(top, (Math.floor(at / PMD_SIZE) + 1) * PMD_SIZE);
        yield* protectTable(kernel, gather, vma, at, stop);
        at = pageTables.nextLeaf(vma.mm.root, stop, top);
      }
      yield* closeWindow(kernel, window);
    }
    va = top;
  }
}

/** Where the walk first meets a page table of level 1. */
function firstWithMiddleTable(kernel: Kernel, root: number, start: number, end: number): number {
  for (let va = start; va < end;) {
    const missing = kernel.pageTables.missingLevel(root, va);
    if (missing <= 1) return va;
    const span = LEVEL_SPAN[missing];
    va = (Math.floor(va / span) + 1) * span;
  }
  return end;
}

function* protectTable(kernel: Kernel, gather: MmuGather, vma: Vma, start: number, end: number): Routine<void> {
  const { pageTables } = kernel;
  const { memory } = kernel.allocator;
  const table = pageTables.leafTable(vma.mm.root, start);
  const words = memory.words(table);
  const offset = memory.wordOffset(table);
  const lock = kernel.ptLocks.of(table);
  if (!lock.acquireNow()) yield* lock.acquire();
  let index = (start / 4096) & 511;
  for (let va = start; va < end; va += 4096, index++) {
    const flags = words[offset + index * 2];
    const slot = table * 512 + index;
    if (!isMapped(flags) || protectedFlags(kernel, vma, flags, pageTables.frame(slot)) === flags) continue;
    if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
    // Read again, in one step with the store: a CPU may have set accessed or dirty up to now.
    const pfn = pageTables.frame(slot);
    pageTables.set(slot, protectedFlags(kernel, vma, words[offset + index * 2], pfn), pfn);
    gather.track(va);
  }
  lock.release();
}

function protectedFlags(kernel: Kernel, vma: Vma, flags: number, pfn: number): number {
  let next = flags & ~(Pte.Present | Pte.ProtNone | Pte.NoExec);
  next |= (vma.flags & PROT_MASK) === 0 ? Pte.ProtNone : Pte.Present;
  if (!vma.has(VmFlags.Exec)) next |= Pte.NoExec;
  if (!vma.has(VmFlags.Write)) next &= ~Pte.Writable;
  else if (needsNoWriteFault(kernel, vma, flags, pfn)) next |= Pte.Writable;
  return next;
}

/**
 * Whether a store would only be let through: nothing to copy, and no file system that wants to hear of it first.
 * `can_change_pte_writable` (6.2)
 */
function needsNoWriteFault({ frames }: Kernel, vma: Vma, flags: number, pfn: number): boolean {
  if ((flags & Pte.Special) !== 0) return false;
  if (!vma.shared) return frames.has(pfn, FrameFlags.AnonExclusive);
  return frames.has(pfn, FrameFlags.SwapBacked) || (flags & Pte.Dirty) !== 0;
}
