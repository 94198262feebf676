/**
 * Start, end and release: an address range of the process loses its pages.
 *
 * Every callback runs in one frame: under srcu, the slots that the range meets; mmuLock from the first of them on; where
 * there is none, mmuLock is never taken and nothing is in progress. Start and end must therefore see the same slots: the
 * active count, raised before start looks and dropped after end has, holds memslot updates back.
 *
 * Mirrors `kvm_mmu_notifier_invalidate_range_start` and its neighbours, `virt/kvm/kvm_main.c` of Linux 6.8.
 */
import type { NotifierRange, Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';
/**
 * Drops the sptes of the range and flushes, under the lock.
 *
 * @sleeps Never, blockable or not: it takes spinlocks only, so it never refuses.
 */
export declare function invalidateRangeStart(vm: Vm, range: NotifierRange): Routine<'done'>;
/** Lets translations appear again, and wakes the faults that slept. @sleeps Never. */
export declare function invalidateRangeEnd(vm: Vm, range: NotifierRange): Routine<void>;
/**
 * The address space is going: drops everything, really, and makes faults fail. Tolerates a second call, and starts and
 * ends around it. Runs at exit, and inside unregister on a live mm.
 *
 * @sleeps Never.
 */
export declare function release(vm: Vm): Routine<void>;
/** `kvm_arch_flush_shadow_all` @locks Takes mmuLock. @sleeps Never. */
export declare function zapAll(vm: Vm): Routine<void>;
