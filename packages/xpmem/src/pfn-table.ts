/**
 * The translations of one segment: what each page of the source is, for all attachments of this machine at once. A pte of
 * an attachment never outlives the entry that it shows.
 *
 * @invariant order: the ptes go, then the translation, then the page's reference. A page that is put first may be freed
 *   while a CPU still reaches it.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { LedgerEntry, MmHandle, Pfn, Routine, UserPage, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { Attachment } from './attachment.ts';
import type { Segment } from './segment.ts';
import type { XpmemShared } from './shared.ts';

/** One page of the source. */
export interface SourcePage {
  readonly pfn: Pfn;
  readonly writable: boolean;
  readonly entry: LedgerEntry;
}

export class PfnTable {
  /** By the source's address. */
  readonly pages: Map<number, SourcePage> = new Map();
  readonly attachments: Set<Attachment> = new Set();
  private readonly shared: XpmemShared;
  private readonly mm: MmHandle;
  /** Whose pages another node holds here; none for the table of this node. */
  readonly segment: Segment | undefined;

  constructor(shared: XpmemShared, mm: MmHandle, segment?: Segment) {
    this.shared = shared;
    this.mm = mm;
    this.segment = segment;
  }

  /** In place of what was there. In the `until-invalidate` flavour it keeps the page's pin. @locks segment.lock. */
  *establish(address: number, { pfn, writable }: UserPage): Routine<void> {
    yield* this.drop(address, address + PAGE_SIZE);
    const at = address as VirtualAddress;
    const permission = steps.permission(writable);
    const entry = this.shared.host.ledger.establish({
      mm: this.mm,
      address: at,
      pfn,
      writable: permission,
      deviceAddress: address,
    });
    this.pages.set(address, { pfn, writable: permission, entry });
  }

  /** Nothing of `[start, end)` is reached any more. @locks segment.lock. @sleeps Never. */
  *drop(start: number, end: number): Routine<void> {
    const gone = this.inside(start, end);
    if (gone.length === 0) return;
    yield* steps.drop(this, start, end, gone);
    this.shared.stats.translations_dropped(gone.length);
  }

  /** @sleeps Never. */
  *zap(start: number, end: number): Routine<void> {
    for (const attachment of this.attachments) yield* attachment.zap(start, end);
  }

  flush(gone: readonly (readonly [number, SourcePage])[]): void {
    const { ledger } = this.shared.host;
    for (const [address, { entry }] of gone) {
      ledger.clear(entry);
      this.pages.delete(address);
    }
    ledger.flush();
  }

  /** Gives the references back, where there are any. */
  put(gone: readonly (readonly [number, SourcePage])[]): void {
    const { config, host, stats } = this.shared;
    if (config.coherence === 'recall') return;
    for (const [, { pfn }] of gone) host.pages.unpinPage(pfn);
    stats.pages_unpinned(gone.length);
  }

  holds(start: number, end: number): boolean {
    const { pages } = this;
    if ((end - start) / PAGE_SIZE > pages.size) {
      for (const address of pages.keys()) if (address >= start && address < end) return true;
      return false;
    }
    for (let address = start; address < end; address += PAGE_SIZE) if (pages.has(address)) return true;
    return false;
  }

  private inside(start: number, end: number): readonly (readonly [number, SourcePage])[] {
    const { pages } = this;
    if ((end - start) / PAGE_SIZE > pages.size)
      return [...pages].filter(([address]) => address >= start && address < end);
    const found: [number, SourcePage][] = [];
    for (let address = start; address < end; address += PAGE_SIZE) {
      const page = pages.get(address);
      if (page !== undefined) found.push([address, page]);
    }
    return found;
  }
}

/** Twins change them. */
export const steps = {
  *drop(table: PfnTable, start: number, end: number, gone: readonly (readonly [number, SourcePage])[]): Routine<void> {
    yield* table.zap(start, end);
    table.flush(gone);
    table.put(gone);
  },
  permission: (writable: boolean): boolean => writable,
};
