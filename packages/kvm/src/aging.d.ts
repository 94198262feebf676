/**
 * Aging: whether the guest used the pages of a range since the last question. Reclaim asks, so that a page which only a
 * guest touches is not taken for idle.
 *
 * A TLB entry is filled with accessed set and does not set it again, so after a clear without a flush the answer errs
 * towards "idle" for as long as the entry lives; `clearFlushYoung` flushes and is exact.
 *
 * @locks Entered with a page-table lock held: nothing here sleeps, mmuLock is a spinlock that is never held around core's.
 *
 * Mirrors `kvm_mmu_notifier_clear_flush_young`, `_clear_young`, `_test_young` of Linux 6.8.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Vm } from './vm.ts';
export declare function clearFlushYoung(vm: Vm, start: number, end: number): Routine<boolean>;
export declare function clearYoung(vm: Vm, start: number, end: number): Routine<boolean>;
/** One address: the range is its byte. */
export declare function testYoung(vm: Vm, address: number): Routine<boolean>;
