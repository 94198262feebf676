/**
 * The dirty log of one memslot (`KVM_MEM_LOG_DIRTY_PAGES`): which of its pages the guest wrote since the log was read.
 *
 * Reading takes the bits first and write-protects those pages after it, in one hold of slotsLock: a write in between is
 * still logged, for it goes through a page that loses its permission only now, and the next one faults. With
 * `dirtyLog: 'clear'` reading does neither, and `clear_dirty_log` both, for the pages that user space is about to copy.
 * Mirrors `kvm_get_dirty_log_protect` and `kvm_clear_dirty_log_protect`, `virt/kvm/kvm_main.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Memslot } from './memslots.ts';
import type { Vm } from './vm.ts';

/** Pages are numbered from the slot's first. */
export class DirtyLog {
  private readonly pages = new Set<number>();

  mark(page: number): void {
    this.pages.add(page);
  }

  /** What was written, in order. */
  read(): readonly number[] {
    return [...this.pages].sort((a, b) => a - b);
  }

  /** The log has none of these pages any more. @returns those that it had. */
  take(pages: readonly number[]): readonly number[] {
    return pages.filter((page) => this.pages.delete(page));
  }
}

/**
 * `KVM_GET_DIRTY_LOG`.
 *
 * @locks Takes slotsLock, and mmuLock inside it. @sleeps May. Errors: `ENOENT` (no such slot, or it keeps no log), `ENXIO`
 *   (there are rings instead).
 */
export function* getDirtyLog(vm: Vm, slotId: number): Routine<readonly number[] | Errno> {
  if (vm.shared.dirtyLog === 'ring') return 'ENXIO';
  yield* vm.slotsLock.acquire();
  const slot = vm.memslots.withId(slotId);
  const pages = slot?.dirty?.read();
  if (vm.shared.dirtyLog === 'get' && slot !== undefined) yield* clear(vm, slot, pages ?? []);
  vm.slotsLock.release();
  return pages ?? 'ENOENT';
}

/**
 * `KVM_CLEAR_DIRTY_LOG`: of the pages from `first` on, `count` of them, those that are named.
 *
 * @locks As {@link getDirtyLog}. @sleeps May. Errors: `EINVAL` (`dirtyLog` is not `'clear'`; `first` or `count` is no multiple of 64, but for
 *   the end of the slot; a page outside), `ENOENT`, `ENXIO`.
 */
export function* clearDirtyLog(
  vm: Vm,
  slotId: number,
  first: number,
  count: number,
  pages: readonly number[],
): Routine<Errno | undefined> {
  if (vm.shared.dirtyLog === 'ring') return 'ENXIO';
  if (vm.shared.dirtyLog !== 'clear' || first % 64 !== 0) return 'EINVAL';
  yield* vm.slotsLock.acquire();
  const slot = vm.memslots.withId(slotId);
  let error: Errno | undefined;
  if (slot?.dirty === undefined) error = 'ENOENT';
  else if (first + count > slot.npages || (count % 64 !== 0 && first + count < slot.npages)) error = 'EINVAL';
  else if (pages.some((page) => page < first || page >= first + count)) error = 'EINVAL';
  else yield* clear(vm, slot, pages);
  vm.slotsLock.release();
  return error;
}

/** @locks slotsLock held. Takes mmuLock. @sleeps Never. */
function* clear(vm: Vm, slot: Memslot, pages: readonly number[]): Routine<void> {
  vm.state.changes();
  const taken = slot.dirty?.take(pages) ?? [];
  if (taken.length === 0) return;
  yield* vm.host.sync.preempt('kvm: dirty log taken', 'declared');
  yield* vm.mmuLock.acquire();
  for (const page of taken) vm.writeProtect(slot.baseGfn + page, slot.baseGfn + page + 1);
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
}
