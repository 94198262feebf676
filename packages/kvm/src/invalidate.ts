/**
 * Start, end and release: an address range of the process loses its pages.
 *
 * Every callback runs in one frame: under srcu, the slots that the range meets; mmuLock from the first of them on;
 * where there is none, mmuLock is never taken and nothing is in progress. Start and end must therefore see the same
 * slots: the active count, raised before start looks and dropped after end has, holds memslot updates back.
 *
 * Mirrors `kvm_mmu_notifier_invalidate_range_start` and its neighbours, `virt/kvm/kvm_main.c` of Linux 6.8.
 */
import type { NotifierRange, Routine } from '@mmu-notifier/plugin-api';
import { GFN_LIMIT } from './memslots.ts';
import type { Vm } from './vm.ts';

/**
 * Drops the sptes of the range and flushes, under the lock.
 *
 * @sleeps Never, blockable or not: it takes spinlocks only, so it never refuses.
 */
export function* invalidateRangeStart(vm: Vm, range: NotifierRange): Routine<'done'> {
  const { trace } = vm.host;
  if (trace.enabled) {
    trace.event('kvm_unmap_hva_range', { process: vm.name, start: range.start, end: range.end, event: range.event });
  }
  if (!vm.mnInvalidateLock.acquireNow()) yield* vm.mnInvalidateLock.acquire();
  vm.mnActiveInvalidateCount++;
  vm.mnInvalidateLock.release();

  const token = vm.srcu.readLock();
  const ranges = vm.memslots.rangesOfHva(range.start, range.end);
  if (ranges.length > 0) {
    if (!vm.mmuLock.acquireNow()) yield* vm.mmuLock.acquire();
    yield* vm.invalidate.begin();
    vm.stats.invalidations();
    for (const { first, end } of ranges) {
      vm.invalidate.widen(first, end);
      vm.stats.translationsInvalidated(vm.zap(first, end, 'invalidated'));
    }
    if (vm.unflushed) yield* vm.flush();
    vm.mmuLock.release();
  }
  vm.srcu.readUnlock(token);
  return 'done';
}

/** Lets translations appear again, and wakes the faults that slept. @sleeps Never. */
export function* invalidateRangeEnd(vm: Vm, range: NotifierRange): Routine<void> {
  const token = vm.srcu.readLock();
  if (vm.memslots.rangesOfHva(range.start, range.end).length > 0) {
    if (!vm.mmuLock.acquireNow()) yield* vm.mmuLock.acquire();
    const windows = yield* vm.invalidate.finish();
    if (windows === 0) vm.retryQueue.wakeAll();
    if (windows < 0) vm.shared.warnings.push(`${vm.name}: more ends than starts met a memslot`);
    vm.mmuLock.release();
  }
  vm.srcu.readUnlock(token);

  if (!vm.mnInvalidateLock.acquireNow()) yield* vm.mnInvalidateLock.acquire();
  const active = --vm.mnActiveInvalidateCount;
  vm.mnInvalidateLock.release();
  if (active === 0) vm.slotsQueue.wakeAll();
  if (active < 0) vm.shared.warnings.push(`${vm.name}: an end came without its start`);
}

/**
 * The address space is going: drops everything, really, and makes faults fail. Tolerates a second call, and starts and
 * ends around it. Runs at exit, and inside unregister on a live mm.
 *
 * @sleeps Never.
 */
export function* release(vm: Vm): Routine<void> {
  if (vm.life === 'opening' || vm.life === 'running') vm.life = 'released';
  const token = vm.srcu.readLock();
  yield* zapAll(vm);
  vm.srcu.readUnlock(token);
  vm.wakeWaiters();
}

/** `kvm_arch_flush_shadow_all` @locks Takes mmuLock. @sleeps Never. */
export function* zapAll(vm: Vm): Routine<void> {
  yield* vm.mmuLock.acquire();
  if (vm.shadow === undefined) vm.zap(0, GFN_LIMIT);
  else vm.shadow.zapAll();
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
}
