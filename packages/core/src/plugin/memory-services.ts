/** Pages, VMAs and frames as a driver sees them. */
import type {
  Errno,
  FrameService,
  PageService,
  Pfn,
  Routine,
  UserPage,
  VirtualAddress,
  VmaService,
  VmaView,
} from '@mmu-notifier/plugin-api';
import { getUserPage, getUserPageFast, getUserPageNow, getUserPages, putUserPage } from '../gup/gup.ts';
import { rangeFault } from '../gup/range-fault.ts';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import { checkRetry } from '../notifier/interval-driver.ts';
import type { IntervalNode } from '../notifier/intervals.ts';
import type { Vma } from '../mm/vma.ts';
import { Pte } from '../page-table/pte.ts';
import type { MachineTracer } from '../tracing/tracer.ts';
import { asMm } from './mm-handle.ts';

export function pageService(kernel: Kernel, device: string): PageService {
  return {
    getUserPage: (mm, address, options = {}) =>
      traced(kernel, device, asMm(mm), address, getUserPage(kernel, asMm(mm), address, options)),
    getUserPageFast: (mm, address, options = {}) => getUserPageFast(kernel, asMm(mm), address, options),
    // Who traces is told of the routine.
    getUserPageNow: (mm, address, options = {}) =>
      kernel.tracer === undefined ? getUserPageNow(kernel, asMm(mm), address, options) : undefined,
    putPage: (pfn) => putUserPage(kernel, pfn),
    pinUserPage: (mm, address, options = {}) =>
      traced(kernel, device, asMm(mm), address, getUserPage(kernel, asMm(mm), address, options, 'pin')),
    pinUserPageFast: (mm, address, options = {}) => getUserPageFast(kernel, asMm(mm), address, options, 'pin'),
    getUserPages: (mm, address, count, options = {}) => getUserPages(kernel, asMm(mm), address, count, options, 'get'),
    pinUserPages: (mm, address, count, options = {}) => getUserPages(kernel, asMm(mm), address, count, options, 'pin'),
    rangeFault(mm, request) {
      const { interval } = request;
      const stale = (): boolean =>
        interval !== undefined && checkRetry(kernel, interval.subscription as IntervalNode, interval.seq);
      return rangeFault(kernel, asMm(mm), request, stale);
    },
    unpinPage(pfn) {
      if (!kernel.pins.remove(pfn)) kernel.scheduler.fail('pin-misuse', `frame ${pfn} is unpinned and not pinned`);
      kernel.stats.gup['unpinned']++;
      putUserPage(kernel, pfn);
    },
    atomicLookup(mm, address) {
      const found = presentPte(kernel, asMm(mm), address);
      if (found === undefined || (found.flags & Pte.Special) !== 0) return undefined;
      const { flags, pfn } = found;
      return { pfn: pfn as Pfn, writable: (flags & Pte.Writable) !== 0, dirty: (flags & Pte.Dirty) !== 0 };
    },
    hostMappingLevel: (mm, address) => (presentPte(kernel, asMm(mm), address) === undefined ? undefined : 4096),
  };
}

/** The routine itself where nobody traces: a look-up of a device costs no generator more. */
function traced(
  { tracer }: Kernel,
  device: string,
  mm: MmStruct,
  address: number,
  find: Routine<UserPage | Errno>,
): Routine<UserPage | Errno> {
  return tracer === undefined ? find : tell(tracer, device, mm, address, find);
}

function* tell(
  tracer: MachineTracer,
  device: string,
  mm: MmStruct,
  address: number,
  find: Routine<UserPage | Errno>,
): Routine<UserPage | Errno> {
  tracer.deviceFaultBegan?.(device, mm.id, address);
  const page = yield* find;
  tracer.deviceFaultEnded?.(device, typeof page === 'string' ? page : 'done');
  return page;
}

function presentPte({ pageTables }: Kernel, mm: MmStruct, address: number): { flags: number; pfn: number } | undefined {
  const slot = pageTables.walk(mm.root, address);
  const flags = slot < 0 ? Pte.None : pageTables.flags(slot);
  return (flags & (Pte.Present | Pte.Special)) !== Pte.Present ? undefined : { flags, pfn: pageTables.frame(slot) };
}

export function vmaService(): VmaService {
  return {
    find(mm, address) {
      const vma = asMm(mm).vmas.at(address);
      return vma && viewOf(vma);
    },
    overlapping: (mm, start, end) => asMm(mm).vmas.overlapping(start, end).map(viewOf),
  };
}

function viewOf(vma: Vma): VmaView {
  return {
    start: vma.start as VirtualAddress,
    end: vma.end as VirtualAddress,
    read: vma.has(VmFlags.Read),
    write: vma.has(VmFlags.Write),
    exec: vma.has(VmFlags.Exec),
    shared: vma.shared,
    file: vma.file?.name,
    offset: vma.file === undefined ? 0 : vma.pgoff * 4096,
  };
}

export function frameService(kernel: Kernel): FrameService {
  const { frames, allocator, scheduler } = kernel;
  const inUse = (pfn: number, what: string): void => {
    if (frames.refcount[pfn] <= 0) scheduler.fail('use-after-free', `frame ${pfn} is ${what} and is free`);
  };
  return {
    markDirty(pfn) {
      inUse(pfn, 'marked dirty');
      if (pfn !== allocator.zeroPfn) frames.set(pfn, FrameFlags.Dirty);
    },
    markAccessed(pfn) {
      inUse(pfn, 'marked accessed');
      if (pfn !== allocator.zeroPfn) kernel.lru.markAccessed(pfn);
    },
    isPoisoned: (pfn) => frames.has(pfn, FrameFlags.Poisoned),
    zeroPage: allocator.zeroPfn as Pfn,
  };
}
