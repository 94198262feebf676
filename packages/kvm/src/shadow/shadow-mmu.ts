/**
 * Shadow paging: for each table of the guest that is in use, shadow pages which compose it with the memslots and the process's
 * tables. A table that has a shadow page is write-protected: a write of the guest to it comes to KVM, which drops what it
 * made stale (`track.ts`). Only tables of the last level may be written freely, and are *unsync* until the guest flushes
 * its TLB (`sync.ts`).
 *
 * @locks Everything here: mmuLock held. Nothing sleeps; another task may run before a flush.
 *
 * Mirrors `arch/x86/kvm/mmu/mmu.c` of Linux 6.8 with leaves of 4 KiB.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { WalkStep } from '../guest/walk.ts';
import type { Vm } from '../vm.ts';
import type { GfnSet } from '../gfn-set.ts';
import { Rmap } from './rmap.ts';
import { type Role, isDirect, levelOf } from './role.ts';
import { ShadowBits, ShadowPage, type SpteRef } from './shadow-page.ts';
import { readGpte, syncPage } from './sync.ts';

/** `KVM_MIN_ALLOC_MMU_PAGES`: fewer shadow pages than that cannot be asked for. */
export const LEAST_SHADOW_PAGES = 64;

export class ShadowMmu {
  readonly rmap: Rmap = new Rmap();
  /** Shadow pages that can be found, oldest first. */
  readonly active: Set<ShadowPage> = new Set();
  /** Pages of another generation are never found again. */
  generation = 0;
  /** Most shadow pages (`KVM_SET_NR_MMU_PAGES`). */
  limit: number = 2 ** 20;
  private readonly vm: Vm;
  private readonly byGfn = new Map<number, ShadowPage[]>();

  constructor(vm: Vm) {
    this.vm = vm;
  }

  /** The pages that shadow a frame as a table of the guest or begin there, of any role. */
  pagesOf(gfn: number): readonly ShadowPage[] {
    return this.byGfn.get(gfn) ?? [];
  }

  isObsolete(page: ShadowPage): boolean {
    return page.invalid || page.generation !== this.generation;
  }

  /** Whether a write of the guest to the frame must come to KVM: it is a table above the last level. */
  isTracked(gfn: number): boolean {
    return this.pagesOf(gfn).some((page) => !page.direct && page.level > 1 && !page.invalid);
  }

  /** Whether an entry of the guest is no longer what a walk saw. @sleeps Never. `FNAME(gpte_changed)` */
  gpteChanged({ gpa, low, high }: WalkStep): boolean {
    const now = readGpte(this.vm, gpa);
    return now === undefined || now.low !== low || now.high !== high;
  }

  /** Finds the page with that role, brought up to date, or makes an empty one. `kvm_mmu_get_shadow_page` */
  *getPage(gfn: number, role: Role): Routine<ShadowPage> {
    for (const page of [...this.pagesOf(gfn)]) {
      if (this.isObsolete(page)) continue;
      if (page.role !== role) {
        // A table of the last level that is now used as one above it may not stay writable.
        if (!isDirect(role) && levelOf(role) > 1 && page.unsync) this.zapPage(page);
        continue;
      }
      if (page.unsync) {
        this.vm.stats.mmuSync();
        syncPage(this.vm, this, page);
        if (this.vm.unflushed) yield* this.vm.flush();
      }
      page.writeFloodingCount = 0;
      return page;
    }
    const page = new ShadowPage(gfn, role, this.generation);
    this.active.add(page);
    const sameGfn = this.byGfn.get(gfn);
    if (sameGfn === undefined) this.byGfn.set(gfn, [page]);
    else sameGfn.push(page);
    this.vm.stats.mmuCacheMiss();
    if (!page.direct) {
      this.writeProtect(gfn, gfn + 1);
      if (this.vm.unflushed) yield* this.vm.flush();
    }
    return page;
  }

  /** Puts `child` behind an entry, which must be absent. */
  link(page: ShadowPage, index: number, child: ShadowPage): void {
    page.children[index] = child;
    page.present++;
    child.parents.push({ page, index });
    if (child.unsync || child.unsyncChildren.size > 0) markUnsyncAbove(child);
  }

  /** The guest may write the table from now on, and its entries are stale until it flushes. `kvm_unsync_page` */
  markUnsync(page: ShadowPage): void {
    page.unsync = true;
    this.vm.stats.mmuUnsync();
    markUnsyncAbove(page);
  }

  markSynced(page: ShadowPage): void {
    if (!page.unsync) return;
    page.unsync = false;
    this.vm.stats.mmuUnsync(-1);
  }

  /** Makes an entry absent, whatever it holds. `mmu_page_zap_pte` */
  zapEntry(page: ShadowPage, index: number): void {
    if (page.level === 1) {
      page.mmio.remove(index);
      if (page.bits[index] !== 0) this.dropSpte(page, index);
      return;
    }
    const child = page.children[index];
    if (child === undefined) return;
    unlink(page, index, child);
    this.vm.stats.mmuPdeZapped();
    this.vm.unflushed = true;
  }

  /** Takes a page out of every table and forgets it. `kvm_mmu_prepare_zap_page` */
  zapPage(page: ShadowPage): void {
    for (let index = 0; index < 512; index++) this.zapEntry(page, index);
    for (const { page: parent, index } of [...page.parents]) unlink(parent, index, page);
    this.markSynced(page);
    page.invalid = true;
    this.active.delete(page);
    const sameGfn = this.byGfn.get(page.gfn) as ShadowPage[];
    sameGfn.splice(sameGfn.indexOf(page), 1);
    if (sameGfn.length === 0) this.byGfn.delete(page.gfn);
    this.vm.stats.mmuShadowZapped();
    this.vm.unflushed = true;
  }

  /** Makes an spte absent; what hardware noted in it goes to the page. `drop_spte` */
  dropSpte(page: ShadowPage, index: number): void {
    const bits = page.bits[index] as number;
    this.rmap.remove(page.gfnOf(index), page, index);
    this.vm.letGo(
      page.pfnOf(index),
      page.ledgerOf(index),
      (bits & ShadowBits.Accessed) !== 0,
      (bits & ShadowBits.Dirty) !== 0,
    );
    this.vm.stats.pages4k(-1);
    page.bits[index] = 0;
    page.present--;
  }

  /** Drops every spte of the frames `[first, end)`. @returns how many were present. */
  zap(first: number, end: number, remember?: GfnSet): number {
    let count = 0;
    for (const gfn of this.rmap.gfnsIn(first, end)) {
      remember?.add(gfn);
      for (const { page, index } of [...this.rmap.of(gfn)]) {
        this.dropSpte(page, index);
        count++;
      }
    }
    return count;
  }

  /** Every shadow page goes. */
  zapAll(): void {
    for (const page of [...this.active]) this.zapPage(page);
  }

  /** No spte of the frames lets the guest write any more. */
  writeProtect(first: number, end: number): void {
    for (const gfn of this.rmap.gfnsIn(first, end))
      for (const { page, index } of this.rmap.of(gfn)) this.takeWritable(page, index);
  }

  takeWritable(page: ShadowPage, index: number): void {
    const bits = page.bits[index] as number;
    if ((bits & ShadowBits.Writable) === 0) return;
    page.bits[index] = bits & ~ShadowBits.Writable;
    this.vm.host.ledger.downgrade(page.ledgerOf(index));
    this.vm.unflushed = true;
  }

  /** Whether a frame of the range was used, see `aging.ts`. */
  age(first: number, end: number, mode: 'test' | 'clear'): boolean {
    let young = false;
    for (const gfn of this.rmap.gfnsIn(first, end)) {
      for (const { page, index } of this.rmap.of(gfn)) {
        const bits = page.bits[index] as number;
        if ((bits & ShadowBits.Accessed) === 0) continue;
        young = true;
        if (mode === 'clear') page.bits[index] = bits & ~ShadowBits.Accessed;
      }
    }
    return young;
  }
}

/** Every page on the way up learns that something below is unsync. `mark_unsync` */
function markUnsyncAbove(page: ShadowPage): void {
  for (const { page: parent, index } of page.parents) {
    if (parent.unsyncChildren.has(index)) continue;
    parent.unsyncChildren.add(index);
    markUnsyncAbove(parent);
  }
}

function unlink(page: ShadowPage, index: number, child: ShadowPage): void {
  page.children[index] = undefined;
  page.present--;
  page.unsyncChildren.delete(index);
  const at = child.parents.findIndex((ref: SpteRef) => ref.page === page && ref.index === index);
  child.parents.splice(at, 1);
}
