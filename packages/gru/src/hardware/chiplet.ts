/**
 * One chiplet: what silicon has, and nothing that software remembers. A miss sets the register's bit in the TLB fault
 * map (TFM) of the CPU that serves the chiplet, and interrupts it.
 */
import type { LedgerService } from '@mmu-notifier/plugin-api';
import type { Cbr } from './cbr.ts';
import { Cch } from './cch.ts';
import { CBRS, CONTEXTS, DSR_BYTES, MAX_PURGE_PAGES } from './geometry.ts';
import { Tfh } from './tfh.ts';
import { Tlb } from './tlb.ts';

export class Chiplet {
  readonly tlb: Tlb;
  readonly cchs: readonly Cch[];
  readonly cbrs: readonly Cbr[];
  readonly dsr: Uint8Array = new Uint8Array(DSR_BYTES);
  /** Set by the driver: the line to the CPU. */
  interrupt: () => void = () => undefined;
  /** The TFM: registers whose fault bit is set. */
  private faultMap: Cbr[] = [];

  constructor(ledger: LedgerService, tlbEntries: number) {
    this.tlb = new Tlb(ledger, tlbEntries);
    this.cchs = Array.from({ length: CONTEXTS }, (_, ctxnum) => new Cch(ctxnum));
    this.cbrs = Array.from({ length: CBRS }, (_, number) => ({ number, tfh: new Tfh(this.tlb), block: undefined }));
  }

  /** The register missed in a context that has its misses announced. */
  announce(cbr: Cbr): void {
    this.faultMap.push(cbr);
    this.interrupt();
  }

  /** Reads the fault map and clears it. */
  takeFaults(): readonly Cbr[] {
    const faults = this.faultMap;
    this.faultMap = [];
    return faults;
  }

  purge(asid: number, page: number, pages: number): void {
    if (pages >= MAX_PURGE_PAGES) this.tlb.purgeAsid(asid);
    else this.tlb.purge(asid, page, pages);
    this.cancel(asid);
  }

  purgeAll(): void {
    this.tlb.purgeAll();
    for (const { tfh } of this.cbrs) tfh.purged(tfh.missAsid);
  }

  private cancel(asid: number): void {
    for (const { asid: running, cbrs } of this.cchs) {
      if (running !== asid) continue;
      for (const { tfh } of cbrs) tfh.purged(asid);
    }
  }
}
