/**
 * A guest access: what a vCPU does with an address. Hits are plain code, one step with the load or store itself; a miss
 * exits to the fault path and the access starts over, as an instruction does.
 *
 * An access that crosses a page border is split there, and is not atomic as a whole.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, DeviceAccessResult, Errno, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import type { PageNotPresent } from './async-pf.ts';
import { faultGfn, faultGfnNow } from './fault.ts';
import type { GuestAccess, Registers } from './guest/registers.ts';
import { gfnOfGpa } from './memslots.ts';
import { nestedWalk } from './nested-walk.ts';
import { accessShadow, tryShadow } from './shadow/access.ts';
import type { ShadowVcpu } from './shadow/vcpu.ts';
import { type Space, parseSpace } from './spaces.ts';
import type { Vcpu } from './vcpu.ts';
import type { KvmShared } from './shared.ts';
import type { Vm } from './vm.ts';

/** No memslot serves the access, or a readonly one a store: the guest's user space would emulate a device. */
const MMIO_EXIT: DeviceAccessResult = Object.freeze({ exit: 'mmio' });
/** What the guest wrote has to be taken out first. */
const DIRTY_RING_FULL: DeviceAccessResult = Object.freeze({ exit: 'dirty-ring-full' });
/** Guest-virtual addresses have 48 bits, and their upper half is not used here. */
const GVA_END: number = 2 ** 47;

/**
 * Answers `EIO` where the process has no VM, or another address space than its VM; `EINVAL` for an address space that the
 * guest does not have (`spaces.ts`); `{ exit: 'page-fault CODE' }` for the guest's own fault.
 *
 * @locks Entered with none held. @sleeps On a miss.
 */
export function* accessGuest(
  shared: KvmShared,
  request: DeviceAccess,
  kind: GuestAccess['kind'] = request.kind,
): Routine<DeviceAccessResult> {
  const vm = vmOf(shared, request.process);
  if (vm === undefined) return 'EIO';
  const space = parseSpace(request.space, shared.vcpus);
  const { data } = request;
  if (space === undefined || (space.kind === 'gva' && request.address + data.length > GVA_END)) return 'EINVAL';
  let done = 0;
  while (done < data.length) {
    const address = request.address + done;
    const length = Math.min(PAGE_SIZE - (address % PAGE_SIZE), data.length - done);
    if (!accessNow(vm, space, address, kind, data, done, length, 'missing too')) {
      const refused = yield* accessPage(vm, space, address, kind, data, done, length);
      if (refused !== undefined) return refused;
    }
    done += length;
    if (done < data.length) yield* vm.host.sync.preempt('kvm: next page');
  }
  return 'done';
}

/** An access inside one page that the table serves, if need be with a fault on a page that the process has. */
export function tryAccessGuest(shared: KvmShared, request: DeviceAccess): boolean {
  const { process, address, data, kind } = request;
  const offset = address & (PAGE_SIZE - 1);
  if (data.length === 0 || offset + data.length > PAGE_SIZE) return false;
  const space = parseSpace(request.space, shared.vcpus);
  if (space === undefined || space.kind === 'gva') return false;
  const vm = vmOf(shared, process);
  return vm !== undefined && accessNow(vm, space, address, kind, data, 0, data.length, 'present');
}

/** Plain code, inside one page. @returns whether the access was made; if not, nothing has happened. @sleeps Never. */
function accessNow(
  vm: Vm,
  space: Space,
  address: number,
  kind: GuestAccess['kind'],
  data: Uint8Array,
  at: number,
  length: number,
  find: 'present' | 'missing too',
): boolean {
  if (space.kind === 'gva') return false;
  const gfn = gfnOf(vm, space, address);
  if (gfn < 0) return false;
  const offset = address % PAGE_SIZE;
  if (vm.shadow !== undefined)
    return tryShadow(vm, physical(vm), gfn * PAGE_SIZE + offset, { kind, user: false }, data, at, length);
  const vcpu = vm.vcpus[space.vcpu] as Vcpu;
  if (vcpu.dirtyRing?.nearlyFull === true) return false;
  if (inGuest(vm, vcpu, gfn, kind, offset, data, at, length)) return true;
  const needed = kind === 'store' ? 'store' : 'load';
  return faultGfnNow(vm, gfn, needed, find, vcpu) && inGuest(vm, vcpu, gfn, kind, offset, data, at, length);
}

/** @returns Why the access was not made, `undefined` where it was. @sleeps On a miss. */
function* accessPage(
  vm: Vm,
  space: Space,
  address: number,
  kind: GuestAccess['kind'],
  data: Uint8Array,
  at: number,
  length: number,
): Routine<DeviceAccessResult | undefined> {
  if (vm.dirtyRings[space.vcpu]?.nearlyFull === true) return DIRTY_RING_FULL;
  for (;;) {
    // Looked up again each time: a memslot may have moved meanwhile, and a table of the guest changed.
    const gfn = space.kind === 'gva' ? -1 : gfnOf(vm, space, address);
    if (space.kind !== 'gva' && gfn < 0) return noMemslot(space.kind);
    const offset = address % PAGE_SIZE;
    if (vm.shadow !== undefined) {
      const vcpu = space.kind === 'gva' ? (vm.shadowVcpus[space.vcpu] as ShadowVcpu) : physical(vm);
      const target = space.kind === 'gva' ? address : gfn * PAGE_SIZE + offset;
      const result = yield* accessShadow(vm, vm.shadow, vcpu, target, kind, data.subarray(at, at + length));
      return result === 'done' ? undefined : asMmio(result, space.kind);
    }
    const vcpu = vm.vcpus[space.vcpu] as Vcpu;
    const registers = vm.registers[space.vcpu] as Registers;
    const frame =
      space.kind === 'gva' ? yield* nestedWalk(vm, vcpu, registers, address, { kind, user: registers.user }) : gfn;
    if (frame === 'mmio') return MMIO_EXIT;
    if (typeof frame === 'object' && 'token' in frame) return pageNotPresent(frame);
    if (typeof frame === 'object') return { exit: `page-fault 0x${frame.code.toString(16)}` };
    if (typeof frame === 'string') return frame;
    if (inGuest(vm, vcpu, frame, kind, offset, data, at, length)) return undefined;
    const refused = yield* exitAndEnter(vm, vcpu, frame, kind, space.kind);
    if (refused !== undefined) return refused;
  }
}

/** The vCPU whose paging is always off. */
function physical({ shadowVcpus }: Vm): ShadowVcpu {
  return shadowVcpus[shadowVcpus.length - 1] as ShadowVcpu;
}

function gfnOf(vm: Vm, { kind }: Space, address: number): number {
  return kind === 'gpa' ? gfnOfGpa(address) : vm.memslots.gfnOfHva(address);
}

/** What the guest does without KVM: a load or store through the vCPU's TLB or table. @returns whether they serve it. */
function inGuest(
  { host, state }: Vm,
  vcpu: Vcpu,
  gfn: number,
  kind: GuestAccess['kind'],
  offset: number,
  data: Uint8Array,
  at: number,
  length: number,
): boolean {
  state.reads();
  const entry = kind === 'store' ? vcpu.forStore(gfn) : vcpu.forLoad(gfn);
  if (entry === -1) return false;
  if (kind === 'store') host.ledger.store(entry, offset, length, data, at);
  else host.ledger.load(entry, offset, length, data, at);
  return true;
}

/** The VM that serves accesses of `process` now. A process that has exited has no address space to compare. */
function vmOf({ vms }: KvmShared, process: ProcessHandle): Vm | undefined {
  const vm = vms.get(process.name);
  if (vm === undefined || vm.life === 'opening' || vm.life === 'closing') return undefined;
  return process.mm === undefined || process.mm.id === vm.mm.id ? vm : undefined;
}

/** Exits for a fault and enters the guest again. @sleeps May. @returns Why not, where the fault cannot be served. */
function* exitAndEnter(
  vm: Vm,
  vcpu: Vcpu,
  gfn: number,
  kind: GuestAccess['kind'],
  space: Space['kind'],
): Routine<DeviceAccessResult | undefined> {
  const result = yield* faultGfn(vm, gfn, kind === 'store' ? 'store' : 'load', vcpu);
  if (result === 'mmio') return noMemslot(space);
  if (isErrno(result)) return result;
  if (typeof result === 'object') return pageNotPresent(result);
  yield* vm.host.sync.preempt('kvm: enter', 'declared');
  return undefined;
}

/** The guest hears that its page comes later (`async-pf.ts`). */
function pageNotPresent({ token }: PageNotPresent): DeviceAccessResult {
  return { exit: `page-not-present ${token}` };
}

function noMemslot(space: Space['kind']): DeviceAccessResult | Errno {
  return space === 'process' ? 'EFAULT' : MMIO_EXIT;
}

/** A process's address that no memslot shows is none of the guest's. */
function asMmio(result: DeviceAccessResult, space: Space['kind']): DeviceAccessResult {
  return typeof result === 'object' && result.exit === 'mmio' ? noMemslot(space) : result;
}
