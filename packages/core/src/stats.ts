/** Counters of the machine, under the names of `/proc/vmstat` where it has them. */
import type { NotifierEvent } from '@mmu-notifier/plugin-api';

export class KernelStats {
  readonly faults: Record<string, number> = {
    total: 0,
    anonymous: 0,
    zeroPage: 0,
    file: 0,
    around: 0,
    copyOnWrite: 0,
    reuse: 0,
    swapIn: 0,
    stackGrowth: 0,
    sharedWrite: 0,
    device: 0,
    spurious: 0,
    sigsegv: 0,
    sigbus: 0,
  };
  readonly reclaim: Record<string, number> = {
    scanned: 0,
    freed: 0,
    activated: 0,
    unmapFailed: 0,
    referenced: 0,
    pinned: 0,
    lazyFreed: 0,
    written: 0,
    deactivated: 0,
    scannedByKswapd: 0,
    freedByKswapd: 0,
    scannedDirectly: 0,
    freedDirectly: 0,
    refaultsAnon: 0,
    refaultsFile: 0,
    refaultsActivated: 0,
  };
  readonly oom: Record<string, number> = { kills: 0, reaped: 0, reapFailed: 0 };
  readonly notifier: Record<string, number> = {
    starts: 0,
    ends: 0,
    refused: 0,
    young: 0,
    registrations: 0,
    releases: 0,
    intervalStarts: 0,
    intervalInserts: 0,
    intervalRemoves: 0,
  };
  readonly notifierEvents: Record<NotifierEvent, number> = {
    UNMAP: 0,
    CLEAR: 0,
    PROTECTION_VMA: 0,
    PROTECTION_PAGE: 0,
    SOFT_DIRTY: 0,
    RELEASE: 0,
    MIGRATE: 0,
    EXCLUSIVE: 0,
  };
  /** How faults went that tried their VMA's lock, under the names of `CONFIG_PER_VMA_LOCK_STATS`. */
  readonly vmaLock: Record<string, number> = { success: 0, abort: 0, retry: 0, miss: 0 };
  readonly gup: Record<string, number> = { slow: 0, fast: 0, range: 0, failed: 0, pinned: 0, unpinned: 0 };
  readonly mm: Record<string, number> = {
    mmap: 0,
    munmap: 0,
    mprotect: 0,
    mremap: 0,
    brk: 0,
    madvise: 0,
    mlock: 0,
    munlock: 0,
    msync: 0,
    mincore: 0,
    fork: 0,
    vfork: 0,
    exec: 0,
    exit: 0,
  };
}
