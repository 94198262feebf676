/**
 * What a kernel with huge pages does before a VMA ends inside 2 MiB that were all its own: a huge page there has to be
 * split, and secondary MMUs are told before anybody looks whether there is one. This machine has none, so the window is
 * all that happens. Only with `TRANSPARENT_HUGEPAGE`. Mirrors `split_huge_pmd_if_needed` and `split_huge_pmd_address` of Linux 6.18.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { closeWindow, openWindow } from '../notifier/chain.ts';
import { PMD_SIZE } from '../types.ts';
import type { Vma } from './vma.ts';

/** @param edge - Where `vma`, as it still is, is about to end. @locks The VMA's i_mmap and anon_vma locks. @sleeps May. */
export function* splitHugeEdge(kernel: Kernel, vma: Vma, edge: number): Routine<void> {
  if (edge % PMD_SIZE === 0) return;
  const start = edge - (edge % PMD_SIZE);
  const end = start + PMD_SIZE;
  if (start < vma.start || end > vma.end) return;
  // Without a table of level 1 there is nothing that could be huge.
  if (kernel.pageTables.missingLevel(vma.mm.root, edge) > 1) return;
  const window = yield* openWindow(kernel, vma.mm, start, end, 'CLEAR');
  yield* closeWindow(kernel, window);
}
