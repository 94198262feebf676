/**
 * A window that a driver backs: what its VMAs share (`vm_private_data`, `vm_ops`), and what outlives them. Which parts are
 * still mapped is kept here and not read from the VMAs, so that a driver may clear ptes without mmapLock:
 *
 *     whoever clears ptes   holds `lock` all the while, and looks at nothing but `parts`
 *     whoever unmaps        takes the part out under `lock` before the page tables below it are freed
 */
import type { DeviceWindow as WindowHandle, DeviceWindowOps, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { LockClasses } from '../locking/lock-order.ts';
import type { Lockdep } from '../locking/lockdep.ts';
import { SpinLock } from '../locking/spinlock.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Vma } from '../mm/vma.ts';
import type { Scheduler } from '../sched/scheduler.ts';

/** What is still mapped of a window: page aligned, by address. */
export interface WindowPart {
  readonly start: number;
  readonly end: number;
}

export class DeviceWindow implements WindowHandle {
  readonly mm: MmStruct;
  readonly name: string;
  readonly start: VirtualAddress;
  readonly end: VirtualAddress;
  readonly ops: DeviceWindowOps;
  readonly lock: SpinLock;
  parts: readonly WindowPart[];
  /** Bytes of which the driver has not been told that they are unmapped. */
  private untold: number;

  constructor(
    mm: MmStruct,
    name: string,
    start: number,
    end: number,
    ops: DeviceWindowOps,
    scheduler: Scheduler,
    lockdep: Lockdep,
  ) {
    this.mm = mm;
    this.name = name;
    this.start = start as VirtualAddress;
    this.end = end as VirtualAddress;
    this.ops = ops;
    this.lock = new SpinLock(scheduler, lockdep, LockClasses.deviceWindow, `ptes of ${name}`);
    this.parts = [{ start, end }];
    this.untold = end - start;
  }

  get mapped(): boolean {
    return this.parts.length > 0;
  }

  /** An exit has begun: it may be past any page, and knows which VMAs there are. */
  exiting(): boolean {
    return this.mm.users === 0;
  }

  /** A part has no ptes any more and its tables are about to go. @locks Takes `lock`. @sleeps Never. */
  *leave(start: number, end: number): Routine<void> {
    yield* this.lock.acquire();
    this.cut(start, end);
    this.lock.release();
  }

  /** @locks `lock`. */
  cut(start: number, end: number): void {
    this.parts = this.parts
      .flatMap((part) => [
        { start: part.start, end: Math.min(part.end, start) },
        { start: Math.max(part.start, end), end: part.end },
      ])
      .filter((part) => part.start < part.end);
  }

  /** Tells the driver of a part that is gone; after the last one, that all is. @sleeps May. */
  *tell(start: number, end: number): Routine<void> {
    const { ops } = this;
    if (ops.unmapped !== undefined) yield* ops.unmapped(this, start as VirtualAddress, end as VirtualAddress);
    this.untold -= end - start;
    if (this.untold === 0 && ops.close !== undefined) yield* ops.close(this);
  }
}

/** The last step of an unmapping: ptes, tables and TLB entries are gone. @locks mmapLock held. @sleeps May. */
export function* closeWindows(gone: readonly Vma[]): Routine<void> {
  for (const { device, start, end } of gone) if (device !== undefined) yield* device.tell(start, end);
}
