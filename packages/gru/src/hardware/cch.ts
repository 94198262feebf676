/**
 * A context configuration handle (CCH): the registers and the part of the data segment that a context has, and the ASID
 * that its addresses are tagged with.
 */
import type { SharedState } from '@mmu-notifier/plugin-api';
import type { Cbr } from './cbr.ts';

/** Where a miss goes: to the CPU's fault map with an interrupt, or to the process that polls its block. */
export type MissMode = 'interrupt' | 'user-polling';

export type CchState = 'INACTIVE' | 'MAPPED' | 'RUNNING';

/** The data segment as the process sees it in its window. */
export interface SegmentView {
  /** What the process stored. */
  pull(dsr: Uint8Array): void;
  /** What instructions left. */
  push(dsr: Uint8Array): void;
}

export class Cch {
  readonly ctxnum: number;
  private stateNow: CchState = 'INACTIVE';
  asid = 0;
  missMode: MissMode = 'interrupt';
  /** By number of the control block. */
  cbrs: readonly Cbr[] = [];
  dsr: Uint8Array = new Uint8Array(0);
  /** Where the process has a window: the same bytes, in frames that a CPU can map. */
  view: SegmentView | undefined;
  /** Of the chiplet. */
  private readonly shared: SharedState;

  constructor(ctxnum: number, shared: SharedState) {
    this.ctxnum = ctxnum;
    this.shared = shared;
  }

  get state(): CchState {
    this.shared.reads();
    return this.stateNow;
  }

  set state(state: CchState) {
    this.shared.changes();
    this.stateNow = state;
  }

  allocate(cbrs: readonly Cbr[], dsr: Uint8Array, missMode: MissMode): void {
    this.cbrs = cbrs;
    this.dsr = dsr;
    this.missMode = missMode;
    this.state = 'MAPPED';
  }

  start(asid: number): void {
    this.asid = asid;
    this.state = 'RUNNING';
    for (const { tfh, block } of this.cbrs) if (block !== undefined) tfh.activate(block, this.ctxnum);
  }

  /** Instructions stop between two steps. What is in the registers stays there. */
  stop(): void {
    if (this.state !== 'RUNNING') return;
    this.state = 'MAPPED';
    this.asid = 0;
    for (const { tfh } of this.cbrs) tfh.deactivate();
  }

  deallocate(): void {
    for (const cbr of this.cbrs) cbr.block = undefined;
    this.cbrs = [];
    this.dsr = new Uint8Array(0);
    this.view = undefined;
    this.state = 'INACTIVE';
  }
}
