/**
 * Memslot updates: create, delete, move, and begin or end the dirty log.
 *
 * A deletion publishes the slot as invalid first: faults wait, notifiers still find it. Once no reader of the old set
 * is left, nobody installs an spte below it, so it can be zapped; only then the set without it is published.
 *
 * A set is published while no invalidation is between its start and its end, so that both see the same slots. That wait
 * has no bound: a stream of overlapping invalidations starves it, as in Linux.
 *
 * Mirrors `kvm_set_memslot` and `kvm_swap_active_memslots`, `virt/kvm/kvm_main.c` of Linux 6.8.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { planMemslotChange } from './memory-region.ts';
import type { KvmMemoryRegion } from './memory-region.ts';
import { Memslots } from './memslots.ts';
import type { Memslot } from './memslots.ts';
import { mmioGeneration } from './mmio-spte.ts';
import { zapAllFast } from './shadow/zap-all.ts';
import type { Vm } from './vm.ts';

/**
 * `KVM_SET_USER_MEMORY_REGION`.
 *
 * @locks Takes slotsLock, and mnInvalidateLock and mmuLock inside it. Hold nothing that a callback or a fault takes.
 * @sleeps May. Errors: `EINVAL`, `EEXIST`, `EIO` (the VM or its address space is going).
 */
export function* setMemoryRegion(vm: Vm, region: KvmMemoryRegion): Routine<Errno | undefined> {
  yield* vm.slotsLock.acquire();
  const error = yield* update(vm, region);
  vm.slotsLock.release();
  return error;
}

/** @locks slotsLock held. */
function* update(vm: Vm, region: KvmMemoryRegion): Routine<Errno | undefined> {
  if (vm.life !== 'running') return 'EIO';
  const change = planMemslotChange(vm.memslots, region);
  if (isErrno(change)) return change;
  if (change.kind === 'none') return undefined;
  let others = vm.memslots.byId;
  if (change.kind === 'flags') return yield* changeFlags(vm, change.old, change.slot);
  if (change.kind !== 'create') {
    const { old } = change;
    others = others.filter((slot) => slot !== old);
    const error = yield* publish(vm, [...others, { ...old, state: 'invalid' }]);
    if (error !== undefined) return error;
    yield* zapSlot(vm, old);
  }
  const error = yield* publish(vm, change.kind === 'delete' ? others : [...others, change.slot]);
  vm.retryQueue.wakeAll();
  return error;
}

/**
 * Swaps the set in, and waits for the readers of the one before.
 *
 * @sleeps Until no invalidation is active. Once the address space goes, ends may be missing, and a set that would
 *   change nothing any more is not worth waiting for: `EIO`.
 */
function* publish(vm: Vm, slots: readonly Memslot[]): Routine<Errno | undefined> {
  for (;;) {
    yield* vm.slotsQueue.waitUntil(() => vm.mnActiveInvalidateCount === 0 || vm.life !== 'running');
    if (vm.life !== 'running') return 'EIO';
    yield* vm.mnInvalidateLock.acquire();
    if (vm.mnActiveInvalidateCount === 0) break;
    vm.mnInvalidateLock.release();
  }
  vm.memslots = new Memslots(slots, vm.memslots.generation + 1);
  vm.mnInvalidateLock.release();
  yield* vm.srcu.synchronize();
  if (mmioGeneration(vm.memslots) === 0) yield* dropMmioSptes(vm);
  return undefined;
}

/** The generation begins again, so old MMIO sptes would come true. @locks slotsLock held. Takes mmuLock. */
function* dropMmioSptes(vm: Vm): Routine<void> {
  if (vm.shadow !== undefined) {
    yield* zapAllFast(vm, vm.shadow);
    return;
  }
  yield* vm.mmuLock.acquire();
  vm.state.changes();
  vm.mmioSptes.removeAll();
  vm.mmuLock.release();
}

/** The log begins: from now on the first write to a page faults. `kvm_mmu_slot_apply_flags` @locks slotsLock held. */
function* changeFlags(vm: Vm, old: Memslot, slot: Memslot): Routine<Errno | undefined> {
  const error = yield* publish(
    vm,
    vm.memslots.byId.map((other) => (other === old ? slot : other)),
  );
  if (error !== undefined || slot.dirty === undefined) return error;
  yield* vm.mmuLock.acquire();
  vm.writeProtect(slot.baseGfn, slot.baseGfn + slot.npages);
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
  return undefined;
}

/** `kvm_arch_flush_shadow_memslot` @locks slotsLock held. Takes mmuLock. */
function* zapSlot(vm: Vm, slot: Memslot): Routine<void> {
  if (vm.shadow !== undefined) {
    yield* zapAllFast(vm, vm.shadow);
    return;
  }
  yield* vm.mmuLock.acquire();
  vm.zap(slot.baseGfn, slot.baseGfn + slot.npages);
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
}
