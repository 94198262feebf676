/** Windows come and go by the driver: `vm_mmap` and `vm_munmap` of a device's file, on whoever's task. */
import type { DeviceWindowOps, DeviceWindowRequest, Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { MAX_MAP_COUNT, type MmStruct } from '../mm/mm-struct.ts';
import { munmapLocked } from '../mm/munmap.ts';
import { unmappedArea } from '../mm/unmapped-area.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import { Vma } from '../mm/vma.ts';
import { linkVma } from '../mm/vma-ops.ts';
import { MemoryStore } from '../page-cache/backing-store.ts';
import { DEVICE_FILE, File } from '../page-cache/file.ts';
import { TASK_SIZE, isPageAligned, pageCeil } from '../types.ts';
import { DeviceWindow } from './device-window.ts';

/** What `remap_pfn_range` sets, and that no child inherits the window. */
const DEVICE_FLAGS: number =
  VmFlags.Shared | VmFlags.Io | VmFlags.PfnMap | VmFlags.DontCopy | VmFlags.DontExpand | VmFlags.DontDump;

/** @locks Takes mmapLock for writing. @sleeps May. */
export function* mapWindow(
  kernel: Kernel,
  mm: MmStruct,
  request: DeviceWindowRequest,
  ops: DeviceWindowOps,
): Routine<DeviceWindow | Errno> {
  if (!mm.mmapLock.acquireWriteNow()) yield* mm.mmapLock.acquireWrite();
  const start = mm.users === 0 ? 'ESRCH' : place(mm, request);
  const window = typeof start === 'string' ? start : yield* mapAt(kernel, mm, start, request, ops);
  mm.mmapLock.releaseWrite();
  return window;
}

function place(mm: MmStruct, { length, address, alignment = 4096 }: DeviceWindowRequest): number | Errno {
  if (!(length > 0) || alignment < 4096 || !Number.isInteger(Math.log2(alignment))) return 'EINVAL';
  const bytes = pageCeil(length);
  if (bytes > TASK_SIZE || mm.vmas.size > MAX_MAP_COUNT) return 'ENOMEM';
  if (address === undefined) {
    const room = unmappedArea(mm, bytes + alignment - 4096, 0);
    return room === undefined ? 'ENOMEM' : Math.ceil(room / alignment) * alignment;
  }
  if (!isPageAligned(address)) return 'EINVAL';
  if (address > TASK_SIZE - bytes) return 'ENOMEM';
  return mm.vmas.overlapping(address, address + bytes).length > 0 ? 'EEXIST' : address;
}

/** @locks mmapLock held for writing. */
function* mapAt(
  kernel: Kernel,
  mm: MmStruct,
  start: number,
  { name, length, access = 'read', mayWrite, locked }: DeviceWindowRequest,
  ops: DeviceWindowOps,
): Routine<DeviceWindow> {
  const { scheduler, lockdep, kconfig } = kernel;
  const end = start + pageCeil(length);
  const write = access === 'read-write';
  const flags =
    DEVICE_FLAGS |
    VmFlags.Read |
    (write ? VmFlags.Write : 0) |
    ((mayWrite ?? write) ? VmFlags.MayWrite : 0) |
    (locked === true ? VmFlags.Locked : 0);
  const sleeps = kconfig.MMU_NOTIFIER_SLEEPABLE ? 'may' : 'never';
  const file = new File<Vma>(DEVICE_FILE, name, 'device', 0, new MemoryStore(0), scheduler, lockdep, sleeps);
  const vma = new Vma(mm, start, end, flags, file, 0);
  vma.device = new DeviceWindow(mm, name, start, end, ops, scheduler, lockdep);
  yield* linkVma(vma);
  kernel.observer?.mapped(mm, start, end, file, 0, true);
  return vma.device;
}

/**
 * What is left of the window; what mremap has put elsewhere is none of it. An exit that has begun unmaps it itself.
 * @locks Takes mmapLock for writing. @sleeps May.
 */
export function* unmapWindow(kernel: Kernel, window: DeviceWindow): Routine<void> {
  const { mm } = window;
  if (!mm.mmapLock.acquireWriteNow()) yield* mm.mmapLock.acquireWrite();
  if (!window.exiting()) {
    for (const { start, end } of window.parts) yield* munmapLocked(kernel, mm, start, end - start);
  }
  mm.mmapLock.releaseWrite();
}
