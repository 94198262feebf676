/**
 * The TLB fault handle (TFH) of one control block register: a miss stops the block here, until software has answered.
 *
 * The rule that lets the driver do without a lock: **an answer is ignored when a purge has hit the miss since the handle
 * was read.** Software looks the page up in between, and a purge in between says that what it found may be gone. The
 * instruction is restarted all the same, and misses once more.
 *
 * A purge hits every miss of its ASID, whatever its range: a preload answers for pages other than the one that missed.
 * Each command names the miss that it answers (by the image that software read), so one that comes late, after the
 * context was unloaded and the register given to somebody else, does nothing at all. How real hardware tells them apart
 * is not published.
 */
import type { SharedState, Translation } from '@mmu-notifier/plugin-api';
import { Cause } from './cause.ts';
import type { ControlBlock } from './control-block.ts';
import type { Tlb } from './tlb.ts';

/** Why hardware missed. */
export const FaultCause = { TlbMiss: 1, TlbMod: 2 } as const;

/** `INACTIVE`: no context. `MISS_FMM`: the fault map says so. `MISS_UPM`: the process polls its block, and will call. */
export type TfhState = 'INACTIVE' | 'IDLE' | 'MISS_UPM' | 'MISS_FMM';

/** What software reads. */
export interface TfhImage {
  readonly status: 'IDLE' | 'EXCEPTION';
  readonly state: TfhState;
  /** Bits of {@link FaultCause}. */
  readonly cause: number;
  readonly missVaddr: number;
  readonly missAsid: number;
  readonly ctxnum: number;
  /** Which miss this is. */
  readonly miss: number;
  /** Purges that had hit it when it was read. */
  readonly purges: number;
}

export class Tfh {
  private stateNow: TfhState = 'INACTIVE';
  cause = 0;
  missVaddr = 0;
  missAsid = 0;
  ctxnum = 0;
  private miss = 0;
  private purges = 0;
  private block: ControlBlock | undefined;
  private readonly tlb: Tlb;
  /** Of the chiplet. */
  private readonly shared: SharedState;

  constructor(tlb: Tlb, shared: SharedState) {
    this.tlb = tlb;
    this.shared = shared;
  }

  get state(): TfhState {
    this.shared.reads();
    return this.stateNow;
  }

  set state(state: TfhState) {
    this.shared.changes();
    this.stateNow = state;
  }

  /** Whether it holds a miss that software has to answer. */
  get missed(): boolean {
    const { state } = this;
    return state === 'MISS_FMM' || state === 'MISS_UPM';
  }

  /** The register has a context. */
  activate(block: ControlBlock, ctxnum: number): void {
    this.block = block;
    this.ctxnum = ctxnum;
    this.state = 'IDLE';
  }

  /** The register has none any more; a miss is forgotten, and will happen again where the block is loaded next. */
  deactivate(): void {
    if (this.block?.istatus === 'CALL_OS') this.block.become('ACTIVE');
    this.block = undefined;
    this.state = 'INACTIVE';
    this.miss++;
  }

  raise(state: 'MISS_FMM' | 'MISS_UPM', cause: number, vaddr: number, asid: number): void {
    this.miss++;
    this.purges = 0;
    this.state = state;
    this.cause = cause;
    this.missVaddr = vaddr;
    this.missAsid = asid;
    if (state === 'MISS_UPM') this.block?.become('CALL_OS');
  }

  /** A purge of `asid`. */
  purged(asid: number): void {
    if (!this.missed || this.missAsid !== asid) return;
    this.shared.changes();
    this.purges++;
  }

  read(): TfhImage {
    const { state, cause, missVaddr, missAsid, ctxnum, miss, purges } = this;
    const status = this.missed ? 'EXCEPTION' : 'IDLE';
    return { status, state, cause, missVaddr, missAsid, ctxnum, miss, purges };
  }

  /** Drops an entry in and restarts the instruction. @returns whether the entry was taken. */
  writeRestart(image: TfhImage, translation: Translation): boolean {
    if (!this.answers(image)) return false;
    const taken = this.writeOnly(image, translation);
    this.restart(image);
    return taken;
  }

  /** Drops an entry in and goes on waiting. @returns whether it was taken. */
  writeOnly(image: TfhImage, translation: Translation): boolean {
    if (!this.answers(image) || !this.unpurged(image)) return false;
    this.tlb.fill(this.missAsid, translation);
    return true;
  }

  restart(image: TfhImage): void {
    if (!this.answers(image)) return;
    this.state = 'IDLE';
    this.block?.become('ACTIVE');
  }

  /** There is no page: the instruction ends with `OS_FATAL_TLB_FAULT`. */
  exception(image: TfhImage): void {
    if (!this.answers(image)) return;
    this.state = 'IDLE';
    this.block?.fail(Cause.OsFatalTlbFault, this.missVaddr);
  }

  /** Hands the miss to the process. */
  userPollingMode(image: TfhImage): void {
    if (!this.answers(image) || this.state !== 'MISS_FMM') return;
    this.state = 'MISS_UPM';
    this.block?.become('CALL_OS');
  }

  /** The rule. */
  unpurged(image: TfhImage): boolean {
    return image.purges === this.purges;
  }

  private answers(image: TfhImage): boolean {
    return this.missed && image.miss === this.miss;
  }
}
