/**
 * fork: the child gets the parent's VMAs and, where they may have been written, its ptes, both sides write-protected.
 * Only the parent is notified: a device with a writable translation would go on writing to a page that the child now
 * shares. One flush of the parent at the end, under its mmapLock. Mirrors `dup_mmap` and `copy_page_range` (O9).
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { ensureTables } from '../fault/page-tables.ts';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { Pte, isMapped, isSwap } from '../page-table/pte.ts';
import { addNewAnonRmap, addRmap } from '../rmap/rmap.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import { PMD_SIZE, TASK_SIZE } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import { VmFlags } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { startVmaWrite, startVmaWriteNow } from './vma-lock.ts';
import { linkVma } from './vma-ops.ts';

/** Fills the empty `child`. @locks Takes both mmapLocks for writing, the child's nested. @sleeps May. */
export function* dupMmap(kernel: Kernel, parent: MmStruct, child: MmStruct): Routine<Errno | undefined> {
  if (!parent.mmapLock.acquireWriteNow() && !(yield* parent.mmapLock.acquireWriteKillable())) return 'EINTR';
  if (!child.mmapLock.acquireWriteNow('nested')) yield* child.mmapLock.acquireWrite('nested');
  kernel.observer?.forkBegan(parent, child);
  child.startBrk = parent.startBrk;
  child.brk = parent.brk;
  let error: Errno | undefined;
  for (const vma of [...parent.vmas]) {
    if (!startVmaWriteNow(kernel, vma)) yield* startVmaWrite(kernel, vma);
    if (vma.has(VmFlags.DontCopy)) continue;
    error = yield* dupVma(kernel, vma, child);
    if (error !== undefined) break;
  }
  yield* kernel.tlbs.flushRange(parent, 0, TASK_SIZE);
  kernel.observer?.forkEnded(parent, child);
  child.mmapLock.releaseWrite();
  parent.mmapLock.releaseWrite();
  return error;
}

function* dupVma(kernel: Kernel, vma: Vma, child: MmStruct): Routine<Errno | undefined> {
  const copy = new Vma(child, vma.start, vma.end, vma.flags & ~VmFlags.Locked, vma.file, vma.pgoff);
  const wiped = vma.has(VmFlags.WipeOnFork);
  if (!wiped) yield* forkAnonVma(kernel, vma, copy);
  yield* linkVma(copy);
  if (wiped) {
    kernel.observer?.mapped(child, copy.start, copy.end, undefined, copy.pgoff, false);
    return undefined;
  }
  const error = vma.anonVma === undefined ? undefined : yield* copyPageRange(kernel, vma, copy);
  kernel.observer?.forked(vma.mm, child, vma.start, vma.end);
  return error;
}

/** The child's VMA joins every anon_vma of the parent's and gets one of its own. `anon_vma_fork` */
function* forkAnonVma(kernel: Kernel, from: Vma, to: Vma): Routine<void> {
  const parent = from.anonVma;
  if (parent === undefined) return;
  if (!parent.lock.acquireWriteNow()) yield* parent.lock.acquireWrite();
  kernel.anonVmas.clone(to, from);
  to.anonVma = kernel.anonVmas.create(parent);
  to.anonVma.activeVmas = 1;
  kernel.anonVmas.link(to, to.anonVma);
  parent.lock.releaseWrite();
}

function* copyPageRange(kernel: Kernel, from: Vma, to: Vma): Routine<Errno | undefined> {
  const { pageTables } = kernel;
  const window = from.copyOnWrite
    ? yield* openWindow(kernel, from.mm, from.start, from.end, 'PROTECTION_PAGE')
    : undefined;
  from.mm.writeProtectSeq++;
  let error: Errno | undefined;
  for (let va = pageTables.nextLeaf(from.mm.root, from.start, from.end); va < from.end && !error;) {
    const stop = Math.min(from.end, (Math.floor(va / PMD_SIZE) + 1) * PMD_SIZE);
    error = yield* copyTable(kernel, from, to, va, stop);
    va = pageTables.nextLeaf(from.mm.root, stop, from.end);
  }
  from.mm.writeProtectSeq++;
  yield* closeWindow(kernel, window);
  return error;
}

function* copyTable(kernel: Kernel, from: Vma, to: Vma, start: number, end: number): Routine<Errno | undefined> {
  const { pageTables, allocator } = kernel;
  const source = pageTables.leafTable(from.mm.root, start);
  if (pageTables.missingLevel(to.mm.root, start) > 0 && (yield* ensureTables(kernel, to.mm, start)) < 0)
    return 'ENOMEM';
  const target = pageTables.leafTable(to.mm.root, start);
  const words = allocator.memory.words(source);
  const offset = allocator.memory.wordOffset(source);
  let spare = -1;
  for (let va = start; va < end;) {
    const index = Math.floor(va / 4096) % 512;
    if (!kernel.ptLocks.of(target).acquireNow()) yield* kernel.ptLocks.of(target).acquire();
    if (!kernel.ptLocks.of(source).acquireNow('nested')) yield* kernel.ptLocks.of(source).acquire('nested');
    let needsCopy = false;
    for (let i = index; va < end && !needsCopy; i++) {
      const slot = source * 512 + i;
      if (words[offset + i * 2] !== Pte.None) {
        if (kernel.scheduler.preemptive) yield point(PointKind.PteStore, slot);
        needsCopy = spare < 0 && kernel.pins.frames > 0 && isPinnedAnon(kernel, slot);
        if (!needsCopy && copyPte(kernel, from, to, va, slot, target * 512 + i, spare)) spare = -1;
      }
      if (!needsCopy) va += 4096;
    }
    kernel.ptLocks.of(source).release();
    kernel.ptLocks.of(target).release();
    if (needsCopy) {
      spare = yield* allocator.allocate();
      if (spare < 0) return 'ENOMEM';
    }
  }
  if (spare >= 0) allocator.put(spare);
  return undefined;
}

/** A pinned anonymous page stays the parent's alone: the pin's owner and the parent must go on sharing it. */
function isPinnedAnon(kernel: Kernel, slot: number): boolean {
  const { pageTables, frames } = kernel;
  if (!isMapped(pageTables.flags(slot))) return false;
  const pfn = pageTables.frame(slot);
  return frames.has(pfn, FrameFlags.Anon) && kernel.pins.isPinned(pfn) && frames.has(pfn, FrameFlags.AnonExclusive);
}

/** @locks Both page-table locks. @returns whether `spare` was used for a copy of a pinned page. */
function copyPte(
  kernel: Kernel,
  from: Vma,
  to: Vma,
  va: number,
  source: number,
  target: number,
  spare: number,
): boolean {
  const { pageTables, frames, allocator, swap } = kernel;
  const flags = pageTables.flags(source);
  const frame = pageTables.frame(source);
  if (isSwap(flags)) {
    swap.duplicate(frame);
    if ((flags & Pte.SwapExclusive) !== 0) pageTables.set(source, flags & ~Pte.SwapExclusive, frame);
    pageTables.set(target, flags & ~Pte.SwapExclusive, frame);
    to.mm.rss.swap++;
    return false;
  }
  if (!isMapped(flags)) return false;
  const childFlags = flags & ~(from.copyOnWrite ? Pte.Writable : Pte.Dirty) & ~Pte.Accessed;
  if (spare >= 0 && isPinnedAnon(kernel, source)) {
    allocator.copy(spare, frame);
    addNewAnonRmap(kernel, spare, to, va);
    kernel.lru.add(spare);
    pageTables.set(target, (flags | Pte.Dirty) & ~Pte.Accessed, spare);
    to.mm.rss.anon++;
    return true;
  }
  if (frame !== allocator.zeroPfn) {
    allocator.get(frame);
    addRmap(kernel, frame);
    if (frames.has(frame, FrameFlags.Anon)) {
      frames.clear(frame, FrameFlags.AnonExclusive);
      to.mm.rss.anon++;
    } else {
      to.mm.rss[frames.has(frame, FrameFlags.SwapBacked) ? 'shmem' : 'file']++;
    }
  }
  if (from.copyOnWrite && (flags & Pte.Writable) !== 0) pageTables.set(source, flags & ~Pte.Writable, frame);
  pageTables.set(target, childFlags, frame);
  return false;
}
