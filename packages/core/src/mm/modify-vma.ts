/**
 * A part of a VMA gets other flags: it joins the neighbours that it then continues, or becomes a VMA of its own. Merging
 * needs no room in the number of VMAs, splitting does. Mirrors `vma_modify_flags` of `mm/vma.c`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { MAX_MAP_COUNT } from './mm-struct.ts';
import { startVmaWrite, startVmaWriteNow } from './vma-lock.ts';
import { canMerge, mergeWithNeighbours, splitBeyondLimit, splitVma } from './vma-ops.ts';
import { Vma } from './vma.ts';

/**
 * @locks mmapLock for writing; takes the i_mmap and anon_vma locks. @sleeps May.
 * @returns the VMA that covers `[start, end)` now, or ENOMEM at the VMA limit: the lower cut may be made by then.
 */
export function* modifyFlags(
  kernel: Kernel,
  vma: Vma,
  start: number,
  end: number,
  flags: number,
): Routine<Vma | Errno> {
  if (!startVmaWriteNow(kernel, vma)) yield* startVmaWrite(kernel, vma);
  const part = yield* carve(kernel, vma, start, end, flags);
  if (typeof part === 'string') return part;
  part.flags = flags;
  return yield* mergeWithNeighbours(kernel, part);
}

/** The VMA of exactly `[start, end)`, cut out of `vma`. */
function* carve(kernel: Kernel, vma: Vma, start: number, end: number, flags: number): Routine<Vma | Errno> {
  const { vmas } = vma.mm;
  // Two cuts at most: further from the limit nobody needs to know whether a merge will follow.
  const merges = vmas.size + 2 > MAX_MAP_COUNT && willMerge(vma, start, end, flags);
  const cut = merges ? splitBeyondLimit : splitVma;
  let part: Vma = vma;
  if (vma.start < start) {
    const upper = yield* cut(kernel, vma, start);
    if (typeof upper === 'string') return upper;
    part = upper;
  }
  if (part.end > end) {
    const rest = yield* cut(kernel, part, end);
    if (typeof rest === 'string') return rest;
  }
  return part;
}

/** Whether the part reaches a border of its VMA and continues the neighbour there. */
function willMerge(vma: Vma, start: number, end: number, flags: number): boolean {
  const part = new Vma(vma.mm, start, end, flags, vma.file, vma.indexOf(start));
  part.anonVma = vma.anonVma;
  part.anonVmaChain.push(...vma.anonVmaChain);
  const before = start === vma.start ? vma.mm.vmas.below(start) : undefined;
  const after = end === vma.end ? vma.mm.vmas.find(end) : undefined;
  return (before !== undefined && canMerge(before, part)) || (after !== undefined && canMerge(part, after));
}
