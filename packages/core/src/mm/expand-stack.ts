/** Stack growth: a fault just below a GROWSDOWN mapping extends it. Mirrors `expand_downwards` of `mm/vma.c`. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { prepareAnonVma } from '../fault/anon-vma-prepare.ts';
import type { Kernel } from '../kernel.ts';
import { countFault } from '../tracing/count-fault.ts';
import type { MmStruct } from './mm-struct.ts';
import { STACK_GUARD_GAP } from './unmapped-area.ts';
import { PROT_MASK, VmFlags } from './vm-flags.ts';
import { adjustVma } from './vma-ops.ts';
import type { Vma } from './vma.ts';

/** `RLIMIT_STACK`: 8 MiB. */
export const STACK_LIMIT: number = 8 * 2 ** 20;

/** @locks mmapLock held for writing. @returns the grown VMA, or `undefined` where none may grow to `address`. */
export function* expandStack(kernel: Kernel, mm: MmStruct, address: number): Routine<Vma | undefined> {
  const vma = mm.vmas.find(address);
  if (vma === undefined) return undefined;
  if (vma.start <= address) return vma;
  if (!vma.has(VmFlags.GrowsDown)) return undefined;
  const start = address - (address % 4096);
  const below = mm.vmas.below(start + 1);
  const guarded = below !== undefined && !below.has(VmFlags.GrowsDown) && (below.flags & PROT_MASK) !== 0;
  if (guarded && start - below.end < STACK_GUARD_GAP) return undefined;
  // Before it is known whether it may grow: from then on the memory counts as touched, and keeps its offset when moved.
  yield* prepareAnonVma(kernel, vma, 'mmap');
  if (vma.end - start > STACK_LIMIT) return undefined;
  const grown = (vma.start - start) / 4096;
  if (vma.pgoff < grown) return undefined;
  const oldStart = vma.start;
  yield* adjustVma(kernel, vma, start, vma.end, vma.pgoff - grown);
  kernel.observer?.mapped(mm, start, oldStart, undefined, vma.pgoff, false);
  countFault(kernel, 'stackGrowth');
  return vma;
}
