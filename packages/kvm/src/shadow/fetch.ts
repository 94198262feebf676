/**
 * From a vCPU's root down to the shadow page that maps an address: what is missing on the way is found or made, and linked.
 *
 * @locks Everything here: mmuLock held.
 *
 * Mirrors `kvm_mmu_load` and `FNAME(fetch)`, `arch/x86/kvm/mmu` of Linux 6.8.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { gfnSpan, gpteGfn, gpteIndex } from '../guest/gpte.ts';
import { Rights } from '../guest/registers.ts';
import type { GuestWalk, WalkStep } from '../guest/walk.ts';
import type { Vm } from '../vm.ts';
import { childRole, isDirect, rootRole } from './role.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import type { ShadowPage } from './shadow-page.ts';
import { syncRoot } from './sync.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** Shadow pages that one fault can need. */
const PAGES_A_FAULT = 5;

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
export function* fetch(
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

/** The oldest pages that are no root go. `make_mmu_pages_available` @locks mmuLock held. */
export function makePagesAvailable(vm: Vm, mmu: ShadowMmu): boolean {
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
