/**
 * Instructions of the guest's kernel that KVM must know of under shadow paging: each is a moment at which hardware may drop
 * its translations, so unsync tables are brought up to date. Mirrors `kvm_set_cr3`, `kvm_mmu_invlpg` and their neighbours.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Registers } from '../guest/registers.ts';
import type { Vm } from '../vm.ts';
import { loadRoot, putRoot } from './fetch.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { syncAddress } from './sync.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** A load of CR0, CR3, CR4 or EFER, or a change of privilege. @locks Takes mmuLock. @sleeps Never. */
export function* loadRegisters(vm: Vm, mmu: ShadowMmu, vcpu: ShadowVcpu, registers: Registers): Routine<void> {
  const { user, ...kernel } = vcpu.registers;
  if (
    user !== registers.user &&
    Object.entries(kernel).every(([name, value]) => Reflect.get(registers, name) === value)
  ) {
    vcpu.setRegisters(registers);
    return;
  }
  vm.stats.exits();
  yield* vm.mmuLock.acquire();
  putRoot(vcpu);
  vcpu.setRegisters(registers);
  if (vm.life === 'running') yield* loadRoot(vm, mmu, vcpu);
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
}

/** INVLPG: the guest changed the entries of one address. @locks Takes mmuLock. @sleeps Never. */
export function* invlpg(vm: Vm, mmu: ShadowMmu, vcpu: ShadowVcpu, gva: number): Routine<void> {
  vm.stats.exits();
  vm.stats.invlpg();
  yield* vm.mmuLock.acquire();
  if (vcpu.root !== undefined && !mmu.isObsolete(vcpu.root)) syncAddress(vm, mmu, vcpu.root, gva);
  if (vm.unflushed) yield* vm.flush();
  vcpu.forget(gva);
  vm.mmuLock.release();
}
