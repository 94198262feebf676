/**
 * Gives a VMA its anon_vma before its first anonymous page. A neighbour that could become one VMA with it shares its
 * anon_vma, so that they can merge later. Mirrors `__anon_vma_prepare` and `find_mergeable_anon_vma`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { PROT_MASK } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import type { FaultLock } from './handle-fault.ts';
import type { AnonVma } from '../rmap/anon-vma.ts';

/**
 * Looking at the neighbours takes mmapLock; a fault that holds the VMA's lock alone may only try for it.
 *
 * @locks mmapLock held, or tried for; takes the anon_vma root's lock for writing. @sleeps May.
 * @returns whether the VMA has its anon_vma; if not, the fault goes on under mmapLock. `vmf_anon_prepare`
 */
export function* prepareAnonVma(kernel: Kernel, vma: Vma, held: FaultLock): Routine<boolean> {
  if (vma.anonVma !== undefined) return true;
  const { mmapLock } = vma.mm;
  if (held === 'vma' && !mmapLock.tryAcquireRead()) return false;
  yield* makeAnonVma(kernel, vma);
  if (held === 'vma') mmapLock.releaseRead();
  return true;
}

function* makeAnonVma(kernel: Kernel, vma: Vma): Routine<void> {
  const anonVma = reusable(vma) ?? kernel.anonVmas.create();
  if (!anonVma.lock.acquireWriteNow()) yield* anonVma.lock.acquireWrite();
  // A fault of another thread may have been faster.
  if (vma.anonVma === undefined) {
    vma.anonVma = anonVma;
    anonVma.activeVmas++;
    kernel.anonVmas.link(vma, anonVma);
  }
  anonVma.lock.releaseWrite();
  kernel.anonVmas.drop(anonVma);
}

function reusable(vma: Vma): AnonVma | undefined {
  const after = vma.mm.vmas.find(vma.end);
  if (after !== undefined && after.start === vma.end && compatible(vma, after)) return after.anonVma;
  const before = vma.mm.vmas.below(vma.start);
  if (before !== undefined && before.end === vma.start && compatible(before, vma)) return before.anonVma;
  return undefined;
}

/** Equal but for permissions, and the neighbour's anon_vma is its own alone. */
function compatible(a: Vma, b: Vma): boolean {
  const neighbour = a.anonVma !== undefined ? a : b;
  return (
    a.file === b.file &&
    (a.flags & ~PROT_MASK) === (b.flags & ~PROT_MASK) &&
    b.pgoff === a.pgoff + (b.start - a.start) / 4096 &&
    neighbour.anonVma !== undefined &&
    neighbour.anonVmaChain.length === 1
  );
}
