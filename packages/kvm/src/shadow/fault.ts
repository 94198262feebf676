/**
 * A guest-virtual access that the shadow pages cannot serve:
 *
 *     an MMIO spte: the access is a device's                    no lock
 *     walk the guest's tables                                   no lock; the guest's own fault ends here
 *     a store to a table above the last level: KVM makes it     `track.ts`
 *     seq = mmuInvalidateSeq; memslot; get the page             no lock: this runs the VM's own callbacks
 *     mmuLock
 *       check the retry pair, and that the guest's entries still are what the walk saw
 *       find or make a shadow page for each table on the way, link it
 *       set the spte
 *     put the page
 *
 * Mirrors `FNAME(page_fault)` and `FNAME(fetch)`, `arch/x86/kvm/mmu/paging_tmpl.h` of Linux 6.8.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine, UserPage, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { PageNotPresent } from '../async-pf.ts';
import { dropReference, getPageOrQueue } from '../get-page.ts';
import { gpteIndex } from '../guest/gpte.ts';
import { type GuestAccess, Rights } from '../guest/registers.ts';
import { type GpteMemory, type GuestPageFault, type GuestWalk, walkGuest } from '../guest/walk.ts';
import { type Memslot, hvaOfGfn } from '../memslots.ts';
import type { Vm } from '../vm.ts';
import { fetch, loadRoot, makePagesAvailable } from './fetch.ts';
import { makeMmioSpte, meetsMmioSpte } from './mmio.ts';
import { hasWriteProtect, levelOf, smepAndNotWp } from './role.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { ShadowBits, type ShadowPage } from './shadow-page.ts';
import { bitsOf, withoutCleanWrites } from './sync.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** `emulate`: a store that KVM makes itself, to that frame. */
export type ShadowFault = 'fixed' | 'mmio' | Errno | GuestPageFault | { readonly emulate: number } | PageNotPresent;
type Round = ShadowFault | 'retry' | 'halt';

/** Sptes of one frame beyond which all of them go (`RMAP_RECYCLE_THRESHOLD`). */
const RECYCLE = 1000;

/** @locks Entered with none held. @sleeps For pages, and for windows that cover the gfn. */
export function* shadowFault(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  gva: number,
  access: GuestAccess,
): Routine<ShadowFault> {
  vm.stats.exits();
  yield* vm.host.sync.preempt('kvm: exit');
  if (meetsMmioSpte(vm, mmu, vcpu, gva, access)) return count(vm, 'mmio');
  vm.stats.pfTaken();
  for (;;) {
    const token = vm.srcu.readLock();
    const walk = yield* translate(vm, vcpu, gva, access);
    const round = 'gfn' in Object(walk) ? yield* tryFault(vm, mmu, vcpu, gva, access, walk as GuestWalk) : walk;
    vm.srcu.readUnlock(token);
    if (round === 'halt') {
      yield* vcpu.asyncFaults?.waitFor((walk as GuestWalk).gfn) ?? [];
      continue;
    }
    if (round !== 'retry') return count(vm, round as ShadowFault);
    vm.stats.retries();
    const { gfn } = walk as GuestWalk;
    yield* vm.retryQueue.waitUntil(
      () => vm.life !== 'running' || (!vm.invalidate.covers(gfn) && vm.memslots.slotOfGfn(gfn)?.state !== 'invalid'),
    );
  }
}

/** With paging off, guest-virtual is guest-physical and everything is allowed. */
function* translate(
  vm: Vm,
  vcpu: ShadowVcpu,
  gva: number,
  access: GuestAccess,
): Routine<GuestWalk | GuestPageFault | Errno | 'mmio'> {
  const { registers } = vcpu;
  if (!registers.paging) return { gfn: Math.floor(gva / 4096), steps: [] };
  return yield* walkGuest(gpteMemory(vm, vcpu), registers, gva, access);
}

/** KVM reads and writes the guest's tables at the process's address. */
function gpteMemory(vm: Vm, { dirtyRing }: ShadowVcpu): GpteMemory<Errno | 'mmio'> {
  const find = (gpa: number): { slot: Memslot; gfn: number; hva: VirtualAddress } | undefined => {
    const gfn = Math.floor(gpa / 4096);
    const slot = vm.memslots.slotOfGfn(gfn);
    return slot && { slot, gfn, hva: (hvaOfGfn(slot, gfn) + (gpa % 4096)) as VirtualAddress };
  };
  return {
    *read(gpa, into) {
      const found = find(gpa);
      return found === undefined ? 'mmio' : yield* vm.host.userMemory.read(vm.mm, found.hva, into);
    },
    *compareExchange(gpa, expected, value) {
      const found = find(gpa);
      if (found === undefined) return 'mmio';
      const done = yield* vm.host.userMemory.compareExchange(vm.mm, found.hva, expected, value);
      if (done === true) vm.markDirty(found.slot, found.gfn, dirtyRing);
      return done;
    },
  };
}

function* tryFault(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  gva: number,
  access: GuestAccess,
  walk: GuestWalk,
): Routine<Round> {
  const { host, invalidate } = vm;
  const { gfn } = walk;
  const store = access.kind === 'store';
  if (vm.life !== 'running') return 'EFAULT';
  const { memslots } = vm;
  const slot = memslots.slotOfGfn(gfn);
  if (slot === undefined) return yield* makeMmioSpte(vm, mmu, vcpu, gva, walk, memslots);
  if (store && slot.access === 'readonly') return 'mmio';
  if (slot.state === 'invalid') return 'retry';
  if (store && mmu.isTracked(gfn)) return { emulate: gfn };
  const seq = yield* invalidate.snapshot();
  if (yield* invalidate.retryGfnUnsafe(seq, gfn)) return 'retry';
  if (host.choose(2, 'kvm: no memory for a shadow page') === 1) return 'ENOMEM';
  if (!host.processes.getNotZero(vm.mm)) return 'EFAULT';
  const page = yield* getPageOrQueue(vm, gfn, hvaOfGfn(slot, gfn), store ? 'store' : 'load', vcpu.asyncFaults);
  let round: Round;
  if (isErrno(page) || page === 'halt' || 'token' in page) {
    round = page;
  } else {
    const stale = yield* invalidate.lockAndRetryGfn(seq, gfn);
    round = stale
      ? 'retry'
      : vm.life !== 'running'
        ? 'EFAULT'
        : yield* map(vm, mmu, vcpu, gva, access, walk, slot, page);
    if (vm.unflushed) yield* vm.flush();
    vm.mmuLock.release();
    const installed = round === 'fixed' || typeof round === 'object';
    if (!installed || vm.shared.coherence !== 'pinned') dropReference(vm, page);
  }
  yield* host.processes.put(vm.mm);
  return round;
}

/** Commits the page. @locks mmuLock held. */
function* map(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  gva: number,
  access: GuestAccess,
  walk: GuestWalk,
  slot: Memslot,
  page: UserPage,
): Routine<Round> {
  if (!makePagesAvailable(vm, mmu)) return 'ENOSPC';
  yield* loadRoot(vm, mmu, vcpu);
  const leaf = yield* fetch(vm, mmu, vcpu, gva, walk);
  if (leaf === undefined) return 'retry';
  return setSpte(vm, mmu, vcpu, leaf, gpteIndex(gva, 1), walk, access, slot, page);
}

/** @locks mmuLock held. @sleeps Never. `mmu_set_spte` */
function setSpte(
  vm: Vm,
  mmu: ShadowMmu,
  { dirtyRing }: ShadowVcpu,
  leaf: ShadowPage,
  index: number,
  { gfn, steps }: GuestWalk,
  access: GuestAccess,
  slot: Memslot,
  page: UserPage,
): Round {
  const store = access.kind === 'store';
  const entry = steps[steps.length - 1];
  let rights = entry === undefined ? Rights.All : withoutCleanWrites(entry.rights, entry.low);
  if (entry !== undefined && store && !access.user && (rights & Rights.Write) === 0 && !hasWriteProtect(leaf.role)) {
    // The guest's kernel writes a read-only page with CR0.WP off: its own for now, out of reach of user code.
    rights = (rights | Rights.Write) & ~Rights.User;
    if (smepAndNotWp(leaf.role)) rights &= ~Rights.Execute;
  }
  const hostWritable = store || page.writable;
  // As in direct mode: for a load too, whatever the spte allows.
  if (hostWritable) vm.host.frames.markDirty(page.pfn);
  let writable = (rights & Rights.Write) !== 0 && hostWritable && slot.access === 'read-write';
  let emulate = false;
  if (writable && !mayWrite(mmu, gfn)) {
    writable = false;
    emulate = store;
  }
  // A logged page is writable from its first write on.
  if (writable && !store && slot.dirty !== undefined) writable = false;
  if (writable) vm.markDirty(slot, gfn, dirtyRing);
  const bits =
    (bitsOf(rights) & ~ShadowBits.Writable) |
    ShadowBits.Present |
    ShadowBits.Accessed |
    (writable ? ShadowBits.Writable : 0) |
    (hostWritable ? ShadowBits.HostWritable : 0);
  mmu.zapEntry(leaf, index);
  if (mmu.rmap.of(gfn).length >= RECYCLE) {
    mmu.zap(gfn, gfn + 1);
    vm.stats.mmuRecycled();
  }
  const address = hvaOfGfn(slot, gfn);
  const ledger = vm.host.ledger.establish({ mm: vm.mm, address, pfn: page.pfn, writable, deviceAddress: gfn * 4096 });
  leaf.bits[index] = bits;
  leaf.pfns[index] = page.pfn;
  leaf.ledger[index] = ledger;
  if (!leaf.direct) leaf.gfns[index] = gfn;
  leaf.present++;
  const { longest } = mmu.rmap;
  mmu.rmap.add(gfn, leaf, index);
  vm.stats.maxMmuRmapSize(mmu.rmap.longest - longest);
  vm.stats.pages4k();
  if (vm.shared.coherence === 'pinned') vm.stats.pagesPinned();
  if (vm.invalidated.delete(gfn)) vm.stats.refaults();
  return emulate ? { emulate: gfn } : 'fixed';
}

/** A last-level table becomes unsync with the write; one above it stays protected. `mmu_try_to_unsync_pages` */
function mayWrite(mmu: ShadowMmu, gfn: number): boolean {
  const tables = mmu.pagesOf(gfn).filter((page) => !page.direct);
  if (tables.some((page) => levelOf(page.role) > 1)) return false;
  for (const page of tables) if (!page.unsync) mmu.markUnsync(page);
  return true;
}

function count(vm: Vm, fault: ShadowFault): ShadowFault {
  if (fault === 'fixed') vm.stats.pfFixed();
  else if (fault === 'mmio') vm.stats.mmioExits();
  else if (typeof fault === 'object' && 'code' in fault) vm.stats.pfGuest();
  return fault;
}
