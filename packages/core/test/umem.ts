/**
 * A small whole interval driver, in the manner of on-demand-paging memory regions: it watches the ranges that it was
 * given, and its faults follow the retry protocol. Each guard of it can be left out, to see who catches the driver
 * without it.
 */
import {
  type Device,
  type DeviceAccess,
  type DeviceAccessResult,
  type Errno,
  type IntervalNotifierService,
  type IntervalOps,
  type IntervalSubscription,
  type LedgerEntry,
  type MmHandle,
  type NotifierRange,
  type PluginHost,
  type Routine,
  type SecondaryMmuPlugin,
  type TranslationView,
  type UserPage,
  type VirtualAddress,
  definePlugin,
} from '@mmu-notifier/plugin-api';
import { AREA, PAGE } from './machine.ts';
import { TRAITS } from './spy.ts';

/** What the driver does wrong. */
export type UmemFlaw =
  | 'no setSeq where nothing is mapped'
  | 'setSeq outside the lock'
  | 'readRetry outside the lock'
  | 'readBegin after the look-up'
  | 'commits after dropping the lock'
  | 'removes under its lock'
  | 'refuses blockable windows'
  | 'sleeps in a non-blockable window'
  | 'never removes';

export interface UmemOptions {
  readonly flaw?: UmemFlaw;
  /** Pages from `AREA` on that it watches. */
  readonly pages?: number;
  /** Invalidates in two passes. */
  readonly passes?: 'one' | 'two';
}

interface Region {
  readonly mm: MmHandle;
  readonly sptes: Map<number, { readonly entry: LedgerEntry; readonly page: UserPage }>;
  readonly lock: ReturnType<PluginHost['sync']['mutex']>;
  interval?: IntervalSubscription;
}

export function umem(options: UmemOptions = {}): SecondaryMmuPlugin {
  return definePlugin({
    name: 'umem',
    api: '^1.1.0',
    requires: ['interval-notifiers'],
    traits: { ...TRAITS, registration: 'interval', callbacks: {}, nonBlockable: 'try-lock' },
    *attach(host): Routine<Device> {
      return new Umem(host, options);
    },
  });
}

export class Umem implements Device {
  readonly host: PluginHost;
  readonly intervals: IntervalNotifierService;
  readonly regions = new Map<string, Region>();
  private readonly flaw: UmemFlaw | undefined;
  private readonly length: number;
  private readonly passes: 'one' | 'two';

  constructor(host: PluginHost, { flaw, pages = 1024, passes = 'one' }: UmemOptions) {
    this.host = host;
    this.intervals = host.intervals as IntervalNotifierService;
    this.flaw = flaw;
    this.length = pages * PAGE;
    this.passes = passes;
  }

  *open(process: DeviceAccess['process']): Routine<Errno | undefined> {
    if (process.mm === undefined) return 'ESRCH';
    const lock = this.host.sync.mutex('umem.mutex');
    const region: Region = { mm: process.mm, sptes: new Map(), lock };
    const ops = this.opsOf(region);
    const interval = yield* this.intervals.insert(process.mm, AREA as VirtualAddress, this.length, ops);
    if (typeof interval === 'string') return interval;
    region.interval = interval;
    this.regions.set(process.name, region);
    return undefined;
  }

  *access({ process, address, kind, data }: DeviceAccess): Routine<DeviceAccessResult> {
    const region = this.regions.get(process.name);
    if (region === undefined) return 'ENODEV';
    const offset = address % PAGE;
    for (;;) {
      yield* region.lock.acquire();
      const spte = region.sptes.get(address - offset);
      const usable = spte !== undefined && (kind === 'load' || spte.page.writable) ? spte : undefined;
      if (usable && kind === 'load') this.host.ledger.load(usable.entry, offset, data.length, data, 0);
      else if (usable) this.host.ledger.store(usable.entry, offset, data.length, data, 0);
      region.lock.release();
      if (usable) return 'done';
      const failed = yield* this.fault(region, (address - offset) as VirtualAddress, kind === 'store');
      if (failed !== undefined) return failed;
    }
  }

  *close({ name }: DeviceAccess['process']): Routine<void> {
    const region = this.regions.get(name);
    this.regions.delete(name);
    if (region?.interval === undefined || this.flaw === 'never removes') return;
    if (this.flaw === 'removes under its lock') yield* region.lock.acquire();
    yield* this.intervals.remove(region.interval);
    if (this.flaw === 'removes under its lock') region.lock.release();
    this.drop(region, 0, Infinity);
  }

  *detach(): Routine<void> {
    for (const name of [...this.regions.keys()]) yield* this.close({ name, mm: undefined });
  }

  *translations(): Iterable<TranslationView> {
    for (const { mm, sptes } of this.regions.values()) {
      for (const [address, { page }] of sptes) {
        yield { mm, address: address as VirtualAddress, deviceAddress: address, ...page };
      }
    }
  }

  private *fault(region: Region, address: VirtualAddress, write: boolean): Routine<Errno | undefined> {
    const { mm } = region;
    const interval = region.interval as IntervalSubscription;
    const { processes, pages } = this.host;
    for (;;) {
      const late = this.flaw === 'readBegin after the look-up';
      let seq = late ? 0 : yield* this.intervals.readBegin(interval);
      if (!processes.getNotZero(mm)) return 'EFAULT';
      const page = yield* pages.getUserPage(mm, address, { write });
      if (late) seq = yield* this.intervals.readBegin(interval);
      const committed = typeof page === 'string' || (yield* this.commit(region, interval, address, page, seq));
      if (typeof page !== 'string') pages.putPage(page.pfn);
      yield* processes.put(mm);
      if (typeof page === 'string') return page;
      if (committed) return undefined;
    }
  }

  private *commit(
    region: Region,
    interval: IntervalSubscription,
    address: number,
    page: UserPage,
    seq: number,
  ): Routine<boolean> {
    const { intervals, flaw } = this;
    if (flaw === 'readRetry outside the lock' && intervals.readRetry(interval, seq)) return false;
    yield* region.lock.acquire();
    if (flaw !== 'readRetry outside the lock' && intervals.readRetry(interval, seq)) {
      region.lock.release();
      return false;
    }
    if (flaw === 'commits after dropping the lock') {
      region.lock.release();
      yield* this.host.sync.preempt('between the test and the commit');
      yield* region.lock.acquire();
    }
    this.drop(region, address, address + PAGE);
    const entry = this.host.ledger.establish({
      mm: region.mm,
      address: address as VirtualAddress,
      pfn: page.pfn,
      writable: page.writable,
      deviceAddress: address,
    });
    region.sptes.set(address, { entry, page });
    region.lock.release();
    return true;
  }

  private drop(region: Region, start: number, end: number): void {
    this.clear(region, start, end);
    this.host.ledger.flush();
  }

  private clear({ sptes }: Region, start: number, end: number): void {
    for (const [address, { entry }] of [...sptes]) {
      if (address < start || address >= end) continue;
      this.host.ledger.clear(entry);
      sptes.delete(address);
    }
  }

  private opsOf(region: Region): IntervalOps {
    if (this.passes === 'one') {
      return { invalidate: (interval, range, seq) => this.invalidate(region, interval, range, seq) };
    }
    const { host, intervals } = this;
    const clear = (start: number, end: number): void => this.clear(region, start, end);
    return {
      *invalidateStart(interval, { start, end, blockable }, seq) {
        if (!(yield* take(region, blockable))) return false;
        intervals.setSeq(interval, seq);
        clear(start, end);
        region.lock.release();
        return { start, end };
      },
      *invalidateFinish() {
        yield* host.sync.preempt('the hardware flushes');
        host.ledger.flush();
      },
    };
  }

  private *invalidate(
    region: Region,
    interval: IntervalSubscription,
    { start, end, blockable }: NotifierRange,
    seq: number,
  ): Routine<boolean> {
    const { flaw, intervals, host } = this;
    if (flaw === 'refuses blockable windows') return false;
    if (!(yield* take(region, blockable || flaw === 'sleeps in a non-blockable window'))) return false;
    const touched = [...region.sptes.keys()].some((address) => start <= address && address < end);
    const skips = flaw === 'no setSeq where nothing is mapped' && !touched;
    if (flaw !== 'setSeq outside the lock' && !skips) intervals.setSeq(interval, seq);
    this.drop(region, start, end);
    region.lock.release();
    if (flaw === 'setSeq outside the lock') {
      yield* host.sync.preempt('between the unlock and setSeq');
      intervals.setSeq(interval, seq);
    }
    return true;
  }
}

/** @returns whether the lock is held. */
function* take({ lock }: Region, sleeps: boolean): Routine<boolean> {
  if (!sleeps) return lock.tryAcquire();
  yield* lock.acquire();
  return true;
}
