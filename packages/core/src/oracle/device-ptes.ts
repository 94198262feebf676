/**
 * Ptes of windows that drivers back, which no reference and no reverse map protects: the driver alone answers for them.
 *
 * @invariant device-pte: no frame is freed, and no translation flushed, while a pte of a window reaches it
 * @invariant stable-agreement, write-containment: a CPU's access through the pte of another process's page is one through
 *   the entry that names the page at its source, stale TLB entries of the CPU included (I3, I4)
 */
import { hex } from '../contract.ts';
import type { PageSource } from '../device-vma/window-ptes.ts';
import type { Kernel } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { Pte } from '../page-table/pte.ts';
import { type Ledger, Permission } from '../plugin/ledger.ts';
import type { TranslationOracle } from './translation-oracle.ts';

/** What was inserted last at a page; it stays behind its pte, because a CPU's TLB may. */
interface Inserted {
  readonly mm: MmStruct;
  readonly va: number;
  readonly pfn: number;
  /** The pte is still there. */
  present: boolean;
  source: PageSource | undefined;
}

export class DevicePtes {
  private readonly kernel: Kernel;
  private readonly oracle: TranslationOracle;
  private readonly spaces = new Map<number, Map<number, Inserted>>();
  /** Ptes that are there, by frame. */
  private readonly present = new Map<number, Set<Inserted>>();

  constructor(kernel: Kernel, oracle: TranslationOracle) {
    this.kernel = kernel;
    this.oracle = oracle;
  }

  /** A pte that is special, or was. */
  changed(mm: MmStruct, va: number, oldFrame: number, newFlags: number, newFrame: number): void {
    let space = this.spaces.get(mm.id);
    if (space === undefined) this.spaces.set(mm.id, (space = new Map()));
    const before = space.get(va);
    if ((newFlags & Pte.Special) === 0) {
      if (before === undefined) return;
      before.present = false;
      this.present.get(oldFrame)?.delete(before);
      return;
    }
    if (before?.present && before.pfn === newFrame) return;
    const inserted: Inserted = { mm, va, pfn: newFrame, present: true, source: undefined };
    space.set(va, inserted);
    const same = this.present.get(newFrame);
    if (same === undefined) this.present.set(newFrame, new Set([inserted]));
    else same.add(inserted);
  }

  /** Whose page the pte maps that was just made. */
  inserted(mm: MmStruct, va: number, source: PageSource | undefined): void {
    const inserted = this.spaces.get(mm.id)?.get(va);
    if (inserted !== undefined) inserted.source = source;
  }

  frameFreed(pfn: number): void {
    for (const { mm, va } of this.present.get(pfn) ?? [])
      this.fail('use-after-free', `frame ${pfn} is freed while the pte of ${hex(va)} in mm ${mm.id} maps it`);
    this.present.delete(pfn);
  }

  flushed(ledger: Ledger, slot: number): void {
    const pfn = ledger.pfn[slot];
    for (const { mm, va, source } of this.present.get(pfn) ?? []) {
      if (source?.ledger !== ledger || ledger.find(source.entry) !== slot) continue;
      const pte = `the pte of ${hex(va)} in mm ${mm.id}`;
      this.fail('device-pte', `${ledger.device} flushes its translation of frame ${pfn} while ${pte} maps it`);
    }
  }

  /** A CPU has reached a window. */
  accessed(
    kind: 'load' | 'store',
    mm: MmStruct,
    address: number,
    length: number,
    slab: Uint8Array,
    base: number,
  ): void {
    const offset = address % 4096;
    const inserted = this.spaces.get(mm.id)?.get(address - offset);
    if (inserted?.source === undefined) return;
    const { ledger, entry } = inserted.source;
    const slot = ledger.find(entry);
    const who = `a CPU reaches frame ${inserted.pfn} for ${hex(address)} of mm ${mm.id}`;
    if (slot < 0) this.fail('stale-translation', `${who} after ${ledger.device} flushed its translation`);
    if (kind === 'store' && ledger.permission[slot] === Permission.load)
      this.fail('write-through-read-only', `${who}, which ${ledger.device} has for loads only`);
    if (!this.oracle.accessed(ledger, slot, kind)) return;
    const at = ledger.address[slot] + offset;
    if (kind === 'load') this.oracle.shadow.loaded(ledger.mm[slot], at, length, slab, base);
    else this.oracle.shadow.stored(ledger.mm[slot], at, length, slab, base);
  }

  mmGone(mm: MmStruct): void {
    this.spaces.delete(mm.id);
  }

  private fail(oracle: string, message: string): never {
    return this.kernel.scheduler.fail(oracle, message);
  }
}
