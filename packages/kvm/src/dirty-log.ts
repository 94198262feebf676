/**
 * The dirty log of one memslot (`KVM_MEM_LOG_DIRTY_PAGES`): which of its pages the guest wrote since the log was read.
 *
 * Reading takes the bits first and write-protects those pages after it, in one hold of slotsLock: a write in between is
 * still logged, for it goes through a page that loses its permission only now, and the next one faults.
 * Mirrors `kvm_get_dirty_log_protect`, `virt/kvm/kvm_main.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';

/** Pages are numbered from the slot's first. */
export class DirtyLog {
  private readonly pages = new Set<number>();

  mark(page: number): void {
    this.pages.add(page);
  }

  /** What was written, in order; the log is empty afterwards. */
  take(): readonly number[] {
    const taken = [...this.pages].sort((a, b) => a - b);
    this.pages.clear();
    return taken;
  }
}

/**
 * `KVM_GET_DIRTY_LOG`.
 *
 * @locks Takes slotsLock, and mmuLock inside it. @sleeps May. Errors: `ENOENT` (no such slot, or it keeps no log).
 */
export function* getDirtyLog(vm: Vm, slotId: number): Routine<readonly number[] | Errno> {
  yield* vm.slotsLock.acquire();
  const slot = vm.memslots.withId(slotId);
  const pages = slot?.dirty?.take();
  if (slot !== undefined && pages !== undefined && pages.length > 0) {
    yield* vm.host.sync.preempt('kvm: dirty log taken');
    yield* vm.mmuLock.acquire();
    for (const page of pages) vm.writeProtect(slot.baseGfn + page, slot.baseGfn + page + 1);
    if (vm.unflushed) yield* vm.flush();
    vm.mmuLock.release();
  }
  vm.slotsLock.release();
  return pages ?? 'ENOENT';
}
