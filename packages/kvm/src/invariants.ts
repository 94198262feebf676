/** The rules that this driver's bookkeeping keeps at every step, also between a zap and its flush. */
import type { DeviceViolation } from '@mmu-notifier/plugin-api';
import { GFN_LIMIT } from './memslots.ts';
import { brokenShadow } from './shadow/invariants.ts';
import { SpteBits } from './sptes.ts';
import type { KvmShared } from './shared.ts';
import type { Vm } from './vm.ts';

/** What is broken now; nothing on a sound device. */
export function* brokenInvariants(shared: KvmShared): Iterable<DeviceViolation> {
  for (const message of shared.warnings) yield { rule: 'kvm-balance', message };
  for (const vm of shared.vms.values()) {
    for (const [rule, message] of brokenRules(vm)) yield { rule, message: `${vm.name}: ${message}` };
  }
}

function* brokenRules(vm: Vm): Iterable<readonly [rule: string, message: string]> {
  if (vm.shadow === undefined) {
    yield* brokenTable(vm);
    yield* brokenTlb(vm);
  } else {
    yield* brokenShadow(vm, vm.shadow);
  }
  for (const ring of vm.dirtyRings) if (ring.overflown) yield ['kvm-dirty-ring', 'a dirty ring has overflown'];
  // Unregistering does not wait for windows: what is still open then is never ended, and nobody minds.
  if (vm.life === 'closing') return;
  const { invalidate, mnActiveInvalidateCount: active } = vm;
  const { windows } = invalidate;
  if (windows < 0) yield ['kvm-in-progress', `${windows} invalidations are in progress`];
  if (windows > 0 && invalidate.hullEmpty())
    yield ['kvm-hull', `${windows} invalidations are in progress without a range`];
  if (active < windows) yield ['kvm-active', `${windows} invalidations are in progress, ${active} are active`];
}

function* brokenTable(vm: Vm): Iterable<readonly [string, string]> {
  const { sptes, memslots } = vm;
  let present = 0;
  for (let gfn = sptes.nextPresent(0, GFN_LIMIT); gfn >= 0; gfn = sptes.nextPresent(gfn + 1, GFN_LIMIT)) {
    present++;
    const bits = sptes.bits(gfn);
    const slot = memslots.slotOfGfn(gfn);
    if (slot === undefined) yield ['kvm-spte-in-slot', `gfn ${gfn} has an spte and no memslot`];
    const writable = (bits & SpteBits.Writable) !== 0;
    if (writable && ((bits & SpteBits.HostWritable) === 0 || slot?.access === 'readonly')) {
      yield ['kvm-writable', `gfn ${gfn} is writable where the host or its memslot forbids it`];
    }
  }
  if (present !== sptes.count) yield ['kvm-spte-count', `${present} sptes are present, ${sptes.count} were counted`];
  for (const page of sptes.miscounted()) {
    yield ['kvm-table-count', `a page of level ${page.level} counts ${page.present} present entries`];
  }
}

function* brokenTlb(vm: Vm): Iterable<readonly [string, string]> {
  if (vm.unflushed) return;
  for (const { gfn, entry, storable } of vm.vcpus.flatMap(({ tlb }) => [...tlb.cached()])) {
    const bits = vm.sptes.bits(gfn);
    if (bits === 0 || vm.sptes.ledgerEntry(gfn) !== entry) {
      yield ['kvm-tlb', `the TLB holds gfn ${gfn}, which has no such spte, and no flush is due`];
    } else if (storable && (bits & SpteBits.Writable) === 0) {
      yield ['kvm-tlb', `the TLB lets stores through to gfn ${gfn}, whose spte is read-only`];
    }
  }
}
