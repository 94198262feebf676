/**
 * The gather: clear many ptes, flush once, then free pages and tables. A queued page keeps the reference that its pte
 * had until the flush, so no CPU can reach a free frame. Mirrors `mm/mmu_gather.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { TASK_SIZE } from '../types.ts';
import type { PageAllocator } from '../memory/page-allocator.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { SharedState } from '../sched/shared-state.ts';
import type { TlbOwner, Tlbs } from './tlb.ts';

/** An address space that gathers work on. */
export interface GatherOwner extends TlbOwner {
  readonly pendingFlushes: PendingFlushes;
}

/** How many gathers of an mm have changed ptes and not flushed yet. `tlb_flush_pending` */
export class PendingFlushes {
  count = 0;
  private readonly state: SharedState;

  constructor(scheduler: Scheduler, mm: number) {
    this.state = new SharedState(scheduler, scheduler.nextObjectId(`pending flushes of mm ${mm}`));
  }

  begin(): void {
    this.state.adds();
    this.count++;
  }

  end(): void {
    this.state.adds();
    this.count--;
  }

  /** `mm_tlb_flush_nested` */
  get nested(): boolean {
    this.state.reads();
    return this.count > 1;
  }
}

export class MmuGather {
  /** Pages that one batch holds before it must flush. */
  static readonly batchPages = 512;
  private readonly owner: GatherOwner;
  private readonly tlbs: Tlbs;
  private readonly allocator: PageAllocator;
  private start = Infinity;
  private end = 0;
  private pages: number[] = [];
  private tables: number[] = [];
  /** Set where there is one gather for each CPU: from begin to end its user stays there. */
  private readonly perCpu: Scheduler | undefined;

  constructor(owner: GatherOwner, tlbs: Tlbs, allocator: PageAllocator, perCpu?: Scheduler) {
    this.perCpu = perCpu;
    perCpu?.getPerCpu('mmu_gather');
    this.owner = owner;
    this.tlbs = tlbs;
    this.allocator = allocator;
    owner.pendingFlushes.begin();
  }

  /** A pte in the range was changed and must be flushed. */
  track(va: number): void {
    if (va < this.start) this.start = va;
    if (va + 4096 > this.end) this.end = va + 4096;
  }

  /** Queues the reference that the cleared pte at `va` held. @returns whether the batch is full. */
  queuePage(va: number, pfn: number): boolean {
    this.track(va);
    this.pages.push(pfn);
    return this.pages.length >= MmuGather.batchPages;
  }

  queueTables(start: number, end: number, tables: readonly number[]): void {
    if (tables.length === 0) return;
    if (start < this.start) this.start = start;
    if (end > this.end) this.end = end;
    this.tables.push(...tables);
  }

  /** Flushes, then frees what was queued: tables first, then pages. Order is the point of it all. */
  *flush(): Routine<void> {
    yield* this.flushTlb();
    this.freeBatch();
  }

  /**
   * Ends the gather. When another gather of the mm is under way, ptes that we saw as none may be its unflushed work, so
   * everything is flushed. @sleeps Never.
   */
  *finish(): Routine<void> {
    if (this.owner.pendingFlushes.nested) this.trackAll();
    if (this.end !== 0 || this.pages.length + this.tables.length > 0) yield* this.flush();
    this.owner.pendingFlushes.end();
    this.perCpu?.putPerCpu();
  }

  private trackAll(): void {
    this.start = 0;
    this.end = TASK_SIZE;
  }

  /** First half of `flush`. */
  *flushTlb(): Routine<void> {
    if (this.end === 0) return;
    yield* this.tlbs.flushRange(this.owner, this.start, this.end);
    this.start = Infinity;
    this.end = 0;
  }

  /** Second half of `flush`. */
  freeBatch(): void {
    const { tables, pages } = this;
    this.tables = [];
    this.pages = [];
    for (const table of tables) this.allocator.put(table);
    for (const pfn of pages) {
      this.allocator.freeSwapCache(pfn);
      this.allocator.put(pfn);
    }
  }
}
