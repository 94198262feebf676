/**
 * A guest access: what a vCPU does with an address. Hits are plain code, one step with the load or store itself; a miss
 * exits to the fault path and the access starts over, as an instruction does.
 *
 * An access that crosses a page border is split there, and is not atomic as a whole.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type {
  DeviceAccess,
  DeviceAccessResult,
  Errno,
  LedgerEntry,
  ProcessHandle,
  Routine,
} from '@mmu-notifier/plugin-api';
import { faultGfn } from './fault.ts';
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
  const { space, kind, data } = request;
  const { ledger } = vm.host;
  const { vcpu } = vm;
  if (space !== 'process' && space !== 'gpa') return 'EINVAL';
  let done = 0;
  while (done < data.length) {
    const address = request.address + done;
    const offset = address % PAGE_SIZE;
    const length = Math.min(PAGE_SIZE - offset, data.length - done);
    // Looked up again each time: a memslot may have moved meanwhile.
    const gfn = space === 'gpa' ? gfnOfGpa(address) : vm.memslots.gfnOfHva(address);
    if (!(gfn >= 0)) return noMemslot(space);
    const entry = kind === 'load' ? vcpu.forLoad(gfn) : vcpu.forStore(gfn);
    if (entry === -1) {
      const refused = yield* exitAndEnter(vm, gfn, request);
      if (refused !== undefined) return refused;
    } else {
      if (kind === 'load') ledger.load(entry as LedgerEntry, offset, length, data, done);
      else ledger.store(entry as LedgerEntry, offset, length, data, done);
      done += length;
      if (done < data.length) yield* vm.host.sync.preempt('kvm: next page');
    }
  }
  return 'done';
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
