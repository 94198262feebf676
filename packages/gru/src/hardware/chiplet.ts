/**
 * One chiplet: what silicon has, and nothing that software remembers. A miss sets the register's bit in the TLB fault
 * map (TFM) of the CPU that serves the chiplet, and interrupts it.
 */
import type { LedgerService, SharedState } from '@mmu-notifier/plugin-api';
import type { Cbr } from './cbr.ts';
import { Cch } from './cch.ts';
import { CBRS, CONTEXTS, DSR_BYTES, MAX_PURGE_PAGES } from './geometry.ts';
import { Tfh } from './tfh.ts';
import { Tlb } from './tlb.ts';

export class Chiplet {
  /** All of it, as tasks use it without a lock in common. */
  readonly state: SharedState;
  readonly tlb: Tlb;
  readonly cchs: readonly Cch[];
  readonly cbrs: readonly Cbr[];
  readonly dsr: Uint8Array = new Uint8Array(DSR_BYTES);
  /** Set by the driver: the line to the CPU. */
  interrupt: () => void = () => undefined;
  /** The TFM: registers whose fault bit is set. */
  private faultMap: Cbr[] = [];

  constructor(ledger: LedgerService, tlbEntries: number, state: SharedState) {
    this.state = state;
    this.tlb = new Tlb(ledger, tlbEntries, state);
    this.cchs = Array.from({ length: CONTEXTS }, (_, ctxnum) => new Cch(ctxnum, state));
    this.cbrs = Array.from({ length: CBRS }, (_, number) => ({
      number,
      tfh: new Tfh(this.tlb, state),
      block: undefined,
    }));
  }

  /** The register missed in a context that has its misses announced. */
  announce(cbr: Cbr): void {
    this.state.changes();
    this.faultMap.push(cbr);
    this.interrupt();
  }

  /** Reads the fault map and clears it. */
  takeFaults(): readonly Cbr[] {
    this.state.changes();
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
