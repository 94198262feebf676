/** madvise. Mirrors `mm/madvise.c`; each advice that has an effect on contents says so. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { FaultAccess } from '../fault/handle-fault.ts';
import { faultInRange } from '../fault/populate.ts';
import type { Kernel } from '../kernel.ts';
import { isPageAligned, pageCeil } from '../types.ts';
import { ageRange } from './madvise-age.ts';
import { lazilyFree } from './madvise-free.ts';
import { removeRange } from './madvise-remove.ts';
import { willNeed } from './madvise-willneed.ts';
import type { MmStruct } from './mm-struct.ts';
import { modifyFlags } from './modify-vma.ts';
import { VmFlags } from './vm-flags.ts';
import type { Vma } from './vma.ts';
import { tryLockVma, unlockVma } from './vma-lock.ts';
import { zapVmaRange } from './zap.ts';

/** Advices of this machine. @public */
export const ADVICES = [
  'dontneed',
  'free',
  'remove',
  'willneed',
  'cold',
  'pageout',
  'dontfork',
  'dofork',
  'wipeonfork',
  'keeponfork',
  'populate_read',
  'populate_write',
  'hugepage',
  'nohugepage',
  'collapse',
  'mergeable',
  'unmergeable',
] as const;
/** A word of {@link ADVICES}. @public */
export type Advice = (typeof ADVICES)[number];

/** Huge pages and same-page merging are absent, and so are their advices: EINVAL before anything is looked at. */
const ABSENT: ReadonlySet<Advice> = new Set(['hugepage', 'nohugepage', 'collapse', 'mergeable', 'unmergeable']);

/** Advices that only set or clear a flag of the VMA. */
const FLAG_CHANGES: Partial<Record<Advice, { set: number; clear: number }>> = {
  dontfork: { set: VmFlags.DontCopy, clear: 0 },
  dofork: { set: 0, clear: VmFlags.DontCopy },
  wipeonfork: { set: VmFlags.WipeOnFork, clear: 0 },
  keeponfork: { set: 0, clear: VmFlags.WipeOnFork },
};

/** Advices that need nothing but the VMA that they are about. `get_lock_mode` */
const OF_ONE_VMA: ReadonlySet<Advice> = new Set(['dontneed', 'free']);

/**
 * Unmapped parts are passed over and end in ENOMEM, after the rest was done.
 *
 * @locks The VMA's own, for `dontneed` and `free` inside one VMA that no writer has marked; else takes mmapLock, for
 * writing where a VMA changes; `remove` and `willneed` on a file drop it. @sleeps May.
 */
export function* madvise(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  advice: Advice,
): Routine<Errno | undefined> {
  kernel.stats.mm['madvise']++;
  if (ABSENT.has(advice) || !isPageAligned(start) || length < 0) return 'EINVAL';
  const end = start + pageCeil(length);
  if (end === start) return undefined;
  const locked = OF_ONE_VMA.has(advice) ? tryLockRange(kernel, mm, start, end) : undefined;
  if (locked !== undefined) {
    const error = yield* adviseVma(kernel, locked, start, end, advice);
    unlockVma(kernel, locked);
    return error;
  }
  const writes = FLAG_CHANGES[advice] !== undefined;
  if (writes) {
    if (!(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  } else if (!mm.mmapLock.acquireReadNow()) yield* mm.mmapLock.acquireRead();
  const error =
    advice === 'populate_read' || advice === 'populate_write'
      ? yield* populate(kernel, mm, start, end, advice === 'populate_write' ? 'write' : 'read')
      : yield* adviseRange(kernel, mm, start, end, advice);
  if (writes) mm.mmapLock.releaseWrite();
  else mm.mmapLock.releaseRead();
  return error;
}

/** The one VMA of the range, read-locked. @returns `undefined` where there is no such VMA. `try_vma_read_lock` */
function tryLockRange(kernel: Kernel, mm: MmStruct, start: number, end: number): Vma | undefined {
  const vma = tryLockVma(kernel, mm, start);
  if (vma === undefined || end <= vma.end) return vma;
  unlockVma(kernel, vma);
  return undefined;
}

/** Ends at the first page that cannot be had. `madvise_populate` */
function* populate(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  access: FaultAccess,
): Routine<Errno | undefined> {
  for (let at = start; at < end;) {
    const vma = mm.vmas.at(at);
    if (vma === undefined) return 'ENOMEM';
    if (!vma.has(access === 'write' ? VmFlags.Write : VmFlags.Read) || vma.has(VmFlags.PfnMap)) return 'EINVAL';
    const stop = Math.min(end, vma.end);
    const failed = yield* faultInRange(kernel, vma, at, stop, access);
    if (failed !== undefined) return failed;
    at = stop;
  }
  return undefined;
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
    if (vma === undefined) return 'ENOMEM';
    if (vma.start > at) {
      unmapped = 'ENOMEM';
      if (vma.start >= end) break;
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
  switch (advice) {
    case 'dontneed':
      return yield* discard(kernel, vma, start, end);
    case 'free':
      return yield* lazilyFree(kernel, vma, start, end);
    case 'remove':
      return yield* removeRange(kernel, vma, start, end);
    case 'willneed':
      return yield* willNeed(kernel, vma, start, end);
    case 'cold':
    case 'pageout':
      return yield* ageRange(kernel, vma, start, end, advice);
    default:
      return yield* changeFlags(kernel, vma, start, end, advice);
  }
}

function* discard(kernel: Kernel, vma: Vma, start: number, end: number): Routine<Errno | undefined> {
  if (vma.has(VmFlags.Locked | VmFlags.PfnMap)) return 'EINVAL';
  kernel.observer?.contentsChanging(vma.mm, start, end);
  yield* zapVmaRange(kernel, vma, start, end);
  kernel.observer?.discarded(vma.mm, start, end);
  return undefined;
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
  if (advice === 'dofork' && vma.has(VmFlags.PfnMap)) return 'EINVAL';
  const flags = (vma.flags | change.set) & ~change.clear;
  if (flags === vma.flags) return undefined;
  // Of all calls this one says "try again" where there is no room for one more VMA.
  return typeof (yield* modifyFlags(kernel, vma, start, end, flags)) === 'string' ? 'EAGAIN' : undefined;
}
