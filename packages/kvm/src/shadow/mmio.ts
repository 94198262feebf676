/** MMIO sptes of shadow pages (`mmio-spte.ts`): beside the frame they know what the guest's own tables permit. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { gpteIndex } from '../guest/gpte.ts';
import { type GuestAccess, Rights, permits } from '../guest/registers.ts';
import type { GuestWalk } from '../guest/walk.ts';
import type { Memslots } from '../memslots.ts';
import { mmioGeneration } from '../mmio-spte.ts';
import type { Vm } from '../vm.ts';
import { fetch, loadRoot, makePagesAvailable } from './fetch.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { leafBelow } from './shadow-page.ts';
import { withoutCleanWrites } from './sync.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** @locks None: one step. @sleeps Never. `handle_mmio_page_fault` */
export function meetsMmioSpte(
  vm: Vm,
  mmu: ShadowMmu,
  { root, registers }: ShadowVcpu,
  gva: number,
  access: GuestAccess,
): boolean {
  if (root === undefined || mmu.isObsolete(root)) return false;
  const spte = leafBelow(root, gva)?.mmio.current(gpteIndex(gva, 1), vm.memslots);
  return spte !== undefined && (!registers.paging || permits(registers, spte.rights, access));
}

/**
 * No slot of `memslots` has the frame of the walk.
 *
 * @locks Takes mmuLock. @sleeps Never.
 * @returns `retry` where an entry of the guest has changed since the walk. `mark_mmio_spte`
 */
export function* makeMmioSpte(
  vm: Vm,
  mmu: ShadowMmu,
  vcpu: ShadowVcpu,
  gva: number,
  walk: GuestWalk,
  memslots: Memslots,
): Routine<'mmio' | 'retry'> {
  yield* vm.mmuLock.acquire();
  let result: 'mmio' | 'retry' = 'mmio';
  if (vm.life === 'running' && makePagesAvailable(vm, mmu)) {
    yield* loadRoot(vm, mmu, vcpu);
    const leaf = yield* fetch(vm, mmu, vcpu, gva, walk);
    if (leaf === undefined) {
      result = 'retry';
    } else {
      const { gfn, steps } = walk;
      const entry = steps[steps.length - 1];
      const rights = entry === undefined ? Rights.All : withoutCleanWrites(entry.rights, entry.low);
      mmu.zapEntry(leaf, gpteIndex(gva, 1));
      leaf.mmio.make(gpteIndex(gva, 1), { gfn, rights, generation: mmioGeneration(memslots) });
      vm.stats.pfMmioSpteCreated();
    }
  }
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
  return result;
}
