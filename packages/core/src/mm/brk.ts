/** brk: the heap's end. Growing merges into the heap's VMA, shrinking unmaps. Mirrors `mm/mmap.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { pageCeil } from '../types.ts';
import { MAX_MAP_COUNT, type MmStruct } from './mm-struct.ts';
import { munmapAndUnlock } from './munmap.ts';
import { STACK_GUARD_GAP } from './unmapped-area.ts';
import { VmFlags } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { linkVma, mergeNewArea } from './vma-ops.ts';

/** @returns the break as it is afterwards: the old one when the request cannot be met. @sleeps May. */
export function* brk(kernel: Kernel, mm: MmStruct, address: number): Routine<number> {
  kernel.stats.mm['brk']++;
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return mm.brk;
  if (address >= mm.startBrk) {
    const from = pageCeil(mm.brk);
    const to = pageCeil(address);
    if (to < from) {
      if (yield* shrinkAndUnlock(kernel, mm, to, from, address)) return address;
    } else if (yield* grow(kernel, mm, from, to)) mm.brk = address;
  }
  const end = mm.brk;
  mm.mmapLock.releaseWrite();
  return end;
}

/**
 * Where nothing of the heap is left between the two, the break stays.
 *
 * @locks mmapLock held for writing; not held any more where it answers true. @sleeps May.
 */
function* shrinkAndUnlock(kernel: Kernel, mm: MmStruct, to: number, from: number, address: number): Routine<boolean> {
  const first = mm.vmas.find(to);
  if (first === undefined || first.start >= from) return false;
  const before = mm.brk;
  // Others see the heap's end as soon as they see that its pages are going.
  mm.brk = address;
  if ((yield* munmapAndUnlock(kernel, mm, to, from - to)) === undefined) return true;
  mm.brk = before;
  return false;
}

function* grow(kernel: Kernel, mm: MmStruct, from: number, to: number): Routine<boolean> {
  if (from === to) return true;
  if (mm.vmas.size > MAX_MAP_COUNT) return false;
  const next = mm.vmas.find(from);
  const gap = next?.has(VmFlags.GrowsDown) ? STACK_GUARD_GAP : 0;
  // One page stays free below the next mapping.
  if (next !== undefined && next.start - gap < to + 4096) return false;
  const flags = VmFlags.Read | VmFlags.Write | VmFlags.MayWrite | VmFlags.Account;
  const area = { start: from, end: to, flags, file: undefined, pgoff: from / 4096 };
  const merged = yield* mergeNewArea(kernel, mm, area);
  if (merged === undefined) yield* linkVma(new Vma(mm, from, to, flags, undefined, area.pgoff));
  kernel.observer?.mapped(mm, from, to, undefined, area.pgoff, false);
  return true;
}
