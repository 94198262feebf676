/**
 * The TLB of one chiplet: (ASID, page) to frame, set-associative, in typed arrays. It is all that this secondary MMU has:
 * there is no table behind it, and software cannot read it.
 *
 * Every entry is an entry of the ledger as long as hardware may use it. One whose ASID software has given up stays here,
 * where nobody can look for it; should that ASID be handed out again before a purge, hardware would hit it, and the
 * ledger knows that it must not.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type {
  LedgerEntry,
  LedgerService,
  MmHandle,
  Pfn,
  SharedState,
  Translation,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';

const WAYS = 4;
const NONE = -1;
const VALID = 1;
const WRITABLE = 2;
/** Its ASID was given up. */
const ABANDONED = 4;

/** The entries of one ASID. */
interface Residents {
  head: number;
  count: number;
}

/** An entry that hardware may use. */
export interface TlbView {
  readonly asid: number;
  readonly mm: MmHandle;
  readonly page: number;
  readonly pfn: Pfn;
  readonly writable: boolean;
}

export class Tlb {
  private readonly ledger: LedgerService;
  private readonly state: SharedState;
  private readonly ways: number;
  private readonly setMask: number;
  private readonly asids: Int32Array;
  private readonly pages: Float64Array;
  private readonly flags: Uint8Array;
  private readonly pfns: Float64Array;
  private readonly entries: Float64Array;
  private readonly mms: (MmHandle | undefined)[];
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  /** The way of each set that is replaced next. */
  private readonly victims: Uint8Array;
  private readonly residents = new Map<number, Residents>();

  /** @param size - A power of two. */
  constructor(ledger: LedgerService, size: number, state: SharedState) {
    this.ledger = ledger;
    this.state = state;
    this.ways = Math.min(WAYS, size);
    this.setMask = size / this.ways - 1;
    this.asids = new Int32Array(size);
    this.pages = new Float64Array(size);
    this.flags = new Uint8Array(size);
    this.pfns = new Float64Array(size);
    this.entries = new Float64Array(size);
    this.mms = new Array<MmHandle | undefined>(size).fill(undefined);
    this.next = new Int32Array(size);
    this.previous = new Int32Array(size);
    this.victims = new Uint8Array(size / this.ways);
  }

  /** The ledger's name of what serves an access, -1 on a miss. @sleeps Never. */
  probe(asid: number, page: number, kind: 'load' | 'store'): LedgerEntry | -1 {
    this.state.reads();
    const slot = this.find(asid, page);
    if (slot === NONE || (kind === 'store' && ((this.flags[slot] as number) & WRITABLE) === 0)) return NONE;
    return this.entries[slot] as LedgerEntry;
  }

  /** A drop-in: replaces the entry of the same page, else an empty one, else the next of its set. */
  fill(asid: number, translation: Translation): void {
    this.state.changes();
    const page = translation.address / PAGE_SIZE;
    const found = this.find(asid, page);
    const slot = found === NONE ? this.slotFor(asid, page) : found;
    if (this.flags[slot] !== 0) {
      this.drop(slot);
      this.ledger.flush();
    }
    this.asids[slot] = asid;
    this.pages[slot] = page;
    this.pfns[slot] = translation.pfn;
    this.mms[slot] = translation.mm;
    this.flags[slot] = VALID | (translation.writable ? WRITABLE : 0);
    this.link(slot, asid);
    this.entries[slot] = this.ledger.establish(translation);
  }

  /** Drops what there is of `[page, page + count)` of an ASID. Costs the smaller of the range and what is resident. */
  purge(asid: number, page: number, count: number): void {
    this.state.changes();
    const residents = this.residents.get(asid);
    if (residents === undefined) return;
    if (count < residents.count) {
      for (let i = 0; i < count; i++) {
        const slot = this.find(asid, page + i);
        if (slot !== NONE) this.drop(slot);
      }
    } else {
      this.dropList(residents, (slot) => {
        const at = this.pages[slot] as number;
        return at >= page && at < page + count;
      });
    }
    this.ledger.flush();
  }

  /** Drops everything of an ASID. */
  purgeAsid(asid: number): void {
    this.purge(asid, 0, Infinity);
  }

  purgeAll(): void {
    this.state.changes();
    for (const residents of [...this.residents.values()]) this.dropList(residents, () => true);
    this.ledger.flush();
  }

  /**
   * Software gave an ASID of `mm` up: no context will have it before the next purge of everything, so nobody reaches its
   * entries. Hardware does nothing here; the ledger is told.
   */
  abandon(asid: number, mm: MmHandle): void {
    this.state.changes();
    let slot = this.residents.get(asid)?.head ?? NONE;
    if (slot === NONE) return;
    for (; slot !== NONE; slot = this.next[slot] as number) {
      const flags = this.flags[slot] as number;
      if (this.mms[slot]?.id !== mm.id || (flags & ABANDONED) !== 0) continue;
      this.flags[slot] = flags | ABANDONED;
      this.ledger.clear(this.entries[slot] as LedgerEntry);
    }
    this.ledger.flush();
  }

  /** Entries of an ASID, also those that were given up. */
  residentsOf(asid: number): number {
    return this.residents.get(asid)?.count ?? 0;
  }

  /** What hardware may use now. */
  *reachable(): Iterable<TlbView> {
    for (let slot = 0; slot < this.flags.length; slot++) {
      const flags = this.flags[slot] as number;
      if ((flags & (VALID | ABANDONED)) !== VALID) continue;
      yield {
        asid: this.asids[slot] as number,
        mm: this.mms[slot] as MmHandle,
        page: this.pages[slot] as number,
        pfn: this.pfns[slot] as Pfn,
        writable: (flags & WRITABLE) !== 0,
      };
    }
  }

  private setOf(asid: number, page: number): number {
    // Regions of a process lie far apart and begin at round addresses: higher bits of the page number take part.
    const mixed = (page % 2 ** 31) ^ (Math.floor(page / 2 ** 9) % 2 ** 31) ^ (asid >>> 3);
    return (mixed & this.setMask) * this.ways;
  }

  private find(asid: number, page: number): number {
    const first = this.setOf(asid, page);
    for (let slot = first; slot < first + this.ways; slot++) {
      if (this.pages[slot] === page && this.asids[slot] === asid && this.flags[slot] !== 0) return slot;
    }
    return NONE;
  }

  private slotFor(asid: number, page: number): number {
    const first = this.setOf(asid, page);
    for (let slot = first; slot < first + this.ways; slot++) if (this.flags[slot] === 0) return slot;
    const set = first / this.ways;
    const way = this.victims[set] as number;
    this.victims[set] = (way + 1) % this.ways;
    return first + way;
  }

  /** The caller flushes the ledger. */
  private drop(slot: number): void {
    if (((this.flags[slot] as number) & ABANDONED) === 0) this.ledger.clear(this.entries[slot] as LedgerEntry);
    this.flags[slot] = 0;
    this.mms[slot] = undefined;
    this.unlink(slot, this.asids[slot] as number);
  }

  private dropList({ head }: Residents, which: (slot: number) => boolean): void {
    for (let slot = head; slot !== NONE;) {
      const next = this.next[slot] as number;
      if (which(slot)) this.drop(slot);
      slot = next;
    }
  }

  private link(slot: number, asid: number): void {
    let residents = this.residents.get(asid);
    if (residents === undefined) this.residents.set(asid, (residents = { head: NONE, count: 0 }));
    this.next[slot] = residents.head;
    this.previous[slot] = NONE;
    if (residents.head !== NONE) this.previous[residents.head] = slot;
    residents.head = slot;
    residents.count++;
  }

  private unlink(slot: number, asid: number): void {
    const residents = this.residents.get(asid) as Residents;
    const next = this.next[slot] as number;
    const previous = this.previous[slot] as number;
    if (next !== NONE) this.previous[next] = previous;
    if (previous === NONE) residents.head = next;
    else this.next[previous] = next;
    if (--residents.count === 0) this.residents.delete(asid);
  }
}

/** The translation of one base page. */
export function translationOf(mm: MmHandle, page: number, pfn: Pfn, writable: boolean): Translation {
  const address = page * PAGE_SIZE;
  return { mm, address: address as VirtualAddress, pfn, writable, deviceAddress: address };
}
