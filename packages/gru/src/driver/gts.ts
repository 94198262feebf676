/**
 * A context: what one GSEG of a process is to the driver. Its control blocks and data segment live on a chiplet while it
 * is loaded, and in memory otherwise. Mirrors `struct gru_thread_state`.
 */
import type { Mutex, SharedState, WaitQueue } from '@mmu-notifier/plugin-api';
import type { Cbr } from '../hardware/cbr.ts';
import type { Cch } from '../hardware/cch.ts';
import { ControlBlock } from '../hardware/control-block.ts';
import type { ContextConfig } from '../options.ts';
import type { Gms } from './gms.ts';
import type { GruState, Reservation } from './gru-state.ts';
import type { GsegWindow } from './gseg-window.ts';
import type { GruShared } from './shared.ts';

/** Counters of one GSEG. */
export interface GsegStatistics {
  fmmTlbmiss: number;
  upmTlbmiss: number;
  tlbdropin: number;
  contextStolen: number;
}

export class Gts {
  /** The process that opened it, and its number there. */
  readonly process: string;
  readonly number: number;
  readonly gms: Gms;
  readonly ctxlock: Mutex;
  /** Whoever of the process polls a control block. */
  readonly blockQueue: WaitQueue;
  readonly blocks: readonly ControlBlock[];
  readonly statistics: GsegStatistics = { fmmTlbmiss: 0, upmTlbmiss: 0, tlbdropin: 0, contextStolen: 0 };
  /** What tasks use of it without a lock in common: where it is, whether it is closed, its blocks. */
  readonly state: SharedState;
  /** The home blade, where nothing else was asked for. */
  readonly homeBlade: number;
  private readonly saved: Uint8Array;
  private configNow: ContextConfig;
  private gruNow: GruState | undefined;
  private reserved: Reservation | undefined;
  private closedNow = false;
  private windowNow: GsegWindow | undefined;
  private stolen: number = -Infinity;

  constructor(shared: GruShared, process: string, number: number, gms: Gms, config: ContextConfig, homeBlade: number) {
    const { sync, deviceName } = shared.host;
    const owner = `${deviceName}.${process}.${number}`;
    this.process = process;
    this.number = number;
    this.gms = gms;
    this.configNow = config;
    this.state = sync.sharedState(`${owner}.state`);
    this.homeBlade = homeBlade;
    this.ctxlock = sync.mutex(`${owner}.ctxlock`);
    this.blockQueue = sync.waitQueue(`${owner}.blocks`);
    this.blocks = Array.from(
      { length: config.controlBlocks },
      (_, block) => new ControlBlock(block, this.state, () => this.show(block)),
    );
    this.saved = new Uint8Array(config.dataSegmentBytes);
  }

  get config(): ContextConfig {
    this.state.reads();
    return this.configNow;
  }

  set config(config: ContextConfig) {
    this.state.changes();
    this.configNow = config;
  }

  /** Where it is loaded. @locks ctxlock. */
  get gru(): GruState | undefined {
    this.state.reads();
    return this.gruNow;
  }

  set gru(gru: GruState | undefined) {
    this.state.changes();
    this.gruNow = gru;
  }

  /** What it has there. @locks ctxlock. */
  get reservation(): Reservation | undefined {
    this.state.reads();
    return this.reserved;
  }

  set reservation(reservation: Reservation | undefined) {
    this.state.changes();
    this.reserved = reservation;
  }

  get closed(): boolean {
    this.state.reads();
    return this.closedNow;
  }

  set closed(closed: boolean) {
    this.state.changes();
    this.closedNow = closed;
  }

  /** Its GSEG in the process, where one is mapped. @locks Changed under ctxlock. */
  get window(): GsegWindow | undefined {
    this.state.reads();
    return this.windowNow;
  }

  set window(window: GsegWindow | undefined) {
    this.state.changes();
    this.windowNow = window;
  }

  /** Virtual time of the last theft. */
  get stolenAt(): number {
    this.state.reads();
    return this.stolen;
  }

  set stolenAt(now: number) {
    this.state.changes();
    this.stolen = now;
  }

  get cch(): Cch | undefined {
    return this.reservation === undefined ? undefined : this.gru?.chiplet.cchs[this.reservation.ctxnum];
  }

  /** Whether hardware executes its instructions now. */
  get loaded(): boolean {
    return this.cch?.state === 'RUNNING';
  }

  /** Bytes of the data segment, wherever it is now. */
  readSegment(offset: number, length: number): Uint8Array {
    this.state.reads();
    const { cch } = this;
    if (cch === undefined || cch.state === 'INACTIVE') return this.saved.subarray(offset, offset + length);
    cch.view?.pull(cch.dsr);
    return cch.dsr.subarray(offset, offset + length);
  }

  writeSegment(offset: number, bytes: Uint8Array): void {
    this.state.changes();
    const { cch } = this;
    if (cch === undefined || cch.state === 'INACTIVE') {
      this.saved.set(bytes, offset);
      return;
    }
    cch.view?.pull(cch.dsr);
    cch.dsr.set(bytes, offset);
    cch.view?.push(cch.dsr);
  }

  /** Whoever polls a block sees it change. */
  private show(block: number): void {
    this.window?.showStatus(block);
    this.blockQueue.wakeAll();
  }

  /** The register of a block, while it is loaded. */
  cbrOf(block: ControlBlock): Cbr {
    return this.reservation?.cbrs[block.number] as Cbr;
  }

  /** Its part of the data segment, so that blocks do not get in each other's way. */
  dsrOf(block: ControlBlock): { readonly offset: number; readonly bytes: number } {
    const bytes = Math.floor(this.config.dataSegmentBytes / this.config.controlBlocks);
    return { offset: block.number * bytes, bytes };
  }

  /** The image moves into the registers. */
  restore(cch: Cch): void {
    cch.dsr.set(this.saved);
    cch.view = this.window;
    this.window?.load(cch.dsr);
    this.blocks.forEach((block) => {
      this.cbrOf(block).block = block;
    });
  }

  /** The image moves out of them. */
  save(cch: Cch): void {
    this.window?.unload(cch.dsr);
    this.saved.set(cch.dsr);
  }
}
