/** Builds the rooms of one machine, lowest first, and plugs the higher ones into the lower ones that call up. */
import { LockClasses } from './locking/lock-order.ts';
import { Lockdep } from './locking/lockdep.ts';
import { Srcu } from './locking/srcu.ts';
import type { Routine } from '@mmu-notifier/plugin-api';
import { Pins } from './gup/pins.ts';
import type { Kconfig } from './kconfig.ts';
import type { Kernel, KernelObserver } from './kernel.ts';
import type { LinkBackend } from './links/link-backend.ts';
import { FolioLocks } from './memory/folio-lock.ts';
import { PageAllocator } from './memory/page-allocator.ts';
import { MmStruct } from './mm/mm-struct.ts';
import { MmapLock } from './mm/vma-lock.ts';
import { AllLocks } from './notifier/take-all-locks.ts';
import { flushSecondaryTlbs } from './notifier/chain.ts';
import { PageTableLocks } from './page-table/page-table-locks.ts';
import { PageTables } from './page-table/page-tables.ts';
import { WatchedPageTables } from './page-table/watched-page-tables.ts';
import { Tlbs } from './page-table/tlb.ts';
import { OomKiller } from './reclaim/oom.ts';
import { Lru } from './reclaim/lru.ts';
import { Kswapd } from './reclaim/kswapd.ts';
import { reclaimPages } from './reclaim/reclaim.ts';
import { AnonVmas } from './rmap/anon-vma.ts';
import { Workingset } from './reclaim/workingset.ts';
import type { LiveLoop } from './sched/live.ts';
import { Scheduler } from './sched/scheduler.ts';
import type { Strategy } from './sched/strategy.ts';
import { KernelStats } from './stats.ts';
import { freeSwapCache } from './swap/swap-cache.ts';
import type { SwapDevice } from './swap/swap-device.ts';
import { SharedState } from './sched/shared-state.ts';
import { SwapSpace } from './swap/swap-space.ts';
import type { MachineTracer } from './tracing/tracer.ts';

/** What a kernel is built from. */
export interface BootOptions {
  readonly kconfig: Kconfig;
  readonly frames: number;
  /** Pages that all processes together may have; without it, all that there are. */
  readonly memoryMax: number | undefined;
  readonly swapSlots: number;
  readonly swapDevice: SwapDevice;
  readonly cpus: number;
  readonly faultAroundPages: number;
  readonly strategy: Strategy | undefined;
  readonly live: LiveLoop | undefined;
  readonly observer: KernelObserver | undefined;
  readonly tracer: MachineTracer | undefined;
  readonly links: (scheduler: Scheduler) => LinkBackend;
}

/** Where `mmap` begins to look for room, downwards: below the stack of a process without address randomisation. */
const MMAP_BASE = 0x7ffff7fff000;

export function bootKernel(options: BootOptions): Kernel {
  const scheduler = new Scheduler(options.cpus, options.strategy, options.tracer, options.live);
  const lockdep = new Lockdep(scheduler);
  const allocator = new PageAllocator(scheduler, options.frames, options.memoryMax);
  const { table: frames } = allocator;
  // In the world of 2008 the locks of the reverse map are spinlocks, and the chain is walked under RCU.
  const sleeps = options.kconfig.MMU_NOTIFIER_SLEEPABLE ? 'may' : 'never';
  const rcu = new Srcu(scheduler, lockdep, lockdep.driverClass('rcu'), 'rcu', 'never');
  const swap = new SwapSpace(scheduler, options.swapSlots, options.swapDevice, options.tracer);
  const lists = new SharedState(scheduler, scheduler.nextObjectId('LRU lists'));
  const lru = new Lru(frames, allocator.cgroup, lists);
  const stats = new KernelStats();
  const kernel: Kernel = {
    kconfig: options.kconfig,
    scheduler,
    lockdep,
    allocator,
    frames,
    folioLocks: new FolioLocks(scheduler, lockdep, frames),
    pageTables: scheduler.preemptive
      ? new WatchedPageTables(allocator.memory, frames, scheduler)
      : new PageTables(allocator.memory, frames),
    ptLocks: new PageTableLocks(scheduler, lockdep, frames),
    tlbs: new Tlbs(scheduler, options.frames),
    anonVmas: new AnonVmas(scheduler, lockdep, sleeps),
    files: new Map(),
    mms: new Map(),
    swap,
    lru,
    workingset: new Workingset(frames, lru, swap, stats),
    kswapd: new Kswapd(() => kernel),
    oom: new OomKiller(scheduler),
    rcu,
    notifierSrcu: sleeps === 'may' ? new Srcu(scheduler, lockdep, LockClasses.notifierSrcu, 'mmu_notifier srcu') : rcu,
    // Callbacks of 2008 come under page-table locks too: only cycles tell right from wrong there.
    notifierMap: {
      name: 'mmu_notifier_invalidate_range_start',
      lockClass: sleeps === 'may' ? LockClasses.notifierMap : lockdep.driverClass('mmu_notifier callbacks'),
    },
    allLocks: new AllLocks(scheduler, lockdep),
    pins: new Pins(),
    links: options.links(scheduler),
    faultAroundPages: options.faultAroundPages,
    stats,
    observer: options.observer,
    tracer: options.tracer,
  };
  allocator.mightReclaim = () => lockdep.mightReclaim();
  allocator.wakeKswapd = () => kernel.kswapd.wake();
  allocator.reclaimer = function* (pages, shortage) {
    lockdep.enterReclaim();
    const freed = yield* reclaimPages(kernel, shortage === 'cgroup' ? 'cgroup' : 'direct', pages);
    lockdep.leaveReclaim();
    if (freed > 0 && shortage === 'machine') kernel.kswapd.failures = 0;
    return freed;
  };
  allocator.outOfMemory = (shortage) => kernel.oom.makeRoom(kernel, shortage);
  allocator.freeSwapCache = (pfn) => freeSwapCache(kernel, pfn);
  allocator.removeFromLru = (pfn) => kernel.lru.remove(pfn);
  kernel.tlbs.flushSecondary = (owner, start, end) => flushSecondaryTlbs(kernel, owner as MmStruct, start, end);
  return kernel;
}

/** An empty address space. @returns `undefined` when there is no frame for its top-level table. @sleeps May. */
export function* createMm(kernel: Kernel, id: number): Routine<MmStruct | undefined> {
  const root = yield* kernel.allocator.allocateZeroed();
  if (root < 0) return undefined;
  kernel.pageTables.becomeTable(root);
  kernel.frames.mapping[root] = id;
  const mmapLock = new MmapLock(kernel.scheduler, kernel.lockdep, LockClasses.mmap, `mmapLock of mm ${id}`);
  const mm = new MmStruct(kernel.scheduler, id, mmapLock, root, MMAP_BASE);
  kernel.mms.set(id, mm);
  return mm;
}
