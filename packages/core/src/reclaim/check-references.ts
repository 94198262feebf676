/** Whether a page was used enough to stay, and gets a second chance if so. Mirrors `folio_check_references`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { VmFlags } from '../mm/vm-flags.ts';
import { folioReferenced } from '../rmap/referenced.ts';

/** `reclaim-clean`: it may go, but is not worth a write. */
export type ReferenceVerdict = 'activate' | 'keep' | 'reclaim' | 'reclaim-clean';

/**
 * One use since the last look keeps the page on the inactive list, marked; a second look that finds it used, or two
 * mappings that were, make it active. Program text is active from its first use on. Locked memory always is.
 *
 * @locks Folio lock held. @sleeps In the rmap locks only.
 */
export function* checkReferences(kernel: Kernel, pfn: number): Routine<ReferenceVerdict> {
  const { frames } = kernel;
  const { ptes, vmFlags } = yield* folioReferenced(kernel, pfn);
  const before = frames.has(pfn, FrameFlags.Referenced);
  frames.clear(pfn, FrameFlags.Referenced);
  const isFile = kernel.lru.kindOf(pfn) === 'file';
  if ((vmFlags & VmFlags.Locked) !== 0) return 'activate';
  if (ptes > 0) {
    kernel.stats.reclaim['referenced']++;
    frames.set(pfn, FrameFlags.Referenced);
    if (before || ptes > 1) return 'activate';
    return (vmFlags & VmFlags.Exec) !== 0 && isFile ? 'activate' : 'keep';
  }
  return before && isFile ? 'reclaim-clean' : 'reclaim';
}
