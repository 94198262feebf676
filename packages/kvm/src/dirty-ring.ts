/**
 * The dirty ring of one vCPU, in place of the logs of the memslots: what its guest writes, in order. User space takes
 * entries out, and resets the ring when it has; only the reset protects the pages again. A ring that is nearly full stops
 * the guest. Mirrors `virt/kvm/dirty_ring.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';

/** Room for what one exit can still write (`KVM_DIRTY_RING_RSVD_ENTRIES`). */
const RESERVED = 64;
/** As many as fill a page, and `KVM_DIRTY_RING_MAX_ENTRIES`. */
export const RING_ENTRIES = { fewest: 256, most: 65536 } as const;

/** One page that was written. */
export interface DirtyEntry {
  readonly slot: number;
  /** From the slot's first page. */
  readonly page: number;
}

export class DirtyRing {
  private readonly size: number;
  /** Oldest first. */
  private readonly entries: DirtyEntry[] = [];
  /** Of the oldest, how many user space has taken. */
  private taken = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** The guest may not be entered (`KVM_EXIT_DIRTY_RING_FULL`). */
  get nearlyFull(): boolean {
    return this.entries.length >= this.size - RESERVED;
  }

  get overflown(): boolean {
    return this.entries.length > this.size;
  }

  push(entry: DirtyEntry): void {
    this.entries.push(entry);
  }

  /** What user space reads and marks: entries that it has not taken before. */
  take(): readonly DirtyEntry[] {
    const fresh = this.entries.slice(this.taken);
    this.taken = this.entries.length;
    return fresh;
  }

  /** The entries that were taken make room. */
  reset(): readonly DirtyEntry[] {
    const gone = this.entries.splice(0, this.taken);
    this.taken = 0;
    return gone;
  }
}

/**
 * `KVM_RESET_DIRTY_RINGS`: the pages of all entries that were taken fault at their next write. What was written before that
 * is in them: user space copies a page after the reset.
 *
 * @locks Takes slotsLock, and mmuLock inside it. @sleeps May.
 * @returns how many entries made room.
 */
export function* resetDirtyRings(vm: Vm): Routine<number> {
  yield* vm.slotsLock.acquire();
  vm.state.changes();
  const entries = vm.dirtyRings.flatMap((ring) => ring.reset());
  yield* vm.mmuLock.acquire();
  for (const { slot: id, page } of entries) {
    const slot = vm.memslots.withId(id);
    // The slot may have gone, or be another one by now.
    if (slot !== undefined && page < slot.npages) vm.writeProtect(slot.baseGfn + page, slot.baseGfn + page + 1);
  }
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
  vm.slotsLock.release();
  return entries.length;
}
