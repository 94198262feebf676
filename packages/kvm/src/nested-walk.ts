/**
 * Guest-virtual addresses under two-dimensional paging: hardware walks the guest's tables, and reaches each of them through
 * the VM's own table, faulting as for any other access. KVM has no part in it: the guest writes its tables freely.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { PageNotPresent } from './async-pf.ts';
import { faultGfn } from './fault.ts';
import type { GuestAccess, Registers } from './guest/registers.ts';
import { type GpteMemory, type GuestPageFault, walkGuest } from './guest/walk.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** @sleeps On a miss. @returns the frame, or how the walk ended. */
export function* nestedWalk(
  vm: Vm,
  vcpu: Vcpu,
  registers: Registers,
  gva: number,
  access: GuestAccess,
): Routine<number | GuestPageFault | Errno | 'mmio' | PageNotPresent> {
  if (!registers.paging) return Math.floor(gva / 4096);
  const walk = yield* walkGuest(throughTable(vm, vcpu), registers, gva, access);
  return typeof walk === 'object' && 'gfn' in walk ? walk.gfn : walk;
}

function throughTable(vm: Vm, vcpu: Vcpu): GpteMemory<Errno | 'mmio' | PageNotPresent> {
  const { ledger } = vm.host;
  return {
    *read(gpa, into) {
      const gfn = Math.floor(gpa / 4096);
      for (;;) {
        const entry = vcpu.forLoad(gfn);
        if (entry !== -1) {
          ledger.load(entry, gpa % 4096, into.length, into, 0);
          return undefined;
        }
        const result = yield* faultGfn(vm, gfn, 'load', vcpu);
        if (result === 'mmio' || isErrno(result) || typeof result === 'object') return result;
      }
    },
    *compareExchange(gpa, expected, value) {
      const gfn = Math.floor(gpa / 4096);
      const found = new Uint8Array(expected.length);
      for (;;) {
        const entry = vcpu.forStore(gfn);
        if (entry !== -1) {
          ledger.load(entry, gpa % 4096, found.length, found, 0);
          if (found.some((byte, i) => byte !== expected[i])) return false;
          ledger.store(entry, gpa % 4096, value.length, value, 0);
          return true;
        }
        const result = yield* faultGfn(vm, gfn, 'store', vcpu);
        if (result === 'mmio' || isErrno(result) || typeof result === 'object') return result;
      }
    },
  };
}
