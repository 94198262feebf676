/**
 * Page tables that say which entries a step reads and writes: under a strategy nothing about them goes unsaid, whatever
 * the code above announces. Walks read an entry of each level.
 */
import type { FrameTable } from '../memory/frame-table.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { PageTables } from './page-tables.ts';

export class WatchedPageTables extends PageTables {
  private readonly scheduler: Scheduler;

  constructor(memory: PhysicalMemory, table: FrameTable, scheduler: Scheduler) {
    super(memory, table);
    this.scheduler = scheduler;
  }

  override flags(slot: number): number {
    this.scheduler.note(PointKind.PteLoad, slot);
    return super.flags(slot);
  }

  override set(slot: number, flags: number, frame: number): void {
    this.scheduler.note(PointKind.PteStore, slot);
    super.set(slot, flags, frame);
  }

  override setBits(slot: number, set: number, clear: number): void {
    this.scheduler.note(PointKind.PteStore, slot);
    super.setBits(slot, set, clear);
  }

  override move(from: number, to: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.scheduler.note(PointKind.PteStore, from + i);
      this.scheduler.note(PointKind.PteStore, to + i);
    }
    super.move(from, to, count);
  }

  protected override tableAt(pfn: number, index: number): number {
    this.scheduler.note(PointKind.PteLoad, pfn * 512 + index);
    return super.tableAt(pfn, index);
  }

  protected override linkAt(pfn: number, index: number, child: number): void {
    this.scheduler.note(PointKind.PteStore, pfn * 512 + index);
    super.linkAt(pfn, index, child);
  }

  protected override unlinkAt(pfn: number, index: number): void {
    this.scheduler.note(PointKind.PteStore, pfn * 512 + index);
    super.unlinkAt(pfn, index);
  }
}
