/**
 * What the driver keeps of one chiplet: which of its contexts, registers and pieces of data segment are given out, its
 * ASIDs, and the handles that purge it. Mirrors `struct gru_state`.
 */
import type { PluginHost, Routine, SpinLock } from '@mmu-notifier/plugin-api';
import { assertHeld } from '../assert.ts';
import type { Cbr } from '../hardware/cbr.ts';
import { Chiplet } from '../hardware/chiplet.ts';
import { ExecutionUnit } from '../hardware/execute.ts';
import { CBRS, CBR_UNIT, CONTEXTS, DSR_BYTES, DSR_UNIT, TGHS } from '../hardware/geometry.ts';
import { Tgh } from '../hardware/tgh.ts';
import type { Purge } from '../hardware/tgh.ts';
import type { GruConfig } from '../options.ts';
import { AsidAllocator } from './asid.ts';
import type { Gts } from './gts.ts';

/** What a context is given of a chiplet. */
export interface Reservation {
  readonly ctxnum: number;
  readonly cbrs: readonly Cbr[];
  readonly dsr: Uint8Array;
}

interface LockedTgh {
  readonly lock: SpinLock;
  readonly tgh: Tgh;
}

export class GruState {
  readonly gid: number;
  readonly chiplet: Chiplet;
  readonly unit: ExecutionUnit;
  readonly lock: SpinLock;
  readonly asidLock: SpinLock;
  /** @locks asidLock. */
  readonly asids: AsidAllocator;
  /** By context number. @locks lock. */
  readonly contexts: (Gts | undefined)[] = new Array<Gts | undefined>(CONTEXTS).fill(undefined);
  /** Which pairs of CBRs, and which pieces of data segment, are given out. @locks lock. */
  private readonly cbrUnits: Uint8Array = new Uint8Array(CBRS / CBR_UNIT);
  private readonly dsrUnits: Uint8Array = new Uint8Array(DSR_BYTES / DSR_UNIT);
  private readonly host: PluginHost;
  private readonly tghs: LockedTgh[] = [];
  private purges = 0;

  constructor(host: PluginHost, gid: number, config: GruConfig) {
    const owner = `${host.deviceName}.gru${gid}`;
    this.host = host;
    this.gid = gid;
    this.chiplet = new Chiplet(host.ledger, config.tlbEntries, host.sync.sharedState(`${owner}.chiplet`));
    this.unit = new ExecutionUnit(this.chiplet, host.ledger);
    this.lock = host.sync.spinLock(`${owner}.lock`);
    this.asidLock = host.sync.spinLock(`${owner}.asidLock`);
    this.asids = new AsidAllocator(config.maxAsid);
  }

  /** Room for a context; `undefined` where there is none. @locks lock held. @sleeps Never. */
  reserve(gts: Gts): Reservation | undefined {
    assertHeld(this.lock, 'gru.lock');
    this.chiplet.state.changes();
    const ctxnum = this.contexts.indexOf(undefined);
    const { controlBlocks, dataSegmentBytes } = gts.config;
    const cbrs = freeUnits(this.cbrUnits, controlBlocks / CBR_UNIT);
    const dsrUnits = dataSegmentBytes / DSR_UNIT;
    const dsr = freeRun(this.dsrUnits, dsrUnits);
    if (ctxnum < 0 || cbrs === undefined || dsr < 0) return undefined;
    this.contexts[ctxnum] = gts;
    for (const unit of cbrs) this.cbrUnits[unit] = 1;
    this.dsrUnits.fill(1, dsr, dsr + dsrUnits);
    return {
      ctxnum,
      cbrs: cbrs.flatMap((unit) => this.chiplet.cbrs.slice(unit * CBR_UNIT, (unit + 1) * CBR_UNIT)),
      dsr: this.chiplet.dsr.subarray(dsr * DSR_UNIT, (dsr + dsrUnits) * DSR_UNIT),
    };
  }

  /** @locks lock held. @sleeps Never. */
  free({ ctxnum, cbrs, dsr }: Reservation): void {
    assertHeld(this.lock, 'gru.lock');
    this.chiplet.state.changes();
    this.contexts[ctxnum] = undefined;
    for (const { number } of cbrs) this.cbrUnits[Math.floor(number / CBR_UNIT)] = 0;
    const first = dsr.byteOffset / DSR_UNIT;
    this.dsrUnits.fill(0, first, first + dsr.length / DSR_UNIT);
  }

  /** `purge` where nobody could come between its start and its end. @returns whether it is done. @sleeps Never. */
  purgeNow(asid: number, page: number, pages: number): boolean {
    if (this.host.sync.preemptive) return false;
    this.chiplet.purge(asid, page, pages);
    return true;
  }

  /** Purges through a handle, and waits for it. @locks Takes the handle's. @sleeps Never: it polls. */
  *purge(purge: Purge): Routine<void> {
    const { lock, tgh } = this.nextTgh();
    if (!lock.acquireNow()) yield* lock.acquire();
    tgh.start(purge);
    if (this.host.sync.preemptive) yield* this.host.sync.preempt('gru: wait for the purge', 'declared');
    tgh.complete();
    lock.release();
  }

  /** Registers and pieces of data segment that are given out, for invariants. */
  get givenOut(): { readonly cbrs: number; readonly dsrBytes: number } {
    this.chiplet.state.reads();
    const sum = (units: Uint8Array): number => units.reduce((total, unit) => total + unit, 0);
    return { cbrs: sum(this.cbrUnits) * CBR_UNIT, dsrBytes: sum(this.dsrUnits) * DSR_UNIT };
  }

  /** CPUs have handles of their own in Linux; here they take turns. */
  private nextTgh(): LockedTgh {
    this.chiplet.state.changes();
    const number = this.purges++ % TGHS;
    let handle = this.tghs[number];
    if (handle === undefined) {
      const lock = this.host.sync.spinLock(`${this.host.deviceName}.gru${this.gid}.tgh`);
      this.tghs[number] = handle = { lock, tgh: new Tgh(this.chiplet) };
    }
    return handle;
  }
}

/** The first `count` units that are free, wherever they lie. */
function freeUnits(units: Uint8Array, count: number): readonly number[] | undefined {
  const free: number[] = [];
  for (let unit = 0; unit < units.length && free.length < count; unit++) if (units[unit] === 0) free.push(unit);
  return free.length === count ? free : undefined;
}

/** The first of `count` free neighbours, -1 where there are none. */
function freeRun(units: Uint8Array, count: number): number {
  for (let first = 0, length = 0; first + length < units.length;) {
    if (units[first + length] === 0) {
      if (++length === count) return first;
    } else {
      first += length + 1;
      length = 0;
    }
  }
  return -1;
}
