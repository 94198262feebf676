/**
 * Splitting, merging and linking VMAs. Two neighbours merge when flags, file and offsets continue and their anon_vmas
 * do not disagree: a VMA that shares anon_vmas with a parent or child process keeps to itself.
 * Mirrors `mm/vma.c` of Linux 6.18.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { dropFile } from '../page-cache/evict.ts';
import type { File } from '../page-cache/file.ts';
import type { AnonVma } from '../rmap/anon-vma.ts';
import { MAX_MAP_COUNT, type MmStruct } from './mm-struct.ts';
import { splitHugeEdge } from './split-huge-edge.ts';
import { VmFlags } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { assertVmaMarked, markNewVma, startVmaWrite, startVmaWriteNow } from './vma-lock.ts';

/** A new mapping that might continue a neighbour. */
export interface NewArea {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly file: File<Vma> | undefined;
  readonly pgoff: number;
  /** Where it extends a VMA: that VMA's. */
  readonly anonVma?: AnonVma | undefined;
}

/** Makes a VMA visible: to the mm, and to rmap walks of its file. @locks mmapLock for writing; takes the i_mmap lock. */
export function* linkVma(vma: Vma): Routine<void> {
  markNewVma(vma);
  vma.mm.vmas.insert(vma);
  yield* linkFile(vma);
}

export function* linkFile(vma: Vma): Routine<void> {
  if (vma.file === undefined) return;
  if (!vma.file.iMmapLock.acquireWriteNow()) yield* vma.file.iMmapLock.acquireWrite();
  vma.file.iMmap.insert(vma, vma.pgoff, lastIndex(vma));
  vma.file.iMmapLock.releaseWrite();
}

/** Takes a VMA out of the reverse map, and of its driver's reach: tables may go. @locks Takes the i_mmap and anon_vma locks for writing. */
export function* unlinkRmap(kernel: Kernel, vma: Vma): Routine<void> {
  if (vma.device !== undefined) yield* vma.device.leave(vma.start, vma.end);
  if (vma.file !== undefined) {
    if (!vma.file.iMmapLock.acquireWriteNow()) yield* vma.file.iMmapLock.acquireWrite();
    vma.file.iMmap.remove(vma);
    vma.file.iMmapLock.releaseWrite();
    if (vma.file.name === undefined && vma.file.iMmap.size === 0) yield* dropFile(kernel, vma.file);
  }
  yield* unlinkAnon(kernel, vma);
}

export function* unlinkAnon(kernel: Kernel, vma: Vma): Routine<void> {
  const anonVma = vma.anonVmaChain[0]?.anonVma;
  if (anonVma === undefined) return;
  if (!anonVma.lock.acquireWriteNow()) yield* anonVma.lock.acquireWrite();
  kernel.anonVmas.unlink(vma);
  anonVma.lock.releaseWrite();
}

/**
 * Changes a VMA's bounds; rmap walks see the old or the new ones. `absorb` is a neighbour that is merged away.
 * @locks mmapLock for writing; takes the i_mmap and anon_vma locks.
 */
export function* adjustVma(
  kernel: Kernel,
  vma: Vma,
  start: number,
  end: number,
  pgoff: number,
  absorb?: Vma,
): Routine<void> {
  const { file } = vma;
  const anonVma: AnonVma | undefined = (vma.anonVmaChain[0] ?? absorb?.anonVmaChain[0])?.anonVma;
  if (!startVmaWriteNow(kernel, vma)) yield* startVmaWrite(kernel, vma);
  if (file && !file.iMmapLock.acquireWriteNow()) yield* file.iMmapLock.acquireWrite();
  if (anonVma && !anonVma.lock.acquireWriteNow()) yield* anonVma.lock.acquireWrite();
  if (absorb) absorbNeighbour(kernel, vma, absorb);
  setBounds(kernel, vma, start, end, pgoff);
  if (anonVma) anonVma.lock.releaseWrite();
  if (file) file.iMmapLock.releaseWrite();
}

/** @locks The i_mmap and anon_vma locks for writing. */
function setBounds(kernel: Kernel, vma: Vma, start: number, end: number, pgoff: number): void {
  assertVmaMarked(vma);
  vma.file?.iMmap.remove(vma);
  const restore = vma.anonVmaChain.length === 0 ? undefined : kernel.anonVmas.withdraw(vma);
  vma.mm.vmas.setBounds(vma, start, end);
  vma.pgoff = pgoff;
  restore?.();
  vma.file?.iMmap.insert(vma, vma.pgoff, lastIndex(vma));
}

/** Splits `vma` at `address`. @locks As {@link splitBeyondLimit}. @returns the upper part, or ENOMEM at the VMA limit. */
export function* splitVma(kernel: Kernel, vma: Vma, address: number): Routine<Vma | Errno> {
  if (vma.mm.vmas.size >= MAX_MAP_COUNT) return 'ENOMEM';
  return yield* splitBeyondLimit(kernel, vma, address);
}

/**
 * Splits where a merge or an unmapping brings the number of VMAs back; the upper part is a new VMA. Both parts change
 * under the same locks: a truncate or a writeback between them would miss the pages of the upper one. `__split_vma`
 *
 * @locks mmapLock for writing; takes the i_mmap and anon_vma locks.
 */
export function* splitBeyondLimit(kernel: Kernel, vma: Vma, address: number): Routine<Vma> {
  if (!startVmaWriteNow(kernel, vma)) yield* startVmaWrite(kernel, vma);
  const { file } = vma;
  const upper = new Vma(vma.mm, address, vma.end, vma.flags, file, vma.indexOf(address));
  const anonVma = vma.anonVmaChain[0]?.anonVma;
  if (file && !file.iMmapLock.acquireWriteNow()) yield* file.iMmapLock.acquireWrite();
  if (anonVma && !anonVma.lock.acquireWriteNow()) yield* anonVma.lock.acquireWrite();
  if (kernel.kconfig.TRANSPARENT_HUGEPAGE) yield* splitHugeEdge(kernel, vma, address);
  setBounds(kernel, vma, vma.start, address, vma.pgoff);
  markNewVma(upper);
  upper.anonVma = vma.anonVma;
  upper.device = vma.device;
  kernel.anonVmas.clone(upper, vma);
  vma.mm.vmas.insert(upper);
  file?.iMmap.insert(upper, upper.pgoff, lastIndex(upper));
  if (anonVma) anonVma.lock.releaseWrite();
  if (file) file.iMmapLock.releaseWrite();
  return upper;
}

/** Whether `b` may continue `a` as one VMA. `anon` are the anon_vmas of two areas, either of which may be new. */
export function canMerge(a: Vma | NewArea, b: Vma | NewArea): boolean {
  return (
    a.end === b.start &&
    a.flags === b.flags &&
    a.file === b.file &&
    (a.flags & VmFlags.PfnMap) === 0 &&
    a.pgoff + (a.end - a.start) / 4096 === b.pgoff &&
    anonCompatible(a, b)
  );
}

function anonCompatible(a: Vma | NewArea, b: Vma | NewArea): boolean {
  if (a.anonVma !== undefined && b.anonVma !== undefined) return a.anonVma === b.anonVma;
  const alone = a.anonVma !== undefined ? a : b;
  return !(alone instanceof Vma) || alone.anonVmaChain.length <= 1;
}

/**
 * Merges a new area into its neighbours if it continues them. @locks mmapLock for writing.
 * @returns the VMA that now covers it, or `undefined` when it needs one of its own.
 */
export function* mergeNewArea(kernel: Kernel, mm: MmStruct, area: NewArea): Routine<Vma | undefined> {
  const before = mm.vmas.below(area.start);
  const after = mm.vmas.find(area.end);
  const left = before && canMerge(before, area) ? before : undefined;
  const right = after && canMerge(area, after) ? after : undefined;
  if (left && right && anonCompatible(left, right)) {
    yield* absorbRight(kernel, left, right);
    return left;
  }
  if (left) {
    yield* adjustVma(kernel, left, left.start, area.end, left.pgoff);
    return left;
  }
  if (right) {
    yield* adjustVma(kernel, right, area.start, right.end, area.pgoff);
    return right;
  }
  return undefined;
}

/** After a change of `vma`'s flags: merges it with what it now continues. @returns the VMA that covers it. */
export function* mergeWithNeighbours(kernel: Kernel, vma: Vma): Routine<Vma> {
  let merged = vma;
  const before = vma.mm.vmas.below(vma.start);
  if (before && canMerge(before, vma)) {
    yield* absorbRight(kernel, before, vma);
    merged = before;
  }
  const after = merged.mm.vmas.find(merged.end);
  if (after && canMerge(merged, after)) yield* absorbRight(kernel, merged, after);
  return merged;
}

/** `left` takes over `right` and the gap between them, if any. */
function* absorbRight(kernel: Kernel, left: Vma, right: Vma): Routine<void> {
  if (!startVmaWriteNow(kernel, left)) yield* startVmaWrite(kernel, left);
  if (!startVmaWriteNow(kernel, right)) yield* startVmaWrite(kernel, right);
  const end = right.end;
  left.mm.vmas.remove(right);
  yield* adjustVma(kernel, left, left.start, end, left.pgoff, right);
}

/** @locks The i_mmap and anon_vma locks for writing. */
function absorbNeighbour(kernel: Kernel, vma: Vma, neighbour: Vma): void {
  if (vma.anonVma === undefined && neighbour.anonVma !== undefined) {
    vma.anonVma = neighbour.anonVma;
    kernel.anonVmas.clone(vma, neighbour);
  }
  neighbour.file?.iMmap.remove(neighbour);
  kernel.anonVmas.unlink(neighbour);
}

function lastIndex(vma: Vma): number {
  return vma.pgoff + (vma.end - vma.start) / 4096 - 1;
}
