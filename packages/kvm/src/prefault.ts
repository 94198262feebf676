/** `KVM_PRE_FAULT_MEMORY`: maps guest memory before the guest touches it. */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { faultGfn } from './fault.ts';
import { gfnOfGpa } from './memslots.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/**
 * Faults each page in as a load of `vcpu` would, and stops where that fails; what is mapped by then stays.
 *
 * @locks As a fault. @sleeps May. Errors: `EOPNOTSUPP` (shadow paging), `EINVAL` (not page aligned, or empty), `ENOENT` (no
 *   memslot), those of a fault.
 */
export function* prefault(vm: Vm, vcpu: Vcpu | undefined, gpa: number, size: number): Routine<Errno | undefined> {
  if (vcpu === undefined) return 'EOPNOTSUPP';
  if (gpa % PAGE_SIZE !== 0 || size % PAGE_SIZE !== 0 || size === 0) return 'EINVAL';
  // Nobody waits for these pages, so no worker gets them.
  const faulting = { asyncFaults: undefined, dirtyRing: vcpu.dirtyRing };
  for (let address = gpa; address < gpa + size; address += PAGE_SIZE) {
    const result = yield* faultGfn(vm, gfnOfGpa(address), 'load', faulting);
    if (result === 'mmio') return 'ENOENT';
    if (isErrno(result)) return result;
  }
  return undefined;
}
