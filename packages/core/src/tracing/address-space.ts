/** A picture of one address space: what each page of it is, without a line for those that are nothing. */
import type { Kernel } from '../kernel.ts';
import { type MapsEntry, maps } from '../mm/maps.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { isMapped, isSwap } from '../page-table/pte.ts';
import type { Ledger } from '../plugin/ledger.ts';

/** What a page is; of several that hold, the last. @public */
export type PageState = 'swapped' | 'resident' | 'device-mapped' | 'pinned';

/** Neighbouring pages of one state. @public */
export interface PageRun {
  readonly address: number;
  readonly pages: number;
  readonly state: PageState;
}

/** One mapping and what its pages are. Pages that no run names are mapped, and nothing more. @public */
export interface AddressSpaceArea extends MapsEntry {
  readonly runs: readonly PageRun[];
}

/** Costs what is present. Changes nothing. */
export function picture(kernel: Kernel, mm: MmStruct, ledgers: readonly Ledger[]): AddressSpaceArea[] {
  const reached = (vpn: number): boolean => ledgers.some(({ pages }) => pages.has(mm.id, vpn));
  return maps(mm).map((entry) => ({ ...entry, runs: runsOf(kernel, mm, entry, reached) }));
}

function runsOf(
  kernel: Kernel,
  mm: MmStruct,
  { start, end }: MapsEntry,
  reached: (vpn: number) => boolean,
): readonly PageRun[] {
  const { pageTables } = kernel;
  const runs: { address: number; pages: number; state: PageState }[] = [];
  for (let va = pageTables.nextLeaf(mm.root, start, end); va < end; va += 4096) {
    // At the edge of a table the next one may be far away.
    if (va % LEAF_SPAN === 0) va = pageTables.nextLeaf(mm.root, va, end);
    if (va >= end) break;
    const state = stateOf(kernel, mm, va, reached);
    if (state === undefined) continue;
    const last = runs[runs.length - 1];
    if (last !== undefined && last.state === state && last.address + last.pages * 4096 === va) last.pages++;
    else runs.push({ address: va, pages: 1, state });
  }
  return runs;
}

const LEAF_SPAN = 2 ** 21;

function stateOf(
  { pageTables, pins }: Kernel,
  mm: MmStruct,
  va: number,
  reached: (vpn: number) => boolean,
): PageState | undefined {
  const slot = pageTables.walk(mm.root, va);
  if (slot < 0) return undefined;
  const flags = pageTables.flags(slot);
  if (isSwap(flags)) return 'swapped';
  if (!isMapped(flags)) return undefined;
  if (pins.isPinned(pageTables.frame(slot))) return 'pinned';
  return reached(va / 4096) ? 'device-mapped' : 'resident';
}
