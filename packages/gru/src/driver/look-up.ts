/**
 * From an address to a frame, without keeping a reference: the notifier keeps the drop-in true.
 *
 * The CPU's tables come first, read without taking the page. For a store they must say writable *and dirty*: hardware
 * cannot set the dirty bit, and a page that nobody knows to be dirty is lost when it is reclaimed. Whoever may sleep gets
 * the page otherwise, which breaks copy-on-write and sets the bit, and puts it at once.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { MmHandle, Pfn, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { GruShared } from './shared.ts';

/** Twins change them. */
export const rules = {
  mayDropIn: (pte: { readonly writable: boolean; readonly dirty: boolean }, write: boolean): boolean =>
    !write || (pte.writable && pte.dirty),
};

/** @locks mmapLock held for read: the tables are there. @sleeps Never. */
export function atomicLookUp({ host }: GruShared, mm: MmHandle, address: number, write: boolean): Pfn | undefined {
  const pte = host.pages.atomicLookup(mm, address as VirtualAddress);
  return pte !== undefined && rules.mayDropIn(pte, write) ? pte.pfn : undefined;
}

/**
 * @locks None of core's held; takes mmapLock for read. This driver's own callbacks run inside.
 * @sleeps May.
 * @returns `invalid` where there is no page, or none that may be written.
 */
export function* sleepingLookUp(
  shared: GruShared,
  mm: MmHandle,
  address: number,
  write: boolean,
): Routine<Pfn | 'invalid'> {
  const { pages, processes } = shared.host;
  yield* processes.mmapReadLock(mm);
  const found = atomicLookUp(shared, mm, address, write);
  processes.mmapReadUnlock(mm);
  if (found !== undefined) return found;
  const page = yield* pages.getUserPage(mm, address as VirtualAddress, { write });
  if (isErrno(page)) return 'invalid';
  pages.putPage(page.pfn);
  return page.pfn;
}
