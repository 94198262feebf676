/**
 * Windows of an address space that a driver backs (`GSEG`, XPMEM attachments): a mapping whose faults the driver answers
 * with frames of its own or with pages of another process. Mirrors `vm_operations_struct` and `remap_pfn_range`.
 *
 * Every window is shared, and VM_IO, VM_PFNMAP, VM_DONTCOPY, VM_DONTEXPAND, VM_DONTDUMP: fork leaves it out, it cannot
 * grow, nothing of it is swapped, locked, advised, merged or got by `getUserPage`. What mremap moves leaves the window:
 * the driver is told as of an unmapping, and an access there is SIGBUS.
 */
import type { Errno } from '../errno.ts';
import type { Routine } from '../routine.ts';
import type { Pfn, VirtualAddress } from '../units.ts';
import type { LedgerEntry } from './memory.ts';
import type { MmHandle } from './processes.ts';

/** A window to map. @public */
export interface DeviceWindowRequest {
  readonly mm: MmHandle;
  /** What `maps` shows: `/dev/gru`. */
  readonly name: string;
  /** Bytes; whole pages are mapped. */
  readonly length: number;
  /** There and nowhere else: `EEXIST` where something is mapped. Without it the machine chooses. */
  readonly address?: VirtualAddress;
  /** Of an address that the machine chooses: a power of two, at least a page. */
  readonly alignment?: number;
  /** `read` unless told otherwise; mprotect may take it away and give it back. */
  readonly access?: 'read' | 'read-write';
  /** Whether mprotect may make it writable (VM_MAYWRITE); as `access` unless told otherwise. */
  readonly mayWrite?: boolean;
  /** VM_LOCKED, as a device sets it; mlock and munlock leave windows alone. */
  readonly locked?: boolean;
}

/** A window, valid for as long as the driver holds it; when it is unmapped, every call on it does nothing. @public */
export interface DeviceWindow {
  readonly mm: MmHandle;
  readonly name: string;
  /** As it was mapped. */
  readonly start: VirtualAddress;
  readonly end: VirtualAddress;
  /** Whether any of it is still mapped. */
  readonly mapped: boolean;
}

/**
 * How a fault in a window ended. `installed`: the access is tried again (VM_FAULT_NOPAGE). `SIGBUS`: the process is
 * told so. `retryAfter`: the machine drops mmapLock, runs the routine with no lock held, and the access begins anew; so a
 * driver waits, or gets a page of another process (VM_FAULT_RETRY).
 * @public
 */
export type DeviceFaultResult = 'installed' | 'SIGBUS' | { readonly retryAfter: Routine<void> };

/** What a driver does for a window. A call may come before `map` has returned. @public */
export interface DeviceWindowOps {
  /**
   * Nothing is mapped at the page, or a write finds it read-only. Several tasks may fault at once.
   *
   * @locks mmapLock of the window's mm held for reading: take no other mmapLock here. @sleeps May.
   */
  fault(window: DeviceWindow, address: VirtualAddress, write: boolean): Routine<DeviceFaultResult>;
  /**
   * A part is unmapped (munmap, mremap, exit, exec, `unmap`): its ptes are gone and no CPU reaches what they mapped.
   *
   * @locks mmapLock of the window's mm held: take no mmapLock. @sleeps May.
   */
  unmapped?(window: DeviceWindow, start: VirtualAddress, end: VirtualAddress): Routine<void>;
  /** The last part is unmapped; once. @locks As `unmapped`. @sleeps May. */
  close?(window: DeviceWindow): Routine<void>;
}

/** What a pte of a window is to map. There is no reference, no reverse map, no resident page. @public */
export interface DevicePage {
  readonly pfn: Pfn;
  /** At most: a window that may not be written is not. */
  readonly writable: boolean;
  /**
   * For a page of a process (`foreign-ptes`): the entry of the ledger that names it at its source. Each access of a CPU
   * through the pte counts as one through the entry; the pte goes (`zap`) before the entry is flushed. Without it the
   * frame must be one that the device allocated.
   */
  readonly source?: LedgerEntry;
}

/** Windows that a driver backs. Offered where `capabilities` has `device-vmas`. @public */
export interface DeviceVmaService {
  /**
   * Maps a window. @locks Takes mmapLock for writing. @sleeps May.
   * Errors: `EINVAL`, `ENOMEM`, `EEXIST`; `ESRCH` when the address space is going.
   */
  map(request: DeviceWindowRequest, ops: DeviceWindowOps): Routine<DeviceWindow | Errno>;
  /**
   * Unmaps what is left of it, on whoever's task (`vm_munmap`); `unmapped` and `close` are called inside. An exit that has
   * begun does that itself. Before it detaches, a driver unmaps every window.
   *
   * @locks Takes mmapLock for writing. @sleeps May.
   */
  unmap(window: DeviceWindow): Routine<void>;
  /**
   * Makes the pte at `address` map a page; the same page again may only add write permission. A later `zap`, by whoever,
   * takes it: serialise the two by a lock of the driver. Errors: `EFAULT` (not in the window, or no access is permitted),
   * `EBUSY` (another page is there), `ENOMEM` (never for the page of a fault, whose tables exist).
   *
   * @locks mmapLock of the window's mm held, and a user of it (`getNotZero`), as inside `fault`. @sleeps Never for the page of a fault; for others it may, to get
   *   tables.
   */
  insertPfn(window: DeviceWindow, address: VirtualAddress, page: DevicePage): Routine<Errno | undefined>;
  /**
   * Clears the ptes of the window in `[start, end)` and flushes the CPUs' TLBs (`zap_vma_ptes`). Nobody is notified: no
   * secondary MMU can have such a page. To be called from anywhere, callbacks of another mm included, whether the window is
   * still mapped or its mm still there.
   *
   * @locks None is needed; spinlocks may be held. @sleeps Never.
   */
  zap(window: DeviceWindow, start: VirtualAddress, end: VirtualAddress): Routine<void>;
  /** A frame of zeros that belongs to the device. @locks None that reclaim takes. @sleeps May. */
  allocateFrame(): Routine<Pfn | Errno>;
  /** Gives it back; no pte of a window maps it any more. */
  freeFrame(pfn: Pfn): void;
  /** The driver reads `length` bytes at `offset` of a frame of its own, into `into` at `at`. Within one page. */
  loadFrame(pfn: Pfn, offset: number, length: number, into: Uint8Array, at: number): void;
  /** The driver writes `length` bytes of `from` at `at` to `offset` of a frame of its own. Within one page. */
  storeFrame(pfn: Pfn, offset: number, length: number, from: Uint8Array, at: number): void;
}
