/**
 * mlock and munlock: pages that reclaim leaves alone. Whoever asks may lock any amount, as root may. No notification:
 * pages are only faulted in (O56). Mirrors `mm/mlock.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { populateRange } from '../fault/populate.ts';
import type { Kernel } from '../kernel.ts';
import { pageCeil, pageFloor } from '../types.ts';
import type { MmStruct } from './mm-struct.ts';
import { modifyFlags } from './modify-vma.ts';
import { VmFlags } from './vm-flags.ts';

/**
 * A hole ends it with ENOMEM; what lies before the hole is locked by then, and not populated.
 *
 * @locks Takes mmapLock for writing, then for reading while it populates. @sleeps May.
 * @returns ENOMEM also for a page that cannot be had, EAGAIN when memory is exhausted.
 */
export function* mlock(kernel: Kernel, mm: MmStruct, address: number, length: number): Routine<Errno | undefined> {
  kernel.stats.mm['mlock']++;
  const start = pageFloor(address);
  const end = pageCeil(address + length);
  const error = yield* changeLocked(kernel, mm, start, end, VmFlags.Locked);
  if (error !== undefined) return error;
  const failed = yield* populateRange(kernel, mm, start, end, 'stop');
  if (failed === undefined) return undefined;
  if (failed === 'EINTR') return failed;
  return failed === 'EFAULT' ? 'ENOMEM' : 'EAGAIN';
}

/** The pages stay where they are. @locks Takes mmapLock for writing. @sleeps May. */
export function* munlock(kernel: Kernel, mm: MmStruct, address: number, length: number): Routine<Errno | undefined> {
  kernel.stats.mm['munlock']++;
  return yield* changeLocked(kernel, mm, pageFloor(address), pageCeil(address + length), 0);
}

/** @param locked - `VmFlags.Locked`, or 0. */
function* changeLocked(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  end: number,
  locked: number,
): Routine<Errno | undefined> {
  if (end < start) return 'EINVAL';
  if (end === start) return undefined;
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  let error: Errno | undefined;
  for (let at = start; at < end && error === undefined;) {
    const vma = mm.vmas.at(at);
    if (vma === undefined) {
      error = 'ENOMEM';
      break;
    }
    const stop = Math.min(end, vma.end);
    const flags = (vma.flags & ~VmFlags.Locked) | locked;
    if (flags !== vma.flags && !vma.has(VmFlags.PfnMap)) {
      const changed = yield* modifyFlags(kernel, vma, at, stop, flags);
      if (typeof changed === 'string') error = changed;
    }
    at = stop;
  }
  mm.mmapLock.releaseWrite();
  return error;
}
