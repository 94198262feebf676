/**
 * Writes of the guest to a frame that is shadowed: KVM makes the write itself, and drops the entries that it made stale.
 * Mirrors `kvm_mmu_track_write`, `arch/x86/kvm/mmu/mmu.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { GPTE_BYTES } from '../guest/gpte.ts';
import { hvaOfGfn } from '../memslots.ts';
import type { Vm } from '../vm.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import type { ShadowPage } from './shadow-page.ts';
import type { ShadowVcpu } from './vcpu.ts';

/** Writes to a table without a use in between after which it is taken for memory that is no table any more. */
const FLOODING = 3;

/**
 * A store inside one page, made by KVM in the guest's place (`RET_PF_EMULATE`).
 *
 * @locks Takes mmuLock. Hold none that a callback takes. @sleeps May. Errors: `EFAULT`, `ENOMEM`.
 */
export function* emulateStore(
  vm: Vm,
  mmu: ShadowMmu,
  { dirtyRing }: ShadowVcpu,
  gpa: number,
  bytes: Uint8Array,
): Routine<Errno | undefined> {
  const gfn = Math.floor(gpa / 4096);
  const slot = vm.memslots.slotOfGfn(gfn);
  if (slot === undefined) return 'EFAULT';
  vm.stats.pfEmulate();
  const error = yield* vm.host.userMemory.write(vm.mm, (hvaOfGfn(slot, gfn) + (gpa % 4096)) as never, bytes);
  if (error !== undefined) return error;
  vm.markDirty(slot, gfn, dirtyRing);
  yield* tableWritten(vm, mmu, gpa, bytes.length);
  return undefined;
}

/** Bytes of a frame have changed behind the guest's tables' backs. @locks Takes mmuLock. @sleeps Never. */
export function* tableWritten(vm: Vm, mmu: ShadowMmu, gpa: number, length: number): Routine<void> {
  const gfn = Math.floor(gpa / 4096);
  if (!mmu.pagesOf(gfn).some((page) => !page.direct)) return;
  yield* vm.mmuLock.acquire();
  vm.stats.mmuPteWrite();
  for (const page of mmu.pagesOf(gfn).filter((found) => !found.direct)) {
    if (isMisaligned(gpa, length) || isFlooded(page)) {
      mmu.zapPage(page);
      vm.stats.mmuFlooded();
    } else {
      mmu.zapEntry(page, (gpa % 4096) / GPTE_BYTES);
    }
  }
  if (vm.unflushed) yield* vm.flush();
  vm.mmuLock.release();
}

/** Not one whole entry, as a guest that still uses the frame as a table would write it. */
function isMisaligned(gpa: number, length: number): boolean {
  return gpa % GPTE_BYTES !== 0 || length !== GPTE_BYTES;
}

/** Last-level tables become unsync instead. */
function isFlooded(page: ShadowPage): boolean {
  return page.level > 1 && ++page.writeFloodingCount >= FLOODING;
}
