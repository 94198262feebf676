/**
 * The direct (two-dimensional) page table: gfn to pfn, four levels of pages in the driver's own memory.
 *
 *     gfn bit   35..27 level 3 | 26..18 level 2 | 17..9 level 1 | 8..0 level 0 (sptes)
 *
 * An spte is two words, pfn and bits, beside the handle of its ledger entry. Each page of the table knows how many of
 * its entries are present and which, so that a walk over a range visits present sub-trees only; a page with none left
 * is unlinked and kept for reuse.
 *
 * @locks Changed under `vm.mmuLock` only, but for accessed and dirty, which hardware sets. The table stands at every
 *   yield; a reference to a page of it does not survive one.
 *
 * Mirrors `arch/x86/kvm/mmu/tdp_mmu.c` with one root; leaves are 4 KiB.
 */
import type { LedgerEntry, Pfn } from '@mmu-notifier/plugin-api';

/** Bits of an spte's second word. */
export const SpteBits = {
  Present: 1,
  Writable: 2,
  /** Hardware used it. */
  Accessed: 4,
  /** Hardware wrote through it. */
  Dirty: 8,
  /** The primary pte permitted writing when the spte was made. */
  HostWritable: 16,
} as const;

const ENTRIES = 512;
const ROOT_LEVEL = 3;
/** gfns below one entry, by level. */
const SPAN = [1, 2 ** 9, 2 ** 18, 2 ** 27] as const;
const NO_CHILDREN: (TablePage | undefined)[] = [];
const NO_WORDS = new Uint32Array(0);
const NO_ENTRIES = new Float64Array(0);

/** One page of the table: sptes at level 0, pages of the next level above. */
export class TablePage {
  readonly level: number;
  /** Entries that are present. */
  present = 0;
  /** One bit for each present entry. */
  readonly map: Uint32Array = new Uint32Array(ENTRIES / 32);
  readonly children: (TablePage | undefined)[];
  /** At level 0: pfn and bits of entry i at 2i and 2i + 1. */
  readonly words: Uint32Array;
  /** At level 0: ledger entries, which may need more than 32 bits. */
  readonly ledger: Float64Array;

  constructor(level: number) {
    this.level = level;
    this.children = level === 0 ? NO_CHILDREN : new Array<TablePage | undefined>(ENTRIES).fill(undefined);
    this.words = level === 0 ? new Uint32Array(2 * ENTRIES) : NO_WORDS;
    this.ledger = level === 0 ? new Float64Array(ENTRIES) : NO_ENTRIES;
  }
}

/** Told of each page of the table that is linked or unlinked. */
export interface TableObserver {
  tableLinked(): void;
  tableUnlinked(): void;
}

/** The table of one VM. */
export class Sptes {
  /** Present sptes. */
  count = 0;
  private readonly root = new TablePage(ROOT_LEVEL);
  private readonly spare: TablePage[][] = [[], [], [], []];
  private readonly observer: TableObserver;

  constructor(observer: TableObserver) {
    this.observer = observer;
  }

  /** The last-level page for `gfn`; its spte is number `gfn & 511`. `undefined` where a page on the way is absent. */
  leaf(gfn: number): TablePage | undefined {
    // A shift sees gfn modulo 2^32, which keeps bits 9 to 26.
    const upper = this.root.children[Math.floor(gfn / SPAN[3])]?.children[(gfn >>> 18) & 511];
    return upper?.children[(gfn >>> 9) & 511];
  }

  /** Bits of the spte of `gfn`, 0 where it is absent. */
  bits(gfn: number): number {
    const leaf = this.leaf(gfn);
    return leaf === undefined ? 0 : (leaf.words[2 * (gfn & 511) + 1] as number);
  }

  pfn(gfn: number): Pfn {
    return (this.leaf(gfn)?.words[2 * (gfn & 511)] ?? 0) as Pfn;
  }

  ledgerEntry(gfn: number): LedgerEntry {
    return (this.leaf(gfn)?.ledger[gfn & 511] ?? -1) as LedgerEntry;
  }

  /** Makes the spte of `gfn`, which must be absent, with the pages that lead to it. */
  install(gfn: number, pfn: Pfn, bits: number, entry: LedgerEntry): void {
    let page = this.root;
    for (let level = ROOT_LEVEL; level > 0; level--) {
      const index = indexAt(level, gfn);
      page = page.children[index] ?? this.link(page, index);
    }
    const index = gfn & 511;
    if (((page.words[2 * index + 1] as number) & SpteBits.Present) !== 0)
      throw new Error(`gfn ${gfn} has an spte already`);
    setPresent(page, index);
    page.words[2 * index] = pfn;
    page.words[2 * index + 1] = bits | SpteBits.Present;
    page.ledger[index] = entry;
    this.count++;
  }

  /** Sets and clears bits of a present spte. */
  change(gfn: number, set: number, clear: number): void {
    const { words } = this.leaf(gfn) as TablePage;
    const at = 2 * (gfn & 511) + 1;
    words[at] = ((words[at] as number) & ~clear) | set;
  }

  /** Takes the spte of `gfn`, which must be present, away, and pages that became empty with it. */
  remove(gfn: number): void {
    this.clear(this.leaf(gfn) as TablePage, gfn & 511);
    this.prune(gfn);
  }

  /** Takes a present spte of a last-level page away; {@link prune} comes when all that go have gone. */
  clear(leaf: TablePage, index: number): void {
    leaf.words[2 * index] = 0;
    leaf.words[2 * index + 1] = 0;
    clearPresent(leaf, index);
    this.count--;
  }

  /** Unlinks the pages on the way to `gfn`, which are all there, as far as nothing is left in them. */
  prune(gfn: number): void {
    const l3 = this.root.children[indexAt(3, gfn)] as TablePage;
    const l2 = l3.children[indexAt(2, gfn)] as TablePage;
    const leaf = l2.children[indexAt(1, gfn)] as TablePage;
    if (leaf.present > 0) return;
    this.unlink(l2, indexAt(1, gfn));
    if (l2.present > 0) return;
    this.unlink(l3, indexAt(2, gfn));
    if (l3.present === 0) this.unlink(this.root, indexAt(3, gfn));
  }

  /** The first gfn of `[gfn, end)` with a present spte, -1 where there is none. Skips what is absent. */
  nextPresent(gfn: number, end: number): number {
    return gfn < end ? nextIn(this.root, gfn, end) : -1;
  }

  /** Pages whose count disagrees with their map. */
  *miscounted(page: TablePage = this.root): Iterable<TablePage> {
    let found = 0;
    for (let i = nextBit(page.map, 0); i >= 0; i = nextBit(page.map, i + 1)) {
      found++;
      const child = page.children[i];
      if (child !== undefined) yield* this.miscounted(child);
    }
    if (found !== page.present) yield page;
  }

  private link(parent: TablePage, index: number): TablePage {
    const level = parent.level - 1;
    const page = (this.spare[level] as TablePage[]).pop() ?? new TablePage(level);
    parent.children[index] = page;
    setPresent(parent, index);
    this.observer.tableLinked();
    return page;
  }

  private unlink(parent: TablePage, index: number): void {
    const page = parent.children[index] as TablePage;
    parent.children[index] = undefined;
    clearPresent(parent, index);
    (this.spare[page.level] as TablePage[]).push(page);
    this.observer.tableUnlinked();
  }
}

function indexAt(level: number, gfn: number): number {
  return Math.floor(gfn / (SPAN[level] as number)) & 511;
}

function setPresent(page: TablePage, index: number): void {
  page.map[index >>> 5] = (page.map[index >>> 5] as number) | (1 << (index & 31));
  page.present++;
}

function clearPresent(page: TablePage, index: number): void {
  page.map[index >>> 5] = (page.map[index >>> 5] as number) & ~(1 << (index & 31));
  page.present--;
}

/** The first present entry of a page at or behind `from`, -1 where there is none. */
export function nextPresentIn(page: TablePage, from: number): number {
  return nextBit(page.map, from);
}

/** The first bit that is set at or behind `from`, -1 where there is none. */
function nextBit(map: Uint32Array, from: number): number {
  if (from >= ENTRIES) return -1;
  let word = from >>> 5;
  let bits = (map[word] as number) & (-1 << (from & 31));
  while (bits === 0) {
    if (++word === map.length) return -1;
    bits = map[word] as number;
  }
  return word * 32 + 31 - Math.clz32(bits & -bits);
}

/** `gfn` lies below `page`. */
function nextIn(page: TablePage, gfn: number, end: number): number {
  const span = SPAN[page.level] as number;
  const base = gfn - (gfn % (span * ENTRIES));
  for (let i = nextBit(page.map, indexAt(page.level, gfn)); i >= 0; i = nextBit(page.map, i + 1)) {
    const first = Math.max(gfn, base + i * span);
    if (first >= end) return -1;
    if (page.level === 0) return first;
    const found = nextIn(page.children[i] as TablePage, first, end);
    if (found >= 0) return found;
  }
  return -1;
}
