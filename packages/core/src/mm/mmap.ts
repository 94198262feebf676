/** mmap. Mirrors `do_mmap` and `__mmap_region` of `mm/mmap.c` and `mm/vma.c`. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { populateRange } from '../fault/populate.ts';
import type { Kernel } from '../kernel.ts';
import type { File } from '../page-cache/file.ts';
import { PMD_SIZE, TASK_SIZE, isPageAligned, pageCeil } from '../types.ts';
import { MAX_MAP_COUNT, type MmStruct } from './mm-struct.ts';
import { munmapLocked } from './munmap.ts';
import { unmappedArea } from './unmapped-area.ts';
import { VmFlags } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { linkVma, mergeNewArea } from './vma-ops.ts';

export interface MmapRequest {
  readonly address: number;
  readonly length: number;
  /** Read, Write, Exec of `VmFlags`. */
  readonly prot: number;
  readonly sharing: 'private' | 'shared';
  /** `fixed` replaces what is there, `fixed_noreplace` refuses; otherwise the address is a hint. */
  readonly placement: 'hint' | 'fixed' | 'fixed_noreplace';
  readonly file?: File<Vma> | undefined;
  /** Byte offset in the file. */
  readonly offset?: number;
  readonly populate?: boolean;
  /** `MAP_LOCKED`: also populates, and a page that cannot be had is no error. */
  readonly locked?: boolean;
  /** `MAP_HUGETLB`, on a machine that has set no huge page aside. */
  readonly hugetlb?: boolean;
  readonly growsDown?: boolean;
  readonly noReserve?: boolean;
  /** `MAP_STACK`: no huge pages (6.7 and later), so it merges with its like only. */
  readonly stack?: boolean;
}

/**
 * @locks Takes mmapLock for writing; populates under it for reading.
 * @returns the address, or EINVAL, ENOMEM, EEXIST, EOVERFLOW.
 * @sleeps May.
 */
export function* mmap(kernel: Kernel, mm: MmStruct, request: MmapRequest): Routine<number | Errno> {
  kernel.stats.mm['mmap']++;
  if (!isPageAligned(request.offset ?? 0)) return 'EINVAL';
  if (!mm.mmapLock.acquireWriteNow() && !(yield* mm.mmapLock.acquireWriteKillable())) return 'EINTR';
  const address = yield* request.hugetlb ? mapHuge(kernel, mm, request) : mapLocked(kernel, mm, request);
  mm.mmapLock.releaseWrite();
  if (typeof address === 'number' && (request.populate || request.locked)) {
    yield* populateRange(kernel, mm, address, address + pageCeil(request.length), 'pass over');
  }
  return address;
}

function* mapLocked(kernel: Kernel, mm: MmStruct, request: MmapRequest): Routine<number | Errno> {
  if (request.length <= 0) return 'EINVAL';
  const length = pageCeil(request.length);
  if (length > TASK_SIZE) return 'ENOMEM';
  const pgoff = (request.offset ?? 0) / 4096;
  if (pgoff + length / 4096 >= 2 ** 52) return 'EOVERFLOW';
  if (mm.vmas.size > MAX_MAP_COUNT) return 'ENOMEM';
  const address = place(mm, request, length);
  if (typeof address !== 'number') return address;
  if (request.growsDown && (request.sharing === 'shared' || request.file)) return 'EINVAL';
  if (mm.vmas.overlapping(address, address + length).length > 0) {
    const error = yield* munmapLocked(kernel, mm, address, length);
    if (error !== undefined) return error;
  }
  yield* mapArea(kernel, mm, address, length, request, pgoff);
  return address;
}

/** There is no huge page to reserve: by then, what a fixed mapping would have replaced is gone (since 6.12). */
function* mapHuge(kernel: Kernel, mm: MmStruct, request: MmapRequest): Routine<Errno> {
  if (request.file?.name !== undefined || request.length <= 0) return 'EINVAL';
  const length = Math.ceil(request.length / PMD_SIZE) * PMD_SIZE;
  if (length > TASK_SIZE) return 'ENOMEM';
  if (request.placement === 'hint') return 'ENOMEM';
  if (request.address % PMD_SIZE !== 0) return 'EINVAL';
  const address = place(mm, request, length);
  if (typeof address !== 'number') return address;
  if (mm.vmas.overlapping(address, address + length).length === 0) return 'ENOMEM';
  return (yield* munmapLocked(kernel, mm, address, length)) ?? 'ENOMEM';
}

function place(mm: MmStruct, request: MmapRequest, length: number): number | Errno {
  const { address, placement } = request;
  if (placement === 'hint') {
    const hint = address - (address % 4096);
    return unmappedArea(mm, length, hint > TASK_SIZE ? 0 : hint) ?? 'ENOMEM';
  }
  if (length > TASK_SIZE || address > TASK_SIZE - length) return 'ENOMEM';
  if (!isPageAligned(address)) return 'EINVAL';
  if (placement === 'fixed_noreplace' && mm.vmas.overlapping(address, address + length).length > 0) return 'EEXIST';
  return address;
}

function* mapArea(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  length: number,
  request: MmapRequest,
  filePgoff: number,
): Routine<void> {
  const { file } = request;
  const shared = request.sharing === 'shared';
  const area = {
    start,
    end: start + length,
    flags: vmFlags(request),
    file,
    pgoff: file ? filePgoff : start / 4096,
  };
  const merged = yield* mergeNewArea(kernel, mm, area);
  if (merged === undefined) yield* linkVma(new Vma(mm, area.start, area.end, area.flags, area.file, area.pgoff));
  kernel.observer?.mapped(mm, area.start, area.end, area.file, area.pgoff, shared);
}

function vmFlags(request: MmapRequest): number {
  const shared = request.sharing === 'shared';
  const accounted = !shared && !request.noReserve && (request.prot & VmFlags.Write) !== 0;
  return (
    request.prot |
    VmFlags.MayWrite |
    (shared ? VmFlags.Shared : 0) |
    (accounted ? VmFlags.Account : 0) |
    (request.growsDown ? VmFlags.GrowsDown : 0) |
    (request.stack ? VmFlags.NoHugePage : 0) |
    (request.locked ? VmFlags.Locked : 0) |
    (request.noReserve ? VmFlags.NoReserve : 0)
  );
}
