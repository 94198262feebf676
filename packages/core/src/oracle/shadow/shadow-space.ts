/** What one address space must hold: what its ranges show, and the private pages that were written. */
import { MappingTable } from './mapping-table.ts';
import { ShadowPage } from './shadow-page.ts';

/** A range whose contents change now: whoever accesses it meanwhile may see either. */
interface Change {
  readonly start: number;
  readonly end: number;
  /** Pages that were stored to meanwhile. */
  readonly stored: Set<number>;
}

const NO_CHANGES: readonly Change[] = [];

export class ShadowSpace {
  readonly mappings: MappingTable = new MappingTable();
  /** Private pages, by virtual page number. */
  readonly pages: Map<number, ShadowPage> = new Map();
  readonly changes: Change[] = [];
  /** Forks under way, with the pages that were stored to meanwhile. */
  readonly forks: { readonly child: number; readonly stored: Set<number> }[] = [];

  begin(start: number, end: number): void {
    this.changes.push({ start, end, stored: new Set() });
  }

  /** The changes that cover the page. What a shared mapping shows is its file's, and does not change. */
  changesAt(vpn: number): readonly Change[] {
    if (this.changes.length === 0 || this.mappings.at(vpn * 4096)?.shared === true) return NO_CHANGES;
    return this.changes.filter(({ start, end }) => vpn * 4096 >= start && vpn * 4096 < end);
  }

  /** Ends one change of `[start, end)`: others of other tasks go on. @returns the pages stored to meanwhile. */
  endOne(start: number, end: number): number[] {
    const at = this.changes.findIndex((change) => change.start === start && change.end === end);
    return at < 0 ? [] : this.changes.splice(at, 1).flatMap(({ stored }) => [...stored]);
  }

  /** Ends all changes inside `[start, end)`: no other task changes anything there. @returns the pages stored to. */
  end(start: number, end: number): number[] {
    const stored: number[] = [];
    for (let i = this.changes.length - 1; i >= 0; i--) {
      const change = this.changes[i];
      if (change.start < start || change.end > end) continue;
      stored.push(...change.stored);
      this.changes.splice(i, 1);
    }
    return stored;
  }

  /** Private pages with numbers in `[first, behind)`: costs what is present. */
  numbersInside(first: number, behind: number): number[] {
    if (behind - first > this.pages.size) return [...this.pages.keys()].filter((vpn) => vpn >= first && vpn < behind);
    const numbers: number[] = [];
    for (let vpn = first; vpn < behind; vpn++) if (this.pages.has(vpn)) numbers.push(vpn);
    return numbers;
  }

  drop(start: number, end: number): void {
    for (const vpn of this.numbersInside(start / 4096, end / 4096)) this.dropPage(vpn);
  }

  dropPage(vpn: number): void {
    const page = this.pages.get(vpn);
    if (page === undefined) return;
    page.sharers--;
    this.pages.delete(vpn);
  }

  /** Nobody knows what these pages hold, until somebody looks. */
  forget(vpns: readonly number[]): void {
    for (const vpn of vpns) {
      this.dropPage(vpn);
      this.pages.set(vpn, ShadowPage.unknown());
    }
  }
}
