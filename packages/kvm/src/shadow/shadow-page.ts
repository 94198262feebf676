/**
 * One shadow page: 512 entries that stand in for a table of the guest (indirect), or map a run of frames (direct). Above
 * level 1 an entry is another shadow page; at level 1 it is an spte. Mirrors `struct kvm_mmu_page`.
 */
import type { LedgerEntry, Pfn } from '@mmu-notifier/plugin-api';
import { gpteIndex } from '../guest/gpte.ts';
import { MmioSptes } from '../mmio-spte.ts';
import { type Role, isDirect, levelOf } from './role.ts';

/** Bits of an spte. */
export const ShadowBits = {
  Present: 1,
  Writable: 2,
  User: 4,
  Execute: 8,
  /** Hardware used it. */
  Accessed: 16,
  /** Hardware wrote through it. */
  Dirty: 32,
  /** The primary pte permitted writing when the spte was made. */
  HostWritable: 64,
} as const;

export const ENTRIES = 512;
const NO_GFNS = new Float64Array(0);

/** Where an entry lies. */
export interface SpteRef {
  readonly page: ShadowPage;
  readonly index: number;
}

/** The page of level 1 for an address below `root`. */
export function leafBelow(root: ShadowPage, gva: number): ShadowPage | undefined {
  let page: ShadowPage | undefined = root;
  while (page !== undefined && page.level > 1) page = page.children[gpteIndex(gva, page.level)];
  return page;
}

export class ShadowPage {
  /** The guest's table; of a direct page, the frame of entry 0. */
  readonly gfn: number;
  /** Changed when the page becomes invalid only. */
  role: Role;
  /** Entries that are present. */
  present = 0;
  /** Above level 1. */
  readonly children: (ShadowPage | undefined)[];
  /** At level 1: {@link ShadowBits}, 0 where the entry is absent. */
  readonly bits: Uint8Array;
  readonly pfns: Uint32Array;
  readonly ledger: Float64Array;
  /** At level 1 of an indirect page: the frame of each entry. */
  readonly gfns: Float64Array;
  /** At level 1, beside what is present: entries for what no memslot has. */
  readonly mmio: MmioSptes = new MmioSptes();
  /** Every entry that points here. */
  readonly parents: SpteRef[] = [];
  /** vCPUs whose root it is. */
  roots = 0;
  /** Zapped: never found again, freed when the last vCPU leaves it. */
  invalid = false;
  /** The guest writes its table without telling; stale until the guest flushes. Level 1 only. */
  unsync = false;
  /** Entries with an unsync page somewhere below. */
  readonly unsyncChildren: Set<number> = new Set();
  /** Generation of the VM that it belongs to. */
  readonly generation: number;
  /** Writes of the guest to its table since it was last used. */
  writeFloodingCount = 0;

  constructor(gfn: number, role: Role, generation: number) {
    this.gfn = gfn;
    this.role = role;
    this.generation = generation;
    const leaf = levelOf(role) === 1;
    const entries = leaf ? ENTRIES : 0;
    this.children = leaf ? [] : new Array<ShadowPage | undefined>(ENTRIES).fill(undefined);
    this.bits = new Uint8Array(entries);
    this.pfns = new Uint32Array(entries);
    this.ledger = new Float64Array(entries);
    this.gfns = leaf && !isDirect(role) ? new Float64Array(ENTRIES) : NO_GFNS;
  }

  get level(): number {
    return levelOf(this.role);
  }

  get direct(): boolean {
    return isDirect(this.role);
  }

  /** The frame of an entry of level 1. */
  gfnOf(index: number): number {
    return this.direct ? this.gfn + index : (this.gfns[index] as number);
  }

  pfnOf(index: number): Pfn {
    return this.pfns[index] as Pfn;
  }

  ledgerOf(index: number): LedgerEntry {
    return this.ledger[index] as LedgerEntry;
  }
}
