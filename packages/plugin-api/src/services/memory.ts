/** Pages of a process, physical bytes, and the ledger of what a device can reach. */
import type { Errno } from '../errno.ts';
import type { Routine } from '../routine.ts';
import type { PageSize, Pfn, VirtualAddress } from '../units.ts';
import type { IntervalSubscription } from './notifiers.ts';
import type { MmHandle } from './processes.ts';

/** How to get a user page. @public */
export interface GetPageOptions {
  /** The device will write: break copy-on-write first. */
  readonly write?: boolean;
  /** Do not wait for a disk: answer `EAGAIN` where the page has to be read in (`FOLL_NOWAIT`). */
  readonly nowait?: boolean;
  /** Answer `EINTR` when a signal is pending. */
  readonly interruptible?: boolean;
  /**
   * For pins (`FOLL_LONGTERM`): the pin stays until the driver gives it up, not for the time of one transfer. For reading
   * it breaks copy-on-write of the zero page and of a file's page too; for writing it answers `EFAULT` in a shared mapping
   * of a file on a disk, for nobody would see the page dirtied after its writeback.
   */
  readonly longterm?: boolean;
  /** The address space is another process's (`FOLL_REMOTE`). Says so and changes nothing: there are no protection keys. */
  readonly remote?: boolean;
}

/** What a range fault asks for. @public */
export interface RangeFault {
  readonly start: VirtualAddress;
  /** Behind the last page. Both are page aligned. */
  readonly end: VirtualAddress;
  /** `snapshot` faults nothing in; `read` and `write` make every page present, and writable. */
  readonly want: 'snapshot' | 'read' | 'write';
  /** What `readBegin` answered before: a range that was invalidated since then ends in `EBUSY`. */
  readonly interval?: { readonly subscription: IntervalSubscription; readonly seq: number };
}

/** A page as a range fault found it. There is no reference on it. @public */
export interface RangePage {
  readonly pfn: Pfn;
  readonly writable: boolean;
}

/** A referenced page. The holder puts it exactly once. @public */
export interface UserPage {
  readonly pfn: Pfn;
  /** Whether the primary pte allows writing now: a driver may map writable only then. */
  readonly writable: boolean;
}

/** From a process's address to a frame. Mirrors `mm/gup.c`. @public */
export interface PageService {
  /**
   * Looks the page up, faulting it in as needed, and takes a reference. **The driver's own callbacks run inside it**
   * (copy-on-write, reclaim): hold no lock that they take.
   *
   * @locks Takes mmapLock for read. @sleeps May. Errors: `EFAULT`, `EAGAIN`, `EINTR`, `ENOMEM`.
   */
  getUserPage(mm: MmHandle, address: VirtualAddress, options?: GetPageOptions): Routine<UserPage | Errno>;
  /** As `getUserPage`, without locks and without faulting; `undefined` where the slow way is needed. @sleeps Never. */
  getUserPageFast(mm: MmHandle, address: VirtualAddress, options?: GetPageOptions): UserPage | undefined;
  /**
   * `getUserPage` as plain code, also for a page that is missing, where it can be had without waiting and no callback
   * runs. `undefined` where the routine is needed, and always where tasks are preempted (`SyncService.preemptive`).
   *
   * @locks As `getUserPage`. @sleeps Never.
   */
  getUserPageNow(mm: MmHandle, address: VirtualAddress, options?: GetPageOptions): UserPage | undefined;
  /** Drops the reference of a page; the last one frees the frame. */
  putPage(pfn: Pfn): void;
  /**
   * A reference for I/O (`FOLL_PIN`), counted in the statistics as a pin. An anonymous page becomes the process's own
   * first, also for reading, so that fork and copy-on-write leave it to the process. Errors: as `getUserPage`.
   */
  pinUserPage(mm: MmHandle, address: VirtualAddress, options?: GetPageOptions): Routine<UserPage | Errno>;
  /** As `pinUserPage`, without locks and without faulting; `undefined` where the slow way is needed. @sleeps Never. */
  pinUserPageFast(mm: MmHandle, address: VirtualAddress, options?: GetPageOptions): UserPage | undefined;
  /**
   * `count` pages from `address` on, as `getUserPage` gets each. The answer is shorter where a later page cannot be had;
   * an errno where the first cannot.
   *
   * @locks Takes mmapLock for read. @sleeps May.
   */
  getUserPages(
    mm: MmHandle,
    address: VirtualAddress,
    count: number,
    options?: GetPageOptions,
  ): Routine<UserPage[] | Errno>;
  /** As `getUserPages`, each page pinned. */
  pinUserPages(
    mm: MmHandle,
    address: VirtualAddress,
    count: number,
    options?: GetPageOptions,
  ): Routine<UserPage[] | Errno>;
  unpinPage(pfn: Pfn): void;
  /**
   * What the page tables hold of a range, faulted in as wanted, **without a reference** (`hmm_range_fault`): one entry a
   * page, `undefined` where a snapshot found nothing. Only a notifier keeps the answer true: check `readRetry` under the
   * driver's lock before using it. **The driver's own callbacks run inside it.**
   *
   * @locks Takes mmapLock for read. @sleeps May. Errors: `EBUSY` (invalidated meanwhile: begin again with `readBegin`),
   *   `EFAULT`, `EPERM` (wants to write where it may not), `EINVAL` (not page aligned, or empty).
   */
  rangeFault(mm: MmHandle, request: RangeFault): Routine<(RangePage | undefined)[] | Errno>;
  /**
   * Reads the CPU's tables without taking a reference (GRU). @locks mmapLock for read. @sleeps Never.
   * @returns `undefined` where nothing is present, or the page of a window that a driver backs: nobody is notified of those.
   */
  atomicLookup(mm: MmHandle, address: VirtualAddress): { pfn: Pfn; writable: boolean; dirty: boolean } | undefined;
  /** The size of the host's mapping at this moment. @sleeps Never. */
  hostMappingLevel(mm: MmHandle, address: VirtualAddress): PageSize | undefined;
}

/** Physical bytes. Device loads and stores go through the ledger, so that each names its translation. @public */
export interface FrameService {
  /** The device dirtied the page behind a translation that it drops. Only while a callback or a reference keeps it. */
  markDirty(pfn: Pfn): void;
  /** The device used the page. */
  markAccessed(pfn: Pfn): void;
  /** Whether memory failure has hit the frame. */
  isPoisoned(pfn: Pfn): boolean;
  /** The shared frame of zeros. */
  readonly zeroPage: Pfn;
}

/** A translation that a device's hardware holds. @public */
export type LedgerEntry = number & { readonly __unit: 'ledger-entry' };

/** What `ledger.establish` declares. @public */
export interface Translation {
  readonly mm: MmHandle;
  /** The process's address, page aligned. */
  readonly address: VirtualAddress;
  readonly pfn: Pfn;
  readonly writable: boolean;
  /** The device's own address of the page (guest physical, IOVA), page aligned. */
  readonly deviceAddress: number;
}

/**
 * What the driver declares about its hardware, so that oracles need not trust it. An entry is *valid*, then *cleared*
 * (the spte is gone, a TLB may still hold it), then *flushed* (unreachable).
 * @public
 */
export interface LedgerService {
  /** Declares a new translation. */
  establish(translation: Translation): LedgerEntry;
  /** A valid entry gained write permission, where the primary pte permits it. */
  upgrade(entry: LedgerEntry): void;
  /** The entry lost write permission (still cached writable until flushed). */
  downgrade(entry: LedgerEntry): void;
  /** The entry left the device's tables; caches may still hold it. */
  clear(entry: LedgerEntry): void;
  /** No cache of the device holds any entry that was cleared or downgraded before. */
  flush(): void;
  /** The device reads `length` bytes at `offset` of the page through `entry`, into `into` at `at`. Within one page. */
  load(entry: LedgerEntry, offset: number, length: number, into: Uint8Array, at: number): void;
  /** The device writes `length` bytes of `from` at `at` to `offset` of the page through `entry`. Within one page. */
  store(entry: LedgerEntry, offset: number, length: number, from: Uint8Array, at: number): void;
}
