/**
 * Verbs that scripts can give the device:
 *
 *     kvm0 memslot SLOT GPA SIZE HVA [readonly,log]   KVM_SET_USER_MEMORY_REGION; size 0 deletes
 *     kvm0 dirty_log SLOT                             KVM_GET_DIRTY_LOG: pages of the slot that the guest wrote
 *     kvm0 clear_dirty_log SLOT FIRST COUNT PAGE...   KVM_CLEAR_DIRTY_LOG, with `dirtyLog: 'clear'`
 *     kvm0 dirty_ring [vcpu=N]                        takes entries out of a ring: SLOT:PAGE each
 *     kvm0 reset_dirty_rings                          KVM_RESET_DIRTY_RINGS: how many
 *     kvm0 prefault GPA SIZE [vcpu=N]                 KVM_PRE_FAULT_MEMORY
 *     kvm0 mmu_pages N                                KVM_SET_NR_MMU_PAGES (shadow paging)
 *     kvm0 async_pf on|off|ready [vcpu=N]             MSR_KVM_ASYNC_PF_EN; `ready`: tokens whose pages have come
 *     kvm0 registers NAME=VALUE... [vcpu=N]           cr3=GPA paging=on write_protect=on nx=on smep=on smap=on user=on
 *     kvm0 invlpg GVA [vcpu=N]
 *     kvm0 guest load|fetch SPACE ADDR SIZE           answers the bytes, or how the access ended (`spaces.ts`)
 *     kvm0 guest store SPACE ADDR BYTES
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, DeviceAction, Errno, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import { accessGuest } from './access.ts';
import type { AsyncFaults } from './async-pf.ts';
import { clearDirtyLog, getDirtyLog } from './dirty-log.ts';
import { resetDirtyRings } from './dirty-ring.ts';
import type { Registers } from './guest/registers.ts';
import type { KvmMemoryRegion } from './memory-region.ts';
import { setMemoryRegion } from './memslot-update.ts';
import { prefault } from './prefault.ts';
import { invlpg, loadRegisters } from './shadow/instructions.ts';
import { LEAST_SHADOW_PAGES } from './shadow/shadow-mmu.ts';
import type { ShadowVcpu } from './shadow/vcpu.ts';
import type { KvmShared } from './shared.ts';
import type { Vm } from './vm.ts';

type Answer = Routine<Errno | string | undefined>;
type VmAction = (vm: Vm, args: readonly string[]) => Answer;

const NUMBER = /^(0x[0-9a-f]+|[0-9]+)([kmg]?)$/i;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
/** Of one access by a script. */
const MOST_BYTES = 2 ** 20;
const SWITCHES: Readonly<Record<string, keyof Registers>> = {
  paging: 'paging',
  write_protect: 'writeProtect',
  nx: 'noExecute',
  smep: 'smep',
  smap: 'smap',
  user: 'user',
};

const ACTIONS: Readonly<Record<string, VmAction>> = {
  *memslot(vm, args) {
    const region = parseRegion(args);
    return region === undefined ? 'EINVAL' : yield* setMemoryRegion(vm, region);
  },
  *dirty_log(vm, [slot = '', ...rest]) {
    const id = parseNumber(slot);
    if (id === undefined || rest.length > 0) return 'EINVAL';
    const pages = yield* getDirtyLog(vm, id);
    return isErrno(pages) ? pages : pages.join(' ');
  },
  *clear_dirty_log(vm, args) {
    const [slot, first, count, ...pages] = args.map(parseNumber);
    if (slot === undefined || first === undefined || count === undefined || pages.includes(undefined)) return 'EINVAL';
    return yield* clearDirtyLog(vm, slot, first, count, pages as number[]);
  },
  *dirty_ring(vm, args) {
    const vcpu = parseVcpu(vm, args);
    if (vcpu === undefined || args.length > 1) return 'EINVAL';
    const ring = vm.dirtyRings[vcpu];
    vm.state.changes();
    return ring === undefined
      ? 'ENXIO'
      : ring
          .take()
          .map(({ slot, page }) => `${slot}:${page}`)
          .join(' ');
  },
  *reset_dirty_rings(vm, args) {
    if (args.length > 0 || vm.dirtyRings.length === 0) return 'EINVAL';
    return String(yield* resetDirtyRings(vm));
  },
  *prefault(vm, args) {
    const vcpu = parseVcpu(vm, args);
    const [gpa, size] = args.slice(0, 2).map(parseNumber);
    if (vcpu === undefined || gpa === undefined || size === undefined || args.length > 3) return 'EINVAL';
    return yield* prefault(vm, vm.vcpus[vcpu], gpa, size);
  },
  *mmu_pages({ shadow }, [count = '', ...rest]) {
    const limit = parseNumber(count);
    if (shadow === undefined || limit === undefined || limit < LEAST_SHADOW_PAGES || rest.length > 0) return 'EINVAL';
    shadow.limit = limit;
    return undefined;
  },
  *async_pf(vm, args) {
    const vcpu = parseVcpu(vm, args);
    const [what] = args;
    if (vcpu === undefined || args.length > 2 || (what !== 'on' && what !== 'off' && what !== 'ready')) return 'EINVAL';
    const faults = vm.asyncFaults[vcpu] as AsyncFaults;
    if (what === 'ready') return (yield* faults.takeReady()).join(' ');
    if (what === 'off') yield* faults.clear();
    else faults.enabled = true;
    return undefined;
  },
  *registers(vm, args) {
    const vcpu = parseVcpu(vm, args);
    if (vcpu === undefined) return 'EINVAL';
    const old = vm.shadow === undefined ? vm.registers[vcpu] : vm.shadowVcpus[vcpu]?.registers;
    const registers = parseRegisters(old as Registers, args);
    if (registers === undefined) return 'EINVAL';
    if (vm.shadow === undefined) vm.registers[vcpu] = registers;
    else yield* loadRegisters(vm, vm.shadow, vm.shadowVcpus[vcpu] as ShadowVcpu, registers);
    return undefined;
  },
  *invlpg(vm, args) {
    const vcpu = parseVcpu(vm, args);
    const gva = parseNumber(args[0] ?? '');
    if (vcpu === undefined || gva === undefined || args.length > 2) return 'EINVAL';
    // Hardware that walks the guest's tables itself keeps nothing of them here.
    if (vm.shadow !== undefined) yield* invlpg(vm, vm.shadow, vm.shadowVcpus[vcpu] as ShadowVcpu, gva);
    return undefined;
  },
};

/** Without a process an action means the device's only VM. */
export function kvmActions(shared: KvmShared): Readonly<Record<string, DeviceAction>> {
  const bound = Object.entries(ACTIONS).map(([name, action]): [string, DeviceAction] => [
    name,
    function* (process, args) {
      const vm = vmOf(shared, process);
      return isErrno(vm) ? vm : yield* action(vm, args);
    },
  ]);
  return { ...Object.fromEntries(bound), guest: (process, args) => guestAccess(shared, process, args) };
}

function* guestAccess(shared: KvmShared, process: ProcessHandle | undefined, args: readonly string[]): Answer {
  const [kind, space = '', at = '', what = ''] = args;
  const address = parseNumber(at);
  const data = kind === 'store' ? parseBytes(what) : parseSize(what);
  if (kind !== 'load' && kind !== 'store' && kind !== 'fetch') return 'EINVAL';
  if (process === undefined || address === undefined || data === undefined || args.length !== 4) return 'EINVAL';
  const request: DeviceAccess = { process, space, address, kind: kind === 'store' ? 'store' : 'load', data };
  const result = yield* accessGuest(shared, request, kind);
  if (typeof result === 'object') return result.exit;
  if (result !== 'done') return result;
  return kind === 'store' ? undefined : Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function vmOf({ vms }: KvmShared, process: ProcessHandle | undefined): Vm | Errno {
  if (process !== undefined) return vms.get(process.name) ?? 'EIO';
  if (vms.size > 1) return 'EINVAL';
  for (const vm of vms.values()) return vm;
  return 'EIO';
}

function parseRegion(args: readonly string[]): KvmMemoryRegion | undefined {
  const [slot, gpa, size, hva] = args.slice(0, 4).map(parseNumber);
  const flags = (args[4] ?? '-').split(',').filter((flag) => flag !== '-');
  if (args.length > 5 || flags.some((flag) => flag !== 'readonly' && flag !== 'log')) return undefined;
  if (slot === undefined || gpa === undefined || size === undefined || hva === undefined) return undefined;
  return { slot, gpa, size, hva, readonly: flags.includes('readonly'), logDirty: flags.includes('log') };
}

/** `vcpu=N` among the words, 0 without it. */
function parseVcpu({ shared }: Vm, args: readonly string[]): number | undefined {
  const given = args.filter((word) => word.startsWith('vcpu='));
  const vcpu = given.length === 0 ? 0 : parseNumber((given[0] as string).slice('vcpu='.length));
  return given.length > 1 || vcpu === undefined || vcpu >= shared.vcpus ? undefined : vcpu;
}

function parseRegisters(old: Registers, args: readonly string[]): Registers | undefined {
  let registers = old;
  for (const word of args) {
    const [name = '', value = ''] = word.split('=');
    const field = SWITCHES[name];
    const cr3 = name === 'cr3' ? parseNumber(value) : undefined;
    if (name === 'vcpu') continue;
    if (cr3 !== undefined && cr3 % 4096 === 0) registers = { ...registers, cr3: cr3 / 4096 };
    else if (field !== undefined && (value === 'on' || value === 'off'))
      registers = { ...registers, [field]: value === 'on' };
    else return undefined;
  }
  return registers;
}

function parseBytes(text: string): Uint8Array | undefined {
  if (!/^([0-9a-f]{2})+$/i.test(text) || text.length > 2 * MOST_BYTES) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function parseSize(text: string): Uint8Array | undefined {
  const size = parseNumber(text);
  return size === undefined || size < 1 || size > MOST_BYTES ? undefined : new Uint8Array(size);
}

/** Decimal or hexadecimal, in units of 1024 where a letter says so. */
function parseNumber(text: string): number | undefined {
  const match = NUMBER.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNITS[(match[2] as string).toLowerCase()] as number);
}
