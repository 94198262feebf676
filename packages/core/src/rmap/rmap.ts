/**
 * The reverse map: from a frame to every pte that maps it. An anonymous page names its anon_vma and index, a file page
 * its file and index; the trees there give the VMAs, and each VMA gives one address. Mirrors `mm/rmap.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { Vma } from '../mm/vma.ts';
import { isMapped } from '../page-table/pte.ts';
import type { AnonVma } from './anon-vma.ts';

/** What a walk does at each address; `'stop'` ends it. */
export type RmapVisit = (vma: Vma, va: number) => Routine<'go on' | 'stop'>;

/** A fresh anonymous page of this process. @locks Page-table lock of the pte that will map it. */
export function addNewAnonRmap(kernel: Kernel, pfn: number, vma: Vma, va: number): void {
  const { frames } = kernel;
  frames.flags[pfn] |= FrameFlags.Anon | FrameFlags.SwapBacked | FrameFlags.AnonExclusive;
  frames.mapping[pfn] = (vma.anonVma as AnonVma).id;
  frames.index[pfn] = vma.indexOf(va);
  frames.mapcount[pfn] = 1;
}

/** One more pte maps the page. @locks Page-table lock of that pte. */
export function addRmap(kernel: Kernel, pfn: number): void {
  if (pfn !== kernel.allocator.zeroPfn) kernel.frames.mapcount[pfn]++;
}

/** One pte less. The caller still holds that pte's reference. */
export function removeRmap(kernel: Kernel, pfn: number): void {
  if (pfn !== kernel.allocator.zeroPfn) kernel.frames.mapcount[pfn]--;
}

/**
 * Visits every place that may map the page; the visitor looks whether it does.
 *
 * @locks Takes the i_mmap lock or the anon_vma root's lock for reading. The caller holds the folio lock and a reference.
 * @sleeps May.
 */
export function* rmapWalk(kernel: Kernel, pfn: number, visit: RmapVisit): Routine<void> {
  if (kernel.frames.has(pfn, FrameFlags.Anon)) yield* walkAnon(kernel, pfn, visit);
  else if (kernel.frames.mapping[pfn] !== 0) yield* walkFile(kernel, pfn, visit);
}

/** The slot of the pte at `va` if it maps `pfn`; -1 otherwise. @locks Its page-table lock for a stable answer. */
export function slotMapping(kernel: Kernel, vma: Vma, va: number, pfn: number): number {
  const slot = kernel.pageTables.walk(vma.mm.root, va);
  if (slot < 0) return -1;
  return isMapped(kernel.pageTables.flags(slot)) && kernel.pageTables.frame(slot) === pfn ? slot : -1;
}

function* walkAnon(kernel: Kernel, pfn: number, visit: RmapVisit): Routine<void> {
  const anonVma = kernel.anonVmas.get(kernel.frames.mapping[pfn]);
  if (anonVma === undefined) return;
  if (!anonVma.lock.acquireReadNow()) yield* anonVma.lock.acquireRead();
  const index = kernel.frames.index[pfn];
  for (const { vma } of anonVma.tree.overlapping(index, index)) {
    const answer = yield* visit(vma as Vma, (vma as Vma).addressOf(index));
    if (answer === 'stop') break;
  }
  anonVma.lock.releaseRead();
}

function* walkFile(kernel: Kernel, pfn: number, visit: RmapVisit): Routine<void> {
  const file = kernel.files.get(kernel.frames.mapping[pfn]);
  if (file === undefined) return;
  if (!file.iMmapLock.acquireReadNow()) yield* file.iMmapLock.acquireRead();
  const index = kernel.frames.index[pfn];
  for (const vma of file.iMmap.overlapping(index, index)) {
    const answer = yield* visit(vma, vma.addressOf(index));
    if (answer === 'stop') break;
  }
  file.iMmapLock.releaseRead();
}
