/**
 * Unsync tables: the guest wrote entries of a last-level table without KVM, as it may until it flushes its TLB. At each of
 * the guest's flushes (a load of CR3, INVLPG, a change of CR0 or CR4) the shadow pages below its root are made to agree
 * with their tables again.
 *
 * Mirrors `kvm_mmu_sync_roots`, `kvm_sync_page` and `FNAME(sync_spte)`, `arch/x86/kvm/mmu`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { GPTE_BYTES, GPTE_NO_EXECUTE, GpteBits, gpteGfn, gpteIndex } from '../guest/gpte.ts';
import { Rights } from '../guest/registers.ts';
import { rightsOf, words } from '../guest/walk.ts';
import { hvaOfGfn } from '../memslots.ts';
import type { Vm } from '../vm.ts';
import { type Role, hasNoExecute, roleRights } from './role.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { ShadowBits, type ShadowPage, leafBelow } from './shadow-page.ts';

/**
 * Write-protects and re-reads every unsync table below `root`.
 *
 * @locks mmuLock held. @sleeps Never; another task may run before the flush.
 */
export function* syncRoot(vm: Vm, mmu: ShadowMmu, root: ShadowPage): Routine<void> {
  const pages = new Set<ShadowPage>();
  collectUnsync(root, pages);
  // Protected first: what a guest writes after that is seen, because it comes to KVM.
  for (const page of pages) mmu.writeProtect(page.gfn, page.gfn + 1);
  if (vm.unflushed) yield* vm.flush();
  for (const page of pages) {
    mmu.markSynced(page);
    vm.stats.mmuSync();
    syncPage(vm, mmu, page);
  }
  if (vm.unflushed) yield* vm.flush();
}

/** Makes the sptes of a table agree with its entries; it may stay writable. @locks mmuLock held. @sleeps Never. */
export function syncPage(vm: Vm, mmu: ShadowMmu, page: ShadowPage): void {
  page.mmio.removeAll();
  for (let index = 0; index < 512; index++) if (page.bits[index] !== 0) syncSpte(vm, mmu, page, index);
}

/** INVLPG: the entries for one address below `root`. @locks mmuLock held. @sleeps Never. */
export function syncAddress(vm: Vm, mmu: ShadowMmu, root: ShadowPage, gva: number): void {
  const page = leafBelow(root, gva);
  if (page === undefined || !page.unsync) return;
  const index = gpteIndex(gva, 1);
  page.mmio.remove(index);
  if (page.bits[index] !== 0) syncSpte(vm, mmu, page, index);
}

function syncSpte(vm: Vm, mmu: ShadowMmu, page: ShadowPage, index: number): void {
  const entry = readGpte(vm, page.gfn * 4096 + index * GPTE_BYTES);
  if (entry === undefined || !isValid(entry, page.role) || gpteGfn(entry.low, entry.high) !== page.gfnOf(index)) {
    mmu.dropSpte(page, index);
    return;
  }
  const rights = withoutCleanWrites(roleRights(page.role) & rightsOf(entry.low, entry.high), entry.low);
  const old = page.bits[index] as number;
  const wanted = bitsOf(rights) & ~ShadowBits.Writable;
  const kept = old & ~(ShadowBits.User | ShadowBits.Execute);
  page.bits[index] = kept | wanted;
  // Less than before is reached by a flush only; more is found by the next fault.
  if ((old & ~(kept | wanted)) !== 0) vm.unflushed = true;
  if ((rights & Rights.Write) === 0) mmu.takeWritable(page, index);
}

/** An entry of the guest as it stands now. @sleeps Never: page faults are disabled. */
export function readGpte(vm: Vm, gpa: number): { readonly low: number; readonly high: number } | undefined {
  const gfn = Math.floor(gpa / 4096);
  const slot = vm.memslots.slotOfGfn(gfn);
  if (slot === undefined) return undefined;
  const bytes = new Uint8Array(GPTE_BYTES);
  const hva = hvaOfGfn(slot, gfn) + (gpa % 4096);
  if (!vm.host.userMemory.tryRead(vm.mm, hva as never, bytes)) return undefined;
  const [low, high] = words(bytes);
  return { low, high };
}

function isValid({ low, high }: { readonly low: number; readonly high: number }, role: Role): boolean {
  if ((low & GpteBits.Present) === 0 || (low & GpteBits.Accessed) === 0) return false;
  return (high & GPTE_NO_EXECUTE) === 0 || hasNoExecute(role);
}

/** The first write through a clean entry must come to KVM, which sets the guest's dirty bit. `protect_clean_gpte` */
export function withoutCleanWrites(rights: number, low: number): number {
  return (low & GpteBits.Dirty) === 0 ? rights & ~Rights.Write : rights;
}

export function bitsOf(rights: number): number {
  return (
    ((rights & Rights.Write) !== 0 ? ShadowBits.Writable : 0) |
    ((rights & Rights.User) !== 0 ? ShadowBits.User : 0) |
    ((rights & Rights.Execute) !== 0 ? ShadowBits.Execute : 0)
  );
}

function collectUnsync(page: ShadowPage, into: Set<ShadowPage>): void {
  for (const index of page.unsyncChildren) {
    const child = page.children[index] as ShadowPage;
    if (child.unsync) into.add(child);
    else collectUnsync(child, into);
  }
  page.unsyncChildren.clear();
}
