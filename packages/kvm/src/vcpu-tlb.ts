/**
 * What a vCPU's TLB holds: gfn to ledger entry, direct-mapped, in typed arrays. A store needs an entry that was filled
 * from a writable *dirty* spte: the first store through a clean one walks the table and sets the spte's dirty bit, as
 * hardware does. Accessed is set when an entry is filled, and not again while the entry lives: a clearYoung without a
 * flush misses what a TLB hit touches.
 */
import type { LedgerEntry } from '@mmu-notifier/plugin-api';

const EMPTY = -1;

export class VcpuTlb {
  /** Entries filled since the last flush; 0 means that nothing is cached. */
  filled = 0;
  private readonly mask: number;
  private readonly gfns: Float64Array;
  private readonly ledger: Float64Array;
  /** 1: stores may go through the entry. */
  private readonly storable: Uint8Array;

  /** @param entries - A power of two. */
  constructor(entries: number) {
    this.mask = entries - 1;
    this.gfns = new Float64Array(entries).fill(EMPTY);
    this.ledger = new Float64Array(entries);
    this.storable = new Uint8Array(entries);
  }

  /** The entry for a load of `gfn`, -1 on a miss. */
  forLoad(gfn: number): LedgerEntry | -1 {
    const i = gfn & this.mask;
    return this.gfns[i] === gfn ? (this.ledger[i] as LedgerEntry) : EMPTY;
  }

  /** The entry for a store to `gfn`, -1 on a miss. */
  forStore(gfn: number): LedgerEntry | -1 {
    const i = gfn & this.mask;
    return this.gfns[i] === gfn && this.storable[i] === 1 ? (this.ledger[i] as LedgerEntry) : EMPTY;
  }

  fill(gfn: number, entry: LedgerEntry, storable: 0 | 1): void {
    const i = gfn & this.mask;
    this.gfns[i] = gfn;
    this.ledger[i] = entry;
    this.storable[i] = storable;
    this.filled++;
  }

  /** One translation goes. */
  forget(gfn: number): void {
    const i = gfn & this.mask;
    if (this.gfns[i] === gfn) this.gfns[i] = EMPTY;
  }

  flushAll(): void {
    if (this.filled === 0) return;
    this.gfns.fill(EMPTY);
    this.filled = 0;
  }

  /** What is cached now, for invariants. */
  *cached(): Iterable<{ readonly gfn: number; readonly entry: LedgerEntry; readonly storable: boolean }> {
    for (let i = 0; i < this.gfns.length; i++) {
      const gfn = this.gfns[i] as number;
      if (gfn !== EMPTY) yield { gfn, entry: this.ledger[i] as LedgerEntry, storable: this.storable[i] === 1 };
    }
  }
}
