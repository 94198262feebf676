/**
 * The reverse map: from a guest's frame to every spte that maps it, so that an invalidation finds them without a walk. Costs
 * what is present: frames are kept by regions of 512. Mirrors `struct kvm_rmap_head`.
 */
import type { ShadowPage, SpteRef } from './shadow-page.ts';

const REGION = 512;
const NONE: readonly SpteRef[] = [];

export class Rmap {
  /** Most sptes that one frame ever had. */
  longest = 0;
  private readonly regions = new Map<number, Map<number, SpteRef[]>>();

  of(gfn: number): readonly SpteRef[] {
    return this.regions.get(Math.floor(gfn / REGION))?.get(gfn) ?? NONE;
  }

  add(gfn: number, page: ShadowPage, index: number): void {
    const key = Math.floor(gfn / REGION);
    let region = this.regions.get(key);
    if (region === undefined) this.regions.set(key, (region = new Map()));
    const chain = region.get(gfn);
    if (chain === undefined) region.set(gfn, [{ page, index }]);
    else chain.push({ page, index });
    this.longest = Math.max(this.longest, chain?.length ?? 1);
  }

  remove(gfn: number, page: ShadowPage, index: number): void {
    const key = Math.floor(gfn / REGION);
    const region = this.regions.get(key);
    const chain = region?.get(gfn);
    const at = chain?.findIndex((ref) => ref.page === page && ref.index === index) ?? -1;
    if (region === undefined || chain === undefined || at < 0)
      throw new Error(`gfn ${gfn}: an spte is not in the rmap`);
    chain[at] = chain[chain.length - 1] as SpteRef;
    chain.pop();
    if (chain.length > 0) return;
    region.delete(gfn);
    if (region.size === 0) this.regions.delete(key);
  }

  /** Frames of `[first, end)` that have sptes, in order. */
  gfnsIn(first: number, end: number): readonly number[] {
    const [low, high] = [Math.floor(first / REGION), Math.floor((end - 1) / REGION)];
    const keys =
      high - low < this.regions.size
        ? Array.from({ length: high - low + 1 }, (_, i) => low + i)
        : [...this.regions.keys()].filter((key) => key >= low && key <= high).sort((a, b) => a - b);
    return keys.flatMap((key) =>
      [...(this.regions.get(key)?.keys() ?? [])].filter((gfn) => gfn >= first && gfn < end).sort((a, b) => a - b),
    );
  }
}
