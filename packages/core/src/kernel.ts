/**
 * The state of the rooms of one machine, as the verbs of the upper rooms see it. `machine.ts` builds it; nothing here
 * knows a driver.
 */
import type { Kconfig } from './kconfig.ts';
import type { PageSource } from './device-vma/window-ptes.ts';
import type { LinkBackend } from './links/link-backend.ts';
import type { HeldLock, Lockdep } from './locking/lockdep.ts';
import type { Srcu } from './locking/srcu.ts';
import type { FrameTable } from './memory/frame-table.ts';
import type { Pins } from './gup/pins.ts';
import type { FolioLocks } from './memory/folio-lock.ts';
import type { PageAllocator } from './memory/page-allocator.ts';
import type { MmStruct } from './mm/mm-struct.ts';
import type { Vma } from './mm/vma.ts';
import type { IntervalNode } from './notifier/intervals.ts';
import type { NotifierWindow, Subscription } from './notifier/subscriptions.ts';
import type { AllLocks } from './notifier/take-all-locks.ts';
import type { PageFiller } from './page-cache/backing-store.ts';
import type { File } from './page-cache/file.ts';
import type { PageTableLocks } from './page-table/page-table-locks.ts';
import type { PageTables } from './page-table/page-tables.ts';
import type { Tlbs } from './page-table/tlb.ts';
import type { Kswapd } from './reclaim/kswapd.ts';
import type { OomKiller } from './reclaim/oom.ts';
import type { Lru } from './reclaim/lru.ts';
import type { Workingset } from './reclaim/workingset.ts';
import type { AnonVmas } from './rmap/anon-vma.ts';
import type { Scheduler } from './sched/scheduler.ts';
import type { KernelStats } from './stats.ts';
import type { SwapSpace } from './swap/swap-space.ts';
import type { MachineTracer } from './tracing/tracer.ts';

/** What oracles see of a run; they never change it. */
export interface KernelObserver {
  /** The start callback of one subscription has returned success. */
  startReturned(subscription: Subscription, window: NotifierWindow): void;
  /** As above for an interval; `seq` is what its hook was told to store. */
  intervalTold(node: IntervalNode, window: NotifierWindow, seq: number): void;
  /** A driver stores a sequence number in its interval, or compares one with it: under one lock. */
  intervalSeqUsed(node: IntervalNode, by: 'setSeq' | 'readRetry'): void;
  /** A subscription has joined the chain of the mm. */
  registered(mm: MmStruct): void;
  /** The contents of `[start, end)` are about to change other than by a store; one of the next six ends it. */
  contentsChanging(mm: MmStruct, start: number, end: number): void;
  /** It did not come to it. */
  contentsUnchanged(mm: MmStruct, start: number, end: number): void;
  mapped(mm: MmStruct, start: number, end: number, file: File<Vma> | undefined, pgoff: number, shared: boolean): void;
  unmapped(mm: MmStruct, start: number, end: number): void;
  discarded(mm: MmStruct, start: number, end: number): void;
  lazilyFreed(mm: MmStruct, start: number, end: number): void;
  moved(mm: MmStruct, from: number, to: number, length: number): void;
  /** A private mapping of a file got a page of its own at `va`. */
  copied(mm: MmStruct, va: number, pfn: number): void;
  forkBegan(parent: MmStruct, child: MmStruct): void;
  /** One VMA of the parent now stands in the child too. */
  forked(parent: MmStruct, child: MmStruct, start: number, end: number): void;
  forkEnded(parent: MmStruct, child: MmStruct): void;
  fileCreated(file: File<Vma>, fill: PageFiller | undefined): void;
  truncating(file: File<Vma>, length: number): void;
  truncated(file: File<Vma>, length: number): void;
  /** Pages `first` up to `behind` of a file become zero; private copies stay. */
  punching(file: File<Vma>, first: number, behind: number): void;
  punched(file: File<Vma>, first: number, behind: number): void;
  fileWritten(file: File<Vma>, offset: number, bytes: Uint8Array): void;
  /** A driver has made the pte of `va` in a window; `source` is where the page is another process's. */
  pfnInserted(mm: MmStruct, va: number, source: PageSource | undefined): void;
  mmGone(mm: MmStruct): void;
}

export interface Kernel {
  readonly kconfig: Kconfig;
  readonly scheduler: Scheduler;
  readonly lockdep: Lockdep;
  readonly allocator: PageAllocator;
  readonly frames: FrameTable;
  readonly folioLocks: FolioLocks;
  readonly pageTables: PageTables;
  readonly ptLocks: PageTableLocks;
  readonly tlbs: Tlbs;
  readonly anonVmas: AnonVmas;
  readonly files: Map<number, File<Vma>>;
  readonly swap: SwapSpace;
  readonly lru: Lru;
  readonly workingset: Workingset;
  readonly kswapd: Kswapd;
  readonly oom: OomKiller;
  readonly rcu: Srcu;
  /** The one domain of all notifier chains. */
  readonly notifierSrcu: Srcu;
  /** Lockdep's stand-in for "inside a start or end": ties every lock a callback takes to the locks of its callers. */
  readonly notifierMap: HeldLock;
  readonly allLocks: AllLocks;
  readonly pins: Pins;
  /** What carries the messages of drivers. */
  readonly links: LinkBackend;
  /** Pages of the window that a read fault on a file maps; 1 maps none but its own. */
  readonly faultAroundPages: number;
  /** Address spaces that have not been torn down, by id. */
  readonly mms: Map<number, MmStruct>;
  readonly stats: KernelStats;
  readonly observer: KernelObserver | undefined;
  /** Nobody traces: each tracepoint is one test. */
  readonly tracer: MachineTracer | undefined;
}
