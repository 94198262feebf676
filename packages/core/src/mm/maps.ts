/** What `/proc/PID/maps`, `/proc/PID/pagemap` and `smaps` show. */
import type { Kernel } from '../kernel.ts';
import { Pte, isMapped, isSwap } from '../page-table/pte.ts';
import type { MmStruct } from './mm-struct.ts';
import { printProt } from './vm-flags.ts';

/** One line of `/proc/PID/maps`. @public */
export interface MapsEntry {
  readonly start: number;
  readonly end: number;
  /** `rw-` */
  readonly prot: string;
  readonly shared: boolean;
  /** Byte offset in the file; 0 for anonymous memory. */
  readonly offset: number;
  readonly file: string | undefined;
}

export function maps(mm: MmStruct): MapsEntry[] {
  return [...mm.vmas].map((vma) => ({
    start: vma.start,
    end: vma.end,
    prot: printProt(vma.flags),
    shared: vma.shared,
    offset: vma.file?.name === undefined ? 0 : vma.pgoff * 4096,
    file: vma.file?.name,
  }));
}

/** One page of `/proc/PID/pagemap`. @public */
export interface PagemapEntry {
  readonly present: boolean;
  readonly swapped: boolean;
  readonly writable: boolean;
  readonly dirty: boolean;
  readonly young: boolean;
  readonly huge: boolean;
  readonly pfn: number | undefined;
}

export function pagemap(kernel: Kernel, mm: MmStruct, address: number, length: number): PagemapEntry[] {
  const entries: PagemapEntry[] = [];
  const { pageTables } = kernel;
  for (let va = address - (address % 4096); va < address + length; va += 4096) {
    const slot = pageTables.walk(mm.root, va);
    const flags = slot < 0 ? Pte.None : pageTables.flags(slot);
    entries.push({
      present: isMapped(flags),
      swapped: isSwap(flags),
      writable: (flags & Pte.Writable) !== 0,
      dirty: (flags & Pte.Dirty) !== 0,
      young: (flags & Pte.Accessed) !== 0,
      huge: false,
      pfn: isMapped(flags) ? pageTables.frame(slot) : undefined,
    });
  }
  return entries;
}
