/** madvise. Mirrors `mm/madvise.c`; each advice that has an effect on contents says so. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { isPageAligned, pageCeil } from '../types.ts';
import { lazilyFree } from './madvise-free.ts';
import type { MmStruct } from './mm-struct.ts';
import { carve } from './mprotect.ts';
import { VmFlags } from './vm-flags.ts';
import type { Vma } from './vma.ts';
import { mergeWithNeighbours } from './vma-ops.ts';
import { zapVmaRange } from './zap.ts';

/** Advices of this machine. @public */
export const ADVICES = [
  'dontneed',
  'free',
  'willneed',
  'dontfork',
  'dofork',
  'wipeonfork',
  'keeponfork',
  'hugepage',
  'nohugepage',
] as const;
/** A word of {@link ADVICES}. @public */
export type Advice = (typeof ADVICES)[number];

/** Advices that only set or clear a flag of the VMA. */
const FLAG_CHANGES: Partial<Record<Advice, { set: number; clear: number }>> = {
  dontfork: { set: VmFlags.DontCopy, clear: 0 },
  dofork: { set: 0, clear: VmFlags.DontCopy },
  wipeonfork: { set: VmFlags.WipeOnFork, clear: 0 },
  keeponfork: { set: 0, clear: VmFlags.WipeOnFork },
};

/**
 * Unmapped parts are passed over and end in ENOMEM, after the rest was done.
 *
 * @locks Takes mmapLock, for writing where a VMA changes. @sleeps May.
 */
export function* madvise(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  advice: Advice,
): Routine<Errno | undefined> {
  kernel.stats.mm['madvise']++;
  if (!isPageAligned(start)) return 'EINVAL';
  const end = start + pageCeil(length);
  if (length < 0) return 'EINVAL';
  // Transparent huge pages are not part of this machine: their advices answer as a kernel without them.
  if (advice === 'hugepage' || advice === 'nohugepage') return 'EINVAL';
  if (end === start) return undefined;
  const writes = FLAG_CHANGES[advice] !== undefined;
  if (writes) yield* mm.mmapLock.acquireWrite();
  else yield* mm.mmapLock.acquireRead();
  const error = yield* adviseRange(kernel, mm, start, end, advice);
  if (writes) mm.mmapLock.releaseWrite();
  else mm.mmapLock.releaseRead();
  return error;
}

function* adviseRange(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  advice: Advice,
): Routine<Errno | undefined> {
  let unmapped: Errno | undefined;
  for (let at = start; at < end;) {
    const vma = mm.vmas.find(at);
    if (vma === undefined || vma.start >= end) return 'ENOMEM';
    if (vma.start > at) {
      unmapped = 'ENOMEM';
      at = vma.start;
    }
    const stop = Math.min(end, vma.end);
    const error = yield* adviseVma(kernel, vma, at, stop, advice);
    if (error !== undefined) return error;
    at = stop;
  }
  return unmapped;
}

function* adviseVma(kernel: Kernel, vma: Vma, start: number, end: number, advice: Advice): Routine<Errno | undefined> {
  if (advice === 'willneed') return undefined;
  if (advice === 'dontneed') {
    if (vma.has(VmFlags.Locked)) return 'EINVAL';
    kernel.observer?.contentsChanging(vma.mm, start, end);
    yield* zapVmaRange(kernel, vma, start, end);
    kernel.observer?.discarded(vma.mm, start, end);
    return undefined;
  }
  if (advice === 'free') return yield* lazilyFree(kernel, vma, start, end);
  return yield* changeFlags(kernel, vma, start, end, advice);
}

function* changeFlags(
  kernel: Kernel,
  vma: Vma,
  start: number,
  end: number,
  advice: Advice,
): Routine<Errno | undefined> {
  const change = FLAG_CHANGES[advice];
  if (change === undefined) return 'EINVAL';
  if (advice === 'wipeonfork' && (vma.file !== undefined || vma.shared)) return 'EINVAL';
  const flags = (vma.flags | change.set) & ~change.clear;
  if (flags === vma.flags) return undefined;
  const part = yield* carve(kernel, vma, start, end);
  if (typeof part === 'string') return part;
  part.flags = flags;
  yield* mergeWithNeighbours(kernel, part);
  return undefined;
}
