/**
 * The fault path: a guest access that neither the TLB nor the table can serve.
 *
 *     fast path: the spte is there by now, or is MMIO's         no lock
 *     seq = mmuInvalidateSeq                                    a
 *     memslot of the gfn: none, readonly, being deleted
 *     early check of the retry pair                             saves a look-up that would be thrown away
 *     get the page: fast, then slow, or by a worker             b   no lock: this runs the VM's own callbacks
 *     mmuLock                                                   c
 *       check the retry pair: throw the page away, or install
 *     put the page                                              the spte holds no reference; the notifier keeps it true
 *
 * A round that is thrown away sleeps until the window that covers the gfn has closed; it never spins.
 * Mirrors `kvm_tdp_page_fault` of Linux 6.8 and `mmu-notifiers.md` §6.1.3.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine, UserPage } from '@mmu-notifier/plugin-api';
import { assertHeld } from './assert.ts';
import type { PageNotPresent } from './async-pf.ts';
import type { FaultingVcpu } from './faulting-vcpu.ts';
import { FOR_LOAD, FOR_STORE, dropReference, getPageOrQueue } from './get-page.ts';
import { Rights } from './guest/registers.ts';
import { hvaOfGfn } from './memslots.ts';
import type { Memslot, Memslots } from './memslots.ts';
import { mmioGeneration } from './mmio-spte.ts';
import { SpteBits } from './sptes.ts';
import type { Vm } from './vm.ts';

/** `fixed` and `spurious`: the guest is re-entered and tries again. `mmio`: no memslot serves the access. */
export type FaultResult = 'fixed' | 'spurious' | 'mmio' | Errno | PageNotPresent;
type Round = FaultResult | 'retry' | 'halt';

/**
 * Brings in the page behind `gfn`.
 *
 * @locks Entered with none held.
 * @sleeps For the page, and for windows that cover the gfn.
 */
export function* faultGfn(vm: Vm, gfn: number, access: 'load' | 'store', vcpu: FaultingVcpu): Routine<FaultResult> {
  vm.stats.exits();
  yield* vm.host.sync.preempt('kvm: exit', 'declared');
  vm.state.reads();
  if (vm.mmioSptes.current(gfn, vm.memslots) !== undefined) return count(vm, 'mmio');
  began(vm, gfn, access);
  const fast = yield* fastFault(vm, gfn, access, vcpu);
  if (fast !== undefined) return fast;
  for (;;) {
    const token = vm.srcu.readLock();
    const result = yield* tryFault(vm, gfn, access, vcpu);
    vm.srcu.readUnlock(token);
    if (result === 'halt') {
      yield* vcpu.asyncFaults?.waitFor(gfn) ?? [];
      continue;
    }
    if (result !== 'retry') return count(vm, result);
    vm.stats.retries();
    yield* vm.retryQueue.waitUntil(() => mayTryAgain(vm, gfn));
  }
}

/**
 * Without mmuLock: the spte is there by now, or lacks nothing but the permission that a dirty log took. The change of the
 * spte is one step, so that no zap and no write-protection is overwritten. `fast_page_fault`
 *
 * @sleeps Never.
 */
function* fastFault(
  vm: Vm,
  gfn: number,
  access: 'load' | 'store',
  { dirtyRing }: FaultingVcpu,
): Routine<FaultResult | undefined> {
  const bits = vm.sptes.bits(gfn);
  if (allows(bits, access)) {
    vm.stats.pfFast();
    return count(vm, 'spurious');
  }
  const mayBeWritable = SpteBits.Present | SpteBits.HostWritable;
  const slot = vm.memslots.slotOfGfn(gfn);
  if (access !== 'store' || (bits & mayBeWritable) !== mayBeWritable || slot?.access !== 'read-write') return undefined;
  vm.state.changes();
  vm.sptes.change(gfn, SpteBits.Writable, 0);
  vm.host.ledger.upgrade(vm.sptes.ledgerEntry(gfn));
  vm.stats.pfFast();
  // The guest has not been entered yet, so it cannot write before its page is in the log.
  yield* vm.host.sync.preempt('kvm: mark the page dirty', 'declared');
  vm.markDirty(slot, gfn, dirtyRing);
  return count(vm, 'fixed');
}

/**
 * `faultGfn` for most faults as one plain step: nothing preempts, the slot takes the access, and the process has the
 * page, or gets it without waiting. Nothing can come between a and c then, so neither srcu nor a reference of the
 * address space is needed, and no retry.
 *
 * @param find - `present`: only a page that is there. It needs no task that acts for the process.
 * @locks Takes mmuLock; for a page that is missing, mmapLock before. @sleeps Never.
 * @returns whether the guest can go on; if not, nothing has happened and `faultGfn` is next.
 */
export function faultGfnNow(
  vm: Vm,
  gfn: number,
  access: 'load' | 'store',
  find: 'present' | 'missing too',
  vcpu: FaultingVcpu,
): boolean {
  const { host, memslots, mmuLock } = vm;
  const { pages } = host;
  if (host.sync.preemptive || vm.life !== 'running' || vm.shared.coherence === 'pinned') return false;
  const slot = memslots.slotOfGfn(gfn);
  if (slot === undefined || slot.state === 'invalid') return false;
  if ((access === 'store' && slot.access === 'readonly') || vm.invalidate.windows > 0) return false;
  const address = hvaOfGfn(slot, gfn);
  const options = access === 'store' ? FOR_STORE : FOR_LOAD;
  let page = pages.getUserPageFast(vm.mm, address, FOR_STORE);
  if (page === undefined && find === 'missing too') page = pages.getUserPageNow(vm.mm, address, options);
  if (page === undefined) return false;
  if (host.frames.isPoisoned(page.pfn) || !mmuLock.acquireNow()) {
    pages.putPage(page.pfn);
    return false;
  }
  vm.stats.exits();
  began(vm, gfn, access);
  count(vm, setSpte(vm, slot, gfn, access, page, vcpu));
  if (vm.unflushed) vm.flushRemoteTlbs();
  mmuLock.release();
  pages.putPage(page.pfn);
  return true;
}

function began({ stats, host, name }: Vm, gfn: number, access: 'load' | 'store'): void {
  stats.pfTaken();
  if (host.trace.enabled) host.trace.event('kvm_page_fault', { process: name, gfn, access });
}

/** One round. @locks srcu read side held. */
function* tryFault(vm: Vm, gfn: number, access: 'load' | 'store', vcpu: FaultingVcpu): Routine<Round> {
  const { host, invalidate } = vm;
  const { preemptive } = host.sync;
  const seq = preemptive ? yield* invalidate.snapshot() : invalidate.sequence;
  if (vm.life !== 'running') return 'EFAULT';
  const { memslots } = vm;
  const slot = memslots.slotOfGfn(gfn);
  if (slot === undefined) return yield* makeMmioSpte(vm, gfn, memslots);
  if (slot.state === 'invalid') return 'retry';
  if (access === 'store' && slot.access === 'readonly') return 'mmio';
  const covered = preemptive ? yield* invalidate.retryGfnUnsafe(seq, gfn) : invalidate.covers(gfn);
  if (covered) return 'retry';
  // Memory for the table comes before the lock: nothing allocates under mmuLock.
  vm.state.reads();
  if (vm.sptes.leaf(gfn) === undefined && host.choose(2, 'kvm: no memory for a page of the table') === 1)
    return 'ENOMEM';

  // The task may belong to another process, so only this reference keeps the address space from being torn down.
  if (!host.processes.getNotZero(vm.mm)) return 'EFAULT';
  const page = yield* getPageOrQueue(vm, gfn, hvaOfGfn(slot, gfn), access, vcpu.asyncFaults);
  let result: Round;
  if (isErrno(page) || page === 'halt' || 'token' in page) {
    result = page;
  } else {
    result = yield* installPage(vm, slot, gfn, access, page, seq, vcpu);
  }
  yield* host.processes.put(vm.mm);
  return result;
}

/**
 * No slot of `memslots` has the frame. What was found may be old by the time it is noted; then its generation is too.
 *
 * @locks Takes mmuLock. @sleeps Never.
 */
function* makeMmioSpte(vm: Vm, gfn: number, memslots: Memslots): Routine<'mmio'> {
  yield* vm.mmuLock.acquire();
  vm.state.changes();
  vm.mmioSptes.make(gfn, { gfn, rights: Rights.All, generation: mmioGeneration(memslots) });
  vm.mmuLock.release();
  vm.stats.pfMmioSpteCreated();
  return 'mmio';
}

/** Commits the page or throws it away. Consumes the reference: an spte of the pinned world keeps it. */
function* installPage(
  vm: Vm,
  slot: Memslot,
  gfn: number,
  access: 'load' | 'store',
  page: UserPage,
  seq: number,
  vcpu: FaultingVcpu,
): Routine<Round> {
  let result: Round;
  const stale = vm.mmuLock.acquireNow()
    ? vm.invalidate.retryGfn(seq, gfn)
    : yield* vm.invalidate.lockAndRetryGfn(seq, gfn);
  if (stale) {
    result = 'retry';
  } else if (vm.life !== 'running') {
    result = 'EFAULT';
  } else {
    result = setSpte(vm, slot, gfn, access, page, vcpu);
    if (vm.unflushed) yield* vm.flush();
  }
  vm.mmuLock.release();
  if (result !== 'fixed' || vm.shared.coherence === 'notifier') dropReference(vm, page);
  return result;
}

/**
 * Installs the leaf. A load maps writable too where the primary pte permits it now, which saves the second fault.
 *
 * An spte that is present but does not allow the access is replaced and flushed, also where only its permission grows:
 * the ledger has no upgrade.
 *
 * @locks mmuLock held. @sleeps Never.
 */
function setSpte(
  vm: Vm,
  slot: Memslot,
  gfn: number,
  access: 'load' | 'store',
  page: UserPage,
  { dirtyRing }: FaultingVcpu,
): 'fixed' | 'spurious' {
  assertHeld(vm.mmuLock, 'mmuLock');
  const { sptes, host, stats } = vm;
  // A page that was got for writing may be written.
  const hostWritable = access === 'store' || page.writable;
  // For a load too, whatever the spte allows. `kvm_release_faultin_page` (6.13)
  if (hostWritable) host.frames.markDirty(page.pfn);
  const old = sptes.bits(gfn);
  if (old !== 0) {
    const stale = vm.shared.coherence === 'notifier' && sptes.pfn(gfn) !== page.pfn;
    if (allows(old, access) && !stale) return 'spurious';
    vm.dropSpte(gfn);
  }

  // A logged page is writable from its first write on.
  const logged = slot.dirty !== undefined && access === 'load';
  const writable = hostWritable && slot.access === 'read-write' && !logged;
  if (writable) vm.markDirty(slot, gfn, dirtyRing);
  const entry = host.ledger.establish({
    mm: vm.mm,
    address: hvaOfGfn(slot, gfn),
    pfn: page.pfn,
    writable,
    deviceAddress: gfn * 4096,
  });
  const bits = SpteBits.Accessed | (writable ? SpteBits.Writable : 0) | (hostWritable ? SpteBits.HostWritable : 0);
  vm.state.changes();
  vm.mmioSptes.remove(gfn);
  sptes.install(gfn, page.pfn, bits, entry);
  stats.pages4k();
  if (vm.shared.coherence === 'pinned') stats.pagesPinned();
  if (vm.invalidated.delete(gfn)) stats.refaults();
  return 'fixed';
}

function allows(bits: number, access: 'load' | 'store'): boolean {
  const needed = access === 'store' ? SpteBits.Present | SpteBits.Writable : SpteBits.Present;
  return (bits & needed) === needed;
}

/** Nothing known stands in the way: no window covers the gfn, its slot is not on the move. */
function mayTryAgain(vm: Vm, gfn: number): boolean {
  if (vm.life !== 'running') return true;
  return !vm.invalidate.covers(gfn) && vm.memslots.slotOfGfn(gfn)?.state !== 'invalid';
}

function count(vm: Vm, result: FaultResult): FaultResult {
  if (result === 'fixed') vm.stats.pfFixed();
  else if (result === 'spurious') vm.stats.pfSpurious();
  else if (result === 'mmio') vm.stats.mmioExits();
  return result;
}
