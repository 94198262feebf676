/**
 * A TLB global handle (TGH): how software purges. Starting an operation does nothing yet; it is done when software has
 * waited for it. Real hardware may be quicker, and nobody may count on that.
 */
import type { Chiplet } from './chiplet.ts';

/** What to purge: pages of an ASID, or everything. */
export type Purge = { readonly asid: number; readonly page: number; readonly pages: number } | 'everything';

export class Tgh {
  private readonly chiplet: Chiplet;
  private pending: Purge | undefined;

  constructor(chiplet: Chiplet) {
    this.chiplet = chiplet;
  }

  get busy(): boolean {
    return this.pending !== undefined;
  }

  start(purge: Purge): void {
    this.pending = purge;
  }

  /** What software sees when it has polled the handle until it is idle. */
  complete(): void {
    const purge = this.pending;
    this.pending = undefined;
    if (purge === undefined) return;
    if (purge === 'everything') this.chiplet.purgeAll();
    else this.chiplet.purge(purge.asid, purge.page, purge.pages);
  }
}
