/**
 * MMIO sptes: an access that no memslot serves is a device's, and KVM notes that where hardware would look for the frame,
 * in an entry which hardware refuses by its reserved bits. The next access is known for what it is without a look at the
 * memslots, or at the guest's tables. Nothing invalidates such an entry: it carries the generation of the memslots under
 * which it was made, and says nothing once they have changed.
 *
 * An entry has room for so many bits of the generation; when those begin again at 0, every entry goes.
 * Mirrors `make_mmio_spte`, `check_mmio_spte` and `kvm_mmu_invalidate_mmio_sptes`, `arch/x86/kvm/mmu`.
 */
import type { Memslots } from './memslots.ts';

/** `MMIO_SPTE_GEN_MASK` has 19 bits. */
export const MMIO_GENERATIONS: number = 2 ** 19;

export interface MmioSpte {
  readonly gfn: number;
  /** What the guest's own tables let the access do; all, where there are none. */
  readonly rights: number;
  /** Of the memslots in which no slot was found. */
  readonly generation: number;
}

/** Generation of a set of memslots as an entry holds it. */
export function mmioGeneration({ generation }: Memslots): number {
  return generation % MMIO_GENERATIONS;
}

/** The MMIO sptes of one table, by index. @locks mmuLock for changes; read without it, in one step with the memslots. */
export class MmioSptes {
  private readonly entries = new Map<number, MmioSpte>();

  make(index: number, spte: MmioSpte): void {
    this.entries.set(index, spte);
  }

  /** The entry, unless the memslots have changed since it was made. */
  current(index: number, memslots: Memslots): MmioSpte | undefined {
    const spte = this.entries.get(index);
    return spte?.generation === mmioGeneration(memslots) ? spte : undefined;
  }

  remove(index: number): void {
    this.entries.delete(index);
  }

  removeAll(): void {
    this.entries.clear();
  }
}
