/** The device: `/dev/kvm` with the VMs that processes have opened, one for each. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type {
  Device,
  DeviceAccess,
  DeviceAccessResult,
  DeviceAction,
  DeviceViolation,
  Errno,
  MmuNotifierOps,
  ProcessHandle,
  Routine,
  TranslationView,
} from '@mmu-notifier/plugin-api';
import { accessGuest, tryAccessGuest } from './access.ts';
import { kvmActions } from './actions.ts';
import { clearFlushYoung, clearYoung, testYoung } from './aging.ts';
import { invalidateRangeEnd, invalidateRangeStart, release, zapAll } from './invalidate.ts';
import { brokenInvariants } from './invariants.ts';
import { GFN_LIMIT, hvaOfGfn } from './memslots.ts';
import { initialMemslots } from './options.ts';
import type { ShadowMmu } from './shadow/shadow-mmu.ts';
import { ShadowBits } from './shadow/shadow-page.ts';
import { SpteBits } from './sptes.ts';
import { Vm } from './vm.ts';
import type { KvmShared } from './shared.ts';

export class KvmDevice implements Device {
  readonly actions: Readonly<Record<string, DeviceAction>>;
  private readonly shared: KvmShared;
  private detached = false;

  constructor(shared: KvmShared) {
    this.shared = shared;
    this.actions = kvmActions(shared);
  }

  /**
   * Creates the VM of `process`, bound to the address space that it has now. Registers last: a callback may come before
   * `register` has returned, and finds a whole VM.
   *
   * @sleeps May. Errors: `ENODEV`, `ESRCH`, `EEXIST`, those of the memslots, `EINTR` and `ENOMEM` of `register`.
   */
  *open(process: ProcessHandle, options?: unknown): Routine<Errno | undefined> {
    const { host, vms } = this.shared;
    const { mm } = process;
    if (this.detached) return 'ENODEV';
    if (vms.has(process.name)) return 'EEXIST';
    const memslots = initialMemslots(options);
    if (isErrno(memslots)) return memslots;
    if (mm === undefined || !host.processes.getNotZero(mm)) return 'ESRCH';
    host.processes.grab(mm);
    const vm = new Vm(this.shared, process.name, mm, memslots);
    vms.set(process.name, vm);
    const error = this.shared.coherence === 'pinned' ? undefined : yield* register(vm);
    if (error === undefined) {
      vm.life = 'running';
    } else {
      vms.delete(process.name);
      host.processes.drop(mm);
    }
    // The last reference tears the address space down, and calls `release`, here.
    yield* host.processes.put(mm);
    if (error !== undefined || !this.detached) return error;
    yield* this.destroy(vm);
    return 'ENODEV';
  }

  /** @sleeps On a miss. */
  access(request: DeviceAccess): Routine<DeviceAccessResult> {
    return accessGuest(this.shared, request);
  }

  /** @sleeps Never. */
  tryAccess(request: DeviceAccess): boolean {
    return tryAccessGuest(this.shared, request);
  }

  /** Destroys the VM of `process`; its pins, if any, go with it. @sleeps May. */
  *close(process: ProcessHandle): Routine<void> {
    const vm = this.shared.vms.get(process.name);
    if (vm !== undefined) yield* this.destroy(vm);
  }

  *detach(): Routine<void> {
    this.detached = true;
    for (const vm of [...this.shared.vms.values()]) yield* this.destroy(vm);
  }

  *translations(): Iterable<TranslationView> {
    for (const vm of this.shared.vms.values()) {
      const { sptes, memslots, mm } = vm;
      if (vm.shadow !== undefined) yield* shadowTranslations(vm, vm.shadow);
      for (let gfn = sptes.nextPresent(0, GFN_LIMIT); gfn >= 0; gfn = sptes.nextPresent(gfn + 1, GFN_LIMIT)) {
        const slot = memslots.slotOfGfn(gfn);
        if (slot === undefined) continue;
        const writable = (sptes.bits(gfn) & SpteBits.Writable) !== 0;
        yield { mm, address: hvaOfGfn(slot, gfn), deviceAddress: gfn * 4096, pfn: sptes.pfn(gfn), writable };
      }
    }
  }

  invariants(): Iterable<DeviceViolation> {
    return brokenInvariants(this.shared);
  }

  /** `kvm_destroy_vm` @sleeps May: waits for callbacks, faults and a memslot update. */
  private *destroy(vm: Vm): Routine<void> {
    if (vm.life === 'opening') return;
    if (vm.life === 'closing') {
      yield* vm.destroyed.wait();
      return;
    }
    const { host, vms } = this.shared;
    vm.life = 'closing';
    if (vm.subscription === undefined) yield* zapAll(vm);
    else yield* host.notifiers.unregister(vm.subscription);
    forgetOpenWindows(vm);
    yield* vm.slotsLock.acquire();
    vm.slotsLock.release();
    yield* vm.srcu.synchronize();
    for (const faults of vm.asyncFaults) yield* faults.clear();
    vms.delete(vm.name);
    host.processes.drop(vm.mm);
    vm.destroyed.completeAll();
  }
}

/** Several where the guest maps a frame at several addresses. */
function* shadowTranslations({ memslots, mm }: Vm, { rmap }: ShadowMmu): Iterable<TranslationView> {
  for (const gfn of rmap.gfnsIn(0, GFN_LIMIT)) {
    const slot = memslots.slotOfGfn(gfn);
    if (slot === undefined) continue;
    for (const { page, index } of rmap.of(gfn)) {
      const writable = ((page.bits[index] as number) & ShadowBits.Writable) !== 0;
      yield { mm, address: hvaOfGfn(slot, gfn), deviceAddress: gfn * 4096, pfn: page.pfnOf(index), writable };
    }
  }
}

/** @locks None of core's held. @sleeps May. */
function* register(vm: Vm): Routine<Errno | undefined> {
  const subscription = yield* vm.host.notifiers.register(vm.mm, notifierOps(vm));
  if (isErrno(subscription)) return subscription;
  vm.subscription = subscription;
  return undefined;
}

function notifierOps(vm: Vm): MmuNotifierOps {
  return {
    invalidateRangeStart: (range) => invalidateRangeStart(vm, range),
    invalidateRangeEnd: (range) => invalidateRangeEnd(vm, range),
    clearFlushYoung: (_mm, start, end) => clearFlushYoung(vm, start, end),
    clearYoung: (_mm, start, end) => clearYoung(vm, start, end),
    testYoung: (_mm, address) => testYoung(vm, address),
    release: () => release(vm),
  };
}

/**
 * Unregistering does not wait for windows, so the end of an open one never comes: whoever waits for it must not. A
 * window in progress that is not active is no such left-over but a bug.
 */
function forgetOpenWindows(vm: Vm): void {
  if (vm.mnActiveInvalidateCount === 0 && vm.invalidate.windows !== 0) {
    vm.shared.warnings.push(`${vm.name}: ${vm.invalidate.windows} invalidations in progress at the end, none active`);
  }
  vm.mnActiveInvalidateCount = 0;
  vm.wakeWaiters();
}
