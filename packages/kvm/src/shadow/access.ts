/**
 * A guest's access under shadow paging. A vCPU's own addresses are guest-virtual (`gva`); `gpa` and `process` are those of a
 * further vCPU whose paging is off, for who wants to reach the guest's memory as such.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { DeviceAccessResult, Routine } from '@mmu-notifier/plugin-api';
import type { GuestAccess } from '../guest/registers.ts';
import type { Vm } from '../vm.ts';
import { shadowFault } from './fault.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { emulateStore } from './track.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** As `accessGuest`, for an address of one vCPU and inside one page. @sleeps On a miss. */
export function* accessShadow(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  address: number,
  kind: GuestAccess['kind'],
  data: Uint8Array,
): Routine<DeviceAccessResult> {
  for (;;) {
    const access: GuestAccess = { kind, user: vcpu.registers.user };
    if (tryShadow(vm, vcpu, address, access, data, 0, data.length)) return 'done';
    const fault = yield* shadowFault(vm, mmu, vcpu, address, access);
    if (fault === 'fixed') {
      yield* vm.host.sync.preempt('kvm: enter');
      continue;
    }
    if (fault === 'mmio') return { exit: 'mmio' };
    if (typeof fault === 'string') return fault;
    if ('token' in fault) return { exit: `page-not-present ${fault.token}` };
    if ('code' in fault) return { exit: `page-fault 0x${fault.code.toString(16)}` };
    return (yield* emulateStore(vm, mmu, vcpu, fault.emulate * PAGE_SIZE + (address % PAGE_SIZE), data)) ?? 'done';
  }
}

/** Inside one page. @returns whether hardware made the access. @sleeps Never. */
export function tryShadow(
  vm: Vm,
  vcpu: ShadowVcpu,
  address: number,
  access: GuestAccess,
  data: Uint8Array,
  at: number,
  length: number,
): boolean {
  const entry = vcpu.translate(address, access);
  if (entry === -1) return false;
  const { ledger } = vm.host;
  if (access.kind === 'store') ledger.store(entry, address % PAGE_SIZE, length, data, at);
  else ledger.load(entry, address % PAGE_SIZE, length, data, at);
  return true;
}
