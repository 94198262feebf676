/**
 * Aging: whether the guest used the pages of a range since the last question. Reclaim asks, so that a page which only a
 * guest touches is not taken for idle.
 *
 * A TLB entry is filled with accessed set and does not set it again, so after a clear without a flush the answer errs
 * towards "idle" for as long as the entry lives; `clearFlushYoung` flushes and is exact.
 *
 * @locks Entered with a page-table lock held: nothing here sleeps, and mmuLock is a spinlock under which no lock of
 *   core is taken.
 *
 * Mirrors `kvm_mmu_notifier_clear_flush_young`, `_clear_young`, `_test_young` of Linux 6.8.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { SpteBits } from './sptes.ts';
import type { Vm } from './vm.ts';

/** What the question changes. */
type AgeMode = 'test' | 'clear' | 'clear-flush';

export function clearFlushYoung(vm: Vm, start: number, end: number): Routine<boolean> {
  return age(vm, start, end, 'clear-flush');
}

export function clearYoung(vm: Vm, start: number, end: number): Routine<boolean> {
  return age(vm, start, end, 'clear');
}

/** One address: the range is its byte. */
export function testYoung(vm: Vm, address: number): Routine<boolean> {
  return age(vm, address, address + 1, 'test');
}

function* age(vm: Vm, start: number, end: number, mode: AgeMode): Routine<boolean> {
  const { trace } = vm.host;
  let young = false;
  const token = vm.srcu.readLock();
  const ranges = vm.memslots.rangesOfHva(start, end);
  if (ranges.length > 0) {
    yield* vm.mmuLock.acquire();
    for (const { first, end: last } of ranges) if (ageGfns(vm, first, last, mode)) young = true;
    if (young && mode === 'clear-flush') yield* vm.flush();
    vm.mmuLock.release();
  }
  vm.srcu.readUnlock(token);
  if (trace.enabled) {
    const name = mode === 'test' ? 'kvm_test_age_hva' : 'kvm_age_hva';
    trace.event(name, { process: vm.name, start, end, young });
  }
  return young;
}

/** @locks mmuLock held. @sleeps Never. */
function ageGfns(vm: Vm, first: number, end: number, mode: AgeMode): boolean {
  if (vm.shadow !== undefined) return vm.shadow.age(first, end, mode === 'test' ? 'test' : 'clear');
  const { sptes } = vm;
  let young = false;
  for (let gfn = sptes.nextPresent(first, end); gfn >= 0; gfn = sptes.nextPresent(gfn + 1, end)) {
    if ((sptes.bits(gfn) & SpteBits.Accessed) === 0) continue;
    young = true;
    if (mode === 'test') break;
    vm.state.changes();
    sptes.change(gfn, 0, SpteBits.Accessed);
  }
  return young;
}
