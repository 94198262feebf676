/**
 * A guest access: what a vCPU does with an address. Hits are plain code, one step with the load or store itself; a miss
 * exits to the fault path and the access starts over, as an instruction does.
 *
 * An access that crosses a page border is split there, and is not atomic as a whole.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, DeviceAccessResult, Errno, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import { faultGfn, faultGfnNow } from './fault.ts';
import { gfnOfGpa } from './memslots.ts';
import type { KvmShared, Vm } from './vm.ts';

/** No memslot serves the access, or a readonly one a store: the guest's user space would emulate a device. */
const MMIO_EXIT: DeviceAccessResult = Object.freeze({ exit: 'mmio' });

/**
 * Addresses are guest-physical (`gpa`) or the process's own (`process`), which the guest sees through the memslot with
 * the lowest id that shows them.
 *
 * Answers `EIO` where the process has no VM, or another address space than its VM.
 *
 * @locks Entered with none held. @sleeps On a miss.
 */
export function* accessGuest(shared: KvmShared, request: DeviceAccess): Routine<DeviceAccessResult> {
  const vm = vmOf(shared, request.process);
  if (vm === undefined) return 'EIO';
  const { space, data } = request;
  if (space !== 'process' && space !== 'gpa') return 'EINVAL';
  let done = 0;
  while (done < data.length) {
    const address = request.address + done;
    const offset = address % PAGE_SIZE;
    const length = Math.min(PAGE_SIZE - offset, data.length - done);
    // Looked up again each time: a memslot may have moved meanwhile.
    const gfn = gfnOf(vm, space, address);
    if (!(gfn >= 0)) return noMemslot(space);
    if (!inGuest(vm, gfn, request, offset, length, done)) {
      if (faultGfnNow(vm, gfn, request.kind, 'missing too')) continue;
      const refused = yield* exitAndEnter(vm, gfn, request);
      if (refused !== undefined) return refused;
    } else {
      done += length;
      if (done < data.length) yield* vm.host.sync.preempt('kvm: next page');
    }
  }
  return 'done';
}

/** An access inside one page that the table serves, if need be with a fault on a page that the process has. */
export function tryAccessGuest(shared: KvmShared, request: DeviceAccess): boolean {
  const { process, space, address, data } = request;
  const offset = address & (PAGE_SIZE - 1);
  if (data.length === 0 || offset + data.length > PAGE_SIZE || (space !== 'process' && space !== 'gpa')) return false;
  const vm = vmOf(shared, process);
  if (vm === undefined) return false;
  const gfn = gfnOf(vm, space, address);
  if (gfn < 0) return false;
  if (inGuest(vm, gfn, request, offset, data.length, 0)) return true;
  return faultGfnNow(vm, gfn, request.kind, 'present') && inGuest(vm, gfn, request, offset, data.length, 0);
}

function gfnOf(vm: Vm, space: 'process' | 'gpa', address: number): number {
  return space === 'gpa' ? gfnOfGpa(address) : vm.memslots.gfnOfHva(address);
}

/** What the guest does without KVM: a load or store through the vCPU's TLB or table. @returns whether they serve it. */
function inGuest(
  { vcpu, host }: Vm,
  gfn: number,
  { kind, data }: DeviceAccess,
  offset: number,
  length: number,
  at: number,
): boolean {
  const entry = kind === 'load' ? vcpu.forLoad(gfn) : vcpu.forStore(gfn);
  if (entry === -1) return false;
  if (kind === 'load') host.ledger.load(entry, offset, length, data, at);
  else host.ledger.store(entry, offset, length, data, at);
  return true;
}

/** The VM that serves accesses of `process` now. A process that has exited has no address space to compare. */
function vmOf({ vms }: KvmShared, process: ProcessHandle): Vm | undefined {
  const vm = vms.get(process.name);
  if (vm === undefined || vm.life === 'opening' || vm.life === 'closing') return undefined;
  return process.mm === undefined || process.mm.id === vm.mm.id ? vm : undefined;
}

/** Exits for a fault and enters the guest again. @sleeps May. @returns Why not, where the fault cannot be served. */
function* exitAndEnter(vm: Vm, gfn: number, request: DeviceAccess): Routine<DeviceAccessResult | undefined> {
  const result = yield* faultGfn(vm, gfn, request.kind);
  if (result === 'mmio') return noMemslot(request.space);
  if (isErrno(result)) return result;
  yield* vm.host.sync.preempt('kvm: enter');
  return undefined;
}

function noMemslot(space: string): DeviceAccessResult | Errno {
  return space === 'gpa' ? MMIO_EXIT : 'EFAULT';
}
