/** mremap: resize in place, or move. Mirrors `mm/mremap.c` of Linux 6.18. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { populateRange } from '../fault/populate.ts';
import type { Kernel } from '../kernel.ts';
import { TASK_SIZE, isPageAligned, pageCeil } from '../types.ts';
import { MAX_MAP_COUNT, type MmStruct } from './mm-struct.ts';
import { moveVma } from './move-vma.ts';
import { munmapAndUnlock, munmapLocked } from './munmap.ts';
import { unmappedArea } from './unmapped-area.ts';
import { VmFlags } from './vm-flags.ts';
import { mergeNewArea } from './vma-ops.ts';
import type { Vma } from './vma.ts';

export interface MremapRequest {
  readonly address: number;
  readonly oldLength: number;
  readonly newLength: number;
  readonly mayMove: boolean;
  /** Where it must go: `MREMAP_FIXED`. */
  readonly fixed?: number | undefined;
  /** The old range stays mapped, empty. */
  readonly dontUnmap?: boolean;
}

interface Lengths {
  readonly oldLength: number;
  readonly newLength: number;
}

/** @locks Takes mmapLock for writing. @returns the address, or EINVAL, EFAULT, ENOMEM. @sleeps May. */
export function* mremap(kernel: Kernel, mm: MmStruct, request: MremapRequest): Routine<number | Errno> {
  kernel.stats.mm['mremap']++;
  const lengths = { oldLength: pageCeil(request.oldLength), newLength: pageCeil(request.newLength) };
  const invalid = checkRequest(request, lengths);
  if (invalid !== undefined) return invalid;
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  const locked = mm.vmas.at(request.address)?.has(VmFlags.Locked) === true;
  const result = yield* remapLocked(kernel, mm, request, lengths);
  // What only shrinks has let go of it.
  if (mm.mmapLock.writeHeld) mm.mmapLock.releaseWrite();
  const { oldLength, newLength } = lengths;
  if (locked && typeof result === 'number' && newLength > oldLength) {
    yield* populateRange(kernel, mm, result + oldLength, result + newLength, 'pass over');
  }
  return result;
}

function checkRequest(request: MremapRequest, { oldLength, newLength }: Lengths): Errno | undefined {
  const { address, fixed, dontUnmap, mayMove } = request;
  if ((fixed !== undefined || dontUnmap) && !mayMove) return 'EINVAL';
  if (dontUnmap && oldLength !== newLength) return 'EINVAL';
  if (!isPageAligned(address) || newLength === 0 || newLength > TASK_SIZE) return 'EINVAL';
  if (fixed === undefined) return undefined;
  if (fixed > TASK_SIZE - newLength || !isPageAligned(fixed)) return 'EINVAL';
  if (address + oldLength > fixed && fixed + newLength > address) return 'EINVAL';
  return undefined;
}

function* remapLocked(kernel: Kernel, mm: MmStruct, request: MremapRequest, lengths: Lengths): Routine<number | Errno> {
  const { address, fixed } = request;
  const { oldLength, newLength } = lengths;
  if (fixed !== undefined || request.dontUnmap) {
    if (mm.vmas.size + 2 >= MAX_MAP_COUNT - 3) return 'ENOMEM';
    if (fixed !== undefined && oldLength === newLength) return yield* moveAll(kernel, mm, request, oldLength, fixed);
  }
  const vma = mm.vmas.at(address);
  if (vma === undefined) return 'EFAULT';
  const misfit = checkVma(vma, address, lengths, request);
  if (misfit !== undefined) return misfit;
  if (fixed !== undefined || request.dontUnmap) return yield* moveTo(kernel, mm, request, lengths);
  if (newLength === oldLength) return address;
  if (newLength < oldLength) {
    const error = yield* munmapAndUnlock(kernel, mm, address + newLength, oldLength - newLength);
    return error ?? address;
  }
  return yield* expand(kernel, mm, vma, request, lengths);
}

function checkVma(vma: Vma, address: number, lengths: Lengths, request: MremapRequest): Errno | undefined {
  const { oldLength, newLength } = lengths;
  if (oldLength === 0 && !vma.shared) return 'EINVAL';
  if (request.dontUnmap && vma.has(VmFlags.DontExpand)) return 'EINVAL';
  // Shrinking unmaps whatever lies in the tail; what moves or grows stays inside one VMA.
  if (newLength <= oldLength && request.fixed === undefined && !request.dontUnmap) return undefined;
  if (Math.min(oldLength, request.fixed === undefined ? oldLength : newLength) > vma.end - address) return 'EFAULT';
  if (newLength > oldLength && vma.has(VmFlags.DontExpand)) return 'EFAULT';
  return undefined;
}

/** Grows in place where nothing is in the way, moves otherwise. */
function* expand(
  kernel: Kernel,
  mm: MmStruct,
  vma: Vma,
  request: MremapRequest,
  { oldLength, newLength }: Lengths,
): Routine<number | Errno> {
  const { address } = request;
  const end = address + oldLength;
  if (oldLength > 0 && end === vma.end && fits(mm, vma, address + newLength)) {
    const pgoff = vma.indexOf(end - 4096) + 1;
    const { flags, file, anonVma } = vma;
    const area = { start: end, end: address + newLength, flags, file, pgoff, anonVma };
    yield* mergeNewArea(kernel, mm, area);
    kernel.observer?.mapped(mm, area.start, area.end, vma.file, pgoff, vma.shared);
    return address;
  }
  if (!request.mayMove) return 'ENOMEM';
  const target = unmappedArea(mm, newLength, 0);
  if (target === undefined) return 'ENOMEM';
  return yield* moveVma(kernel, vma, { from: address, to: target, oldLength, newLength, keepOld: false });
}

/** A stack above gets no distance here: it is a fixed place that is asked for. `vma_expandable` */
function fits(mm: MmStruct, vma: Vma, end: number): boolean {
  if (end > TASK_SIZE) return false;
  const next = mm.vmas.find(vma.end);
  return next === undefined || next.start >= end;
}

/** To a given address, or (DONTUNMAP alone) to one that the machine chooses. */
function* moveTo(kernel: Kernel, mm: MmStruct, request: MremapRequest, lengths: Lengths): Routine<number | Errno> {
  const { address, fixed } = request;
  let { oldLength } = lengths;
  const { newLength } = lengths;
  if (fixed !== undefined) {
    const error = yield* munmapLocked(kernel, mm, fixed, newLength);
    if (error !== undefined) return error;
  }
  if (oldLength > newLength) {
    const error = yield* munmapLocked(kernel, mm, address + newLength, oldLength - newLength);
    if (error !== undefined) return error;
    oldLength = newLength;
  }
  // The unmapping may have split the VMA.
  const vma = mm.vmas.at(address);
  if (vma === undefined) return 'EFAULT';
  if (oldLength > vma.end - address) return 'EFAULT';
  const target = fixed ?? unmappedArea(mm, newLength, 0);
  if (target === undefined) return 'ENOMEM';
  const move = { from: address, to: target, oldLength, newLength, keepOld: request.dontUnmap === true };
  return yield* moveVma(kernel, vma, move);
}

/** Moving without resizing may span several VMAs and the holes between them (since 6.17). */
function* moveAll(
  kernel: Kernel,
  mm: MmStruct,
  request: MremapRequest,
  length: number,
  to: number,
): Routine<number | Errno> {
  const { address } = request;
  const first = mm.vmas.at(address);
  if (first === undefined) return 'EFAULT';
  if (length === 0) return 'EINVAL';
  for (let at = address; at < address + length;) {
    const next = mm.vmas.find(at);
    if (next === undefined || next.start >= address + length) break;
    const from = Math.max(at, next.start);
    const size = Math.min(next.end, address + length) - from;
    // A hole of the source leaves what stands at its place.
    const error = yield* munmapLocked(kernel, mm, to + (from - address), size);
    if (error !== undefined) return error;
    // The unmapping may have split it.
    const vma = mm.vmas.at(from) as Vma;
    const move = {
      from,
      to: to + (from - address),
      oldLength: size,
      newLength: size,
      keepOld: request.dontUnmap === true,
    };
    const moved = yield* moveVma(kernel, vma, move);
    if (typeof moved !== 'number') return moved;
    at = from + size;
  }
  return to;
}
