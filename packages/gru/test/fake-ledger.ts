/** A ledger small enough to read: frames as arrays, and an entry that was flushed must not be used. */
import type { LedgerEntry, LedgerService, MmHandle, Pfn, SharedState, Translation } from '@mmu-notifier/plugin-api';
import { translationOf } from '../src/hardware/tlb.ts';

export const MM: MmHandle = { id: 1, users: 1 };

/** Where one task runs alone, nobody asks. */
export const ALONE: SharedState = { reads: () => undefined, changes: () => undefined };

interface Entry extends Translation {
  state: 'valid' | 'cleared' | 'flushed';
}

export class FakeLedger implements LedgerService {
  readonly entries: Entry[] = [];
  readonly frames = new Map<number, Uint8Array>();

  frame(pfn: number): Uint8Array {
    let bytes = this.frames.get(pfn);
    if (bytes === undefined) this.frames.set(pfn, (bytes = new Uint8Array(4096)));
    return bytes;
  }

  /** Frames that hardware may use. */
  get live(): readonly number[] {
    return this.entries.filter(({ state }) => state === 'valid').map(({ pfn }) => pfn);
  }

  establish(translation: Translation): LedgerEntry {
    return (this.entries.push({ ...translation, state: 'valid' }) - 1) as LedgerEntry;
  }

  downgrade(): void {
    throw new Error('a TLB entry is replaced, never downgraded');
  }

  upgrade(): never {
    throw new Error('a TLB entry is replaced, never upgraded');
  }

  clear(entry: LedgerEntry): void {
    const it = this.entries[entry] as Entry;
    if (it.state !== 'valid') throw new Error(`entry ${entry} is cleared while ${it.state}`);
    it.state = 'cleared';
  }

  flush(): void {
    for (const entry of this.entries) if (entry.state === 'cleared') entry.state = 'flushed';
  }

  load(entry: LedgerEntry, offset: number, length: number, into: Uint8Array, at: number): void {
    into.set(this.use(entry).subarray(offset, offset + length), at);
  }

  store(entry: LedgerEntry, offset: number, length: number, from: Uint8Array, at: number): void {
    if (!(this.entries[entry] as Entry).writable) throw new Error('a store through a read-only entry');
    this.use(entry).set(from.subarray(at, at + length), offset);
  }

  private use(entry: LedgerEntry): Uint8Array {
    const it = this.entries[entry] as Entry;
    if (it.state === 'flushed') throw new Error(`entry ${entry} is used and was flushed`);
    return this.frame(it.pfn);
  }
}

/** A page of the process, in a frame. */
export function page(number: number, frame: number, writable = true, mm: MmHandle = MM): Translation {
  return translationOf(mm, number, frame as Pfn, writable);
}
