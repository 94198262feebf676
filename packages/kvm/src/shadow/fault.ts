/**
 * A guest-virtual access that the shadow pages cannot serve:
 *
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
import type { Errno, Routine, UserPage } from '@mmu-notifier/plugin-api';
import { dropReference, getPage } from '../get-page.ts';
import { gfnSpan, gpteGfn, gpteIndex } from '../guest/gpte.ts';
import { type GuestAccess, Rights } from '../guest/registers.ts';
import { type GpteMemory, type GuestPageFault, type GuestWalk, type WalkStep, walkGuest } from '../guest/walk.ts';
import { type Memslot, hvaOfGfn } from '../memslots.ts';
import type { Vm } from '../vm.ts';
import { childRole, hasWriteProtect, isDirect, levelOf, rootRole, smepAndNotWp } from './role.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { ShadowBits, type ShadowPage } from './shadow-page.ts';
import { bitsOf, syncRoot, withoutCleanWrites } from './sync.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** `emulate`: a store that KVM makes itself, to that frame. */
export type ShadowFault = 'fixed' | 'mmio' | Errno | GuestPageFault | { readonly emulate: number };
type Round = ShadowFault | 'retry';

/** Sptes of one frame beyond which all of them go (`RMAP_RECYCLE_THRESHOLD`). */
const RECYCLE = 1000;
/** Shadow pages that one fault can need. */
const PAGES_A_FAULT = 5;

/** @locks Entered with none held. @sleeps For pages, and for windows that cover the gfn. */
export function* shadowFault(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  gva: number,
  access: GuestAccess,
): Routine<ShadowFault> {
  vm.stats.pfTaken();
  yield* vm.host.sync.preempt('kvm: exit');
  for (;;) {
    const token = vm.srcu.readLock();
    const walk = yield* translate(vm, vcpu, gva, access);
    const round = 'gfn' in Object(walk) ? yield* tryFault(vm, mmu, vcpu, gva, access, walk as GuestWalk) : walk;
    vm.srcu.readUnlock(token);
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
  { registers }: ShadowVcpu,
  gva: number,
  access: GuestAccess,
): Routine<GuestWalk | GuestPageFault | Errno | 'mmio'> {
  if (!registers.paging) return { gfn: Math.floor(gva / 4096), steps: [] };
  return yield* walkGuest(gpteMemory(vm), registers, gva, access);
}

/** KVM reads and writes the guest's tables at the process's address. */
function gpteMemory(vm: Vm): GpteMemory<Errno | 'mmio'> {
  const hva = (gpa: number): number => {
    const gfn = Math.floor(gpa / 4096);
    const slot = vm.memslots.slotOfGfn(gfn);
    return slot === undefined ? -1 : hvaOfGfn(slot, gfn) + (gpa % 4096);
  };
  return {
    *read(gpa, into) {
      const address = hva(gpa);
      return address < 0 ? 'mmio' : yield* vm.host.userMemory.read(vm.mm, address as never, into);
    },
    *compareExchange(gpa, expected, value) {
      const address = hva(gpa);
      return address < 0 ? 'mmio' : yield* vm.host.userMemory.compareExchange(vm.mm, address as never, expected, value);
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
  const slot = vm.memslots.slotOfGfn(gfn);
  if (slot === undefined || (store && slot.access === 'readonly')) return 'mmio';
  if (slot.state === 'invalid') return 'retry';
  if (store && mmu.isTracked(gfn)) return { emulate: gfn };
  const seq = yield* invalidate.snapshot();
  if (yield* invalidate.retryGfnUnsafe(seq, gfn)) return 'retry';
  if (host.choose(2, 'kvm: no memory for a shadow page') === 1) return 'ENOMEM';
  if (!host.processes.getNotZero(vm.mm)) return 'EFAULT';
  const page = yield* getPage(vm, hvaOfGfn(slot, gfn), store ? 'store' : 'load');
  let round: Round;
  if (isErrno(page)) {
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
  return setSpte(vm, mmu, leaf, gpteIndex(gva, 1), walk, access, slot, page);
}

/** `kvm_mmu_load`: after a load or a zap, hardware has no root. @locks mmuLock held. */
export function* loadRoot(vm: Vm, mmu: ShadowMmu, vcpu: ShadowVcpu): Routine<ShadowPage> {
  const role = rootRole(vcpu.registers, 4);
  const gfn = isDirect(role) ? 0 : vcpu.registers.cr3;
  const { root } = vcpu;
  if (root !== undefined && !mmu.isObsolete(root) && root.role === role && root.gfn === gfn) return root;
  putRoot(vcpu);
  const page = yield* mmu.getPage(gfn, role);
  page.roots++;
  vcpu.root = page;
  vcpu.tlb.flushAll();
  yield* syncRoot(vm, mmu, page);
  return page;
}

/** @locks mmuLock held. */
export function putRoot(vcpu: ShadowVcpu): void {
  if (vcpu.root !== undefined) vcpu.root.roots--;
  vcpu.root = undefined;
  vcpu.tlb.flushAll();
}

/**
 * The shadow page of level 1 for the address, with all pages that lead to it; `undefined` where an entry of the guest is no
 * longer what the walk saw. @locks mmuLock held.
 */
function* fetch(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  gva: number,
  walk: GuestWalk,
): Routine<ShadowPage | undefined> {
  let page = vcpu.root as ShadowPage;
  if (walk.steps.length > 0 && mmu.gpteChanged(walk.steps[0] as WalkStep)) return undefined;
  while (page.level > 1) {
    const index = gpteIndex(gva, page.level);
    let child = page.children[index];
    // The entry of this level; below a large page of the guest, and with paging off, there is none.
    const step = walk.steps[4 - page.level];
    const below = walk.steps[5 - page.level];
    const kind = below === undefined ? 'direct' : 'indirect';
    const rights = step?.rights ?? walk.steps[walk.steps.length - 1]?.rights ?? Rights.All;
    const role = childRole(page.role, rights, kind);
    if (child !== undefined && child.role !== role) {
      mmu.zapEntry(page, index);
      child = undefined;
    }
    const linked = child !== undefined;
    if (child === undefined) {
      const span = gfnSpan(page.level);
      const gfn =
        below === undefined ? walk.gfn - (walk.gfn % span) : gpteGfn((step as WalkStep).low, (step as WalkStep).high);
      child = yield* mmu.getPage(gfn, role);
      // The guest need not flush to make an entry present, so what is linked agrees with the tables.
      if (child.unsyncChildren.size > 0) yield* syncRoot(vm, mmu, child);
    }
    // The table is write-protected or unsync by now: whatever the guest changes after this look reaches the shadow page.
    if (below !== undefined && mmu.gpteChanged(below)) return undefined;
    if (!linked) mmu.link(page, index, child);
    child.writeFloodingCount = 0;
    page = child;
  }
  return page;
}

/** @locks mmuLock held. @sleeps Never. `mmu_set_spte` */
function setSpte(
  vm: Vm,
  mmu: ShadowMmu,
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
  let writable = (rights & Rights.Write) !== 0 && hostWritable && slot.access === 'read-write';
  let emulate = false;
  if (writable && !mayWrite(mmu, gfn)) {
    writable = false;
    emulate = store;
  }
  // A logged page is writable from its first write on.
  if (writable && !store && slot.dirty !== undefined) writable = false;
  if (writable) slot.dirty?.mark(gfn - slot.baseGfn);
  const bits =
    (bitsOf(rights) & ~ShadowBits.Writable) |
    ShadowBits.Present |
    ShadowBits.Accessed |
    (writable ? ShadowBits.Writable : 0) |
    (hostWritable ? ShadowBits.HostWritable : 0);
  if (leaf.bits[index] !== 0) mmu.dropSpte(leaf, index);
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
  mmu.rmap.add(gfn, leaf, index);
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

/** The oldest pages that are no root go. `make_mmu_pages_available` @locks mmuLock held. */
function makePagesAvailable(vm: Vm, mmu: ShadowMmu): boolean {
  if (mmu.limit - mmu.active.size >= PAGES_A_FAULT) return true;
  for (const page of [...mmu.active]) {
    if (mmu.limit - mmu.active.size >= PAGES_A_FAULT) break;
    if (page.roots === 0 && !page.invalid) {
      mmu.zapPage(page);
      vm.stats.mmuRecycled();
    }
  }
  return mmu.limit - mmu.active.size >= PAGES_A_FAULT;
}

function count(vm: Vm, fault: ShadowFault): ShadowFault {
  if (fault === 'fixed') vm.stats.pfFixed();
  else if (fault === 'mmio') vm.stats.mmioExits();
  else if (typeof fault === 'object' && 'code' in fault) vm.stats.pfGuest();
  return fault;
}
