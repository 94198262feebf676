/**
 * Four-level page tables in ordinary frames.
 *
 *     46..39 level 3 | 38..30 level 2 | 29..21 level 1 | 20..12 level 0 | 11..0 offset
 *
 * A last-level entry is named by its slot, `table pfn * 512 + index`. A walk through a freed table is an error that is
 * seen: tables carry a frame flag. Mirrors `mm/memory.c` and `arch/x86/include/asm/pgtable.h`.
 */
import { assert } from '../contract.ts';
import { FrameFlags, type FrameTable } from '../memory/frame-table.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { Pte } from './pte.ts';

/** Bytes that one entry of each level maps. */
export const LEVEL_SPAN: readonly number[] = [2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39];
const TABLE_ENTRY: number = Pte.Present | Pte.Writable | Pte.User;

/** What watches ptes change. */
export interface PteObserver {
  pteChanged(slot: number, oldFlags: number, oldFrame: number, newFlags: number, newFrame: number): void;
}

const PMD_SPAN = 2 ** 21;

function strayed(pfn: number): never {
  assert(false, 'a walk stays inside page tables', pfn);
}

export function indexAt(level: number, va: number): number {
  return Math.floor(va / LEVEL_SPAN[level]) % 512;
}

export class PageTables {
  observer: PteObserver | undefined;
  protected readonly memory: PhysicalMemory;
  protected readonly table: FrameTable;

  constructor(memory: PhysicalMemory, table: FrameTable) {
    this.memory = memory;
    this.table = table;
  }

  flags(slot: number): number {
    const pfn = (slot / 512) | 0;
    return this.memory.words(pfn)[this.memory.wordOffset(pfn) + (slot & 511) * 2];
  }

  /** The pfn or swap slot of an entry. */
  frame(slot: number): number {
    const pfn = (slot / 512) | 0;
    return this.memory.words(pfn)[this.memory.wordOffset(pfn) + (slot & 511) * 2 + 1];
  }

  set(slot: number, flags: number, frame: number): void {
    const pfn = (slot / 512) | 0;
    const words = this.memory.words(pfn);
    const at = this.memory.wordOffset(pfn) + (slot & 511) * 2;
    const oldFlags = words[at];
    this.observer?.pteChanged(slot, oldFlags, words[at + 1], flags, frame);
    if ((oldFlags === 0) !== (flags === 0)) this.table.private[pfn] += flags === 0 ? -1 : 1;
    words[at] = flags;
    words[at + 1] = frame;
  }

  /** Sets bits that hardware sets (accessed, dirty), or clears aging bits: no transition of the entry. */
  setBits(slot: number, set: number, clear: number): void {
    const pfn = (slot / 512) | 0;
    const at = this.memory.wordOffset(pfn) + (slot & 511) * 2;
    const words = this.memory.words(pfn);
    words[at] = (words[at] | set) & ~clear;
  }

  /** Moves `count` entries, whose new places are none, as `set` does one by one. */
  move(from: number, to: number, count: number): void {
    const source = (from / 512) | 0;
    const target = (to / 512) | 0;
    const words = this.memory.words(source);
    const into = this.memory.words(target);
    const first = this.memory.wordOffset(source) + (from & 511) * 2;
    const shift = this.memory.wordOffset(target) + (to & 511) * 2 - first;
    let moved = 0;
    for (let at = first; at < first + count * 2; at += 2) {
      const flags = words[at];
      if (flags === 0) continue;
      into[at + shift] = flags;
      into[at + shift + 1] = words[at + 1];
      words[at] = 0;
      words[at + 1] = 0;
      moved++;
    }
    this.table.private[source] -= moved;
    this.table.private[target] += moved;
  }

  /** The slot of the last-level entry of `va`; -1 where a table on the way is absent. */
  walk(root: number, va: number): number {
    const table = this.leafTable(root, va);
    // `&` folds to 32 bits first, which keeps the low ones.
    return table < 0 ? -1 : table * 512 + ((va / 4096) & 511);
  }

  /** The pfn of the last-level table of `va`; -1 where it is absent. */
  leafTable(root: number, va: number): number {
    const top = (va / LEVEL_SPAN[2]) | 0;
    const middle = this.childOf(root, top >>> 9);
    const lower = middle < 0 ? -1 : this.childOf(middle, top & 511);
    return lower < 0 ? -1 : this.childOf(lower, (va / PMD_SPAN) & 511);
  }

  /** The table behind an entry of an upper table; -1 where there is none. */
  private childOf(pfn: number, index: number): number {
    const child = this.tableAt(pfn, index);
    if (child >= 0 && (this.table.flags[child] & FrameFlags.PageTable) === 0) strayed(child);
    return child;
  }

  protected tableAt(pfn: number, index: number): number {
    const words = this.memory.words(pfn);
    const at = this.memory.wordOffset(pfn) + index * 2;
    return (words[at] & Pte.Present) === 0 ? -1 : words[at + 1];
  }

  protected linkAt(pfn: number, index: number, child: number): void {
    const words = this.memory.words(pfn);
    const at = this.memory.wordOffset(pfn) + index * 2;
    words[at] = TABLE_ENTRY;
    words[at + 1] = child;
    this.table.private[pfn]++;
  }

  protected unlinkAt(pfn: number, index: number): void {
    const words = this.memory.words(pfn);
    const at = this.memory.wordOffset(pfn) + index * 2;
    words[at] = 0;
    words[at + 1] = 0;
    this.table.private[pfn]--;
  }

  /**
   * The first address in `[va, end)` whose last-level table exists; `end` when there is none. Skips absent upper tables
   * whole, so an empty range costs by what is present around it.
   */
  nextLeaf(root: number, va: number, end: number): number {
    return this.nextLeafBelow(root, 3, va, end);
  }

  /** As `nextLeaf`, below one table of `level`; what lies behind its reach is not looked at. */
  private nextLeafBelow(pfn: number, level: number, va: number, end: number): number {
    const span = LEVEL_SPAN[level];
    const number = Math.floor(va / span);
    const base = (number - (number % 512)) * span;
    const last = Math.min(512, Math.ceil((end - base) / span));
    for (let index = number % 512; index < last; index++) {
      const child = this.tableAt(pfn, index);
      if (child < 0) continue;
      const at = Math.max(va, base + index * span);
      if (level === 1) return at;
      const behind = Math.min(end, base + (index + 1) * span);
      const found = this.nextLeafBelow(child, level - 1, at, behind);
      if (found < behind) return found;
    }
    return end;
  }

  /** Finds the level below which the path to `va` is absent: 0 when the last-level table exists. */
  missingLevel(root: number, va: number): number {
    let pfn = root;
    for (let level = 3; level > 0; level--) {
      pfn = this.tableAt(pfn, indexAt(level, va));
      if (pfn < 0) return level;
    }
    return 0;
  }

  /** Links a zeroed frame as the table at the first missing level of `va`. */
  link(root: number, va: number, frame: number): void {
    let pfn = root;
    for (let level = 3; level > 0; level--) {
      const index = indexAt(level, va);
      const child = this.tableAt(pfn, index);
      if (child < 0) {
        this.linkAt(pfn, index, frame);
        this.becomeTable(frame);
        return;
      }
      pfn = child;
    }
  }

  becomeTable(frame: number): void {
    this.table.set(frame, FrameFlags.PageTable);
    this.table.private[frame] = 0;
  }

  /**
   * Unlinks tables that lie wholly inside `[floor, ceiling)` and map part of `[start, end)`; all their entries must be
   * none. Mirrors `free_pgd_range`: floor and ceiling are the neighbours' edges, so that a shared table stays.
   */
  unlinkRange(root: number, start: number, end: number, floor: number, ceiling: number): number[] {
    const freed: number[] = [];
    this.unlinkLevel(root, 3, 0, start, end, floor, ceiling, freed);
    return freed;
  }

  private unlinkLevel(
    pfn: number,
    level: number,
    base: number,
    start: number,
    end: number,
    floor: number,
    ceiling: number,
    freed: number[],
  ): void {
    const span = LEVEL_SPAN[level];
    const first = Math.max(0, Math.floor((start - base) / span));
    const last = Math.min(511, Math.floor((end - 1 - base) / span));
    for (let index = first; index <= last; index++) {
      const child = this.tableAt(pfn, index);
      if (child < 0) continue;
      const childBase = base + index * span;
      if (level > 1) this.unlinkLevel(child, level - 1, childBase, start, end, floor, ceiling, freed);
      if (childBase < floor || childBase + span > ceiling || this.table.private[child] !== 0) continue;
      this.unlinkAt(pfn, index);
      this.table.clear(child, FrameFlags.PageTable);
      freed.push(child);
    }
  }
}
