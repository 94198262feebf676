/**
 * Two small drivers with windows: one shows frames of its own (as GRU shows its contexts), one pages of another process,
 * without a pin (as XPMEM could). Each guard of the second can be left out, to see who catches the driver without it.
 */
import {
  type Device,
  type DeviceFaultResult,
  type DeviceVmaService,
  type DeviceWindow,
  type DeviceWindowOps,
  type DeviceWindowRequest,
  type Errno,
  type LedgerEntry,
  type MmHandle,
  type MmuNotifierOps,
  type NotifierSubscription,
  type Pfn,
  type PluginHost,
  type ProcessHandle,
  type Routine,
  type TranslationView,
  type UserPage,
  type VirtualAddress,
  definePlugin,
} from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { AREA, PAGE, p1, run } from './machine.ts';
import { TRAITS, pagesOf } from './spy.ts';

/** What is the same in both drivers. */
abstract class Driver implements Device {
  readonly host: PluginHost;
  readonly vmas: DeviceVmaService;
  readonly log: string[] = [];
  readonly windows: DeviceWindow[] = [];

  constructor(host: PluginHost) {
    this.host = host;
    this.vmas = host.deviceVmas as DeviceVmaService;
  }

  abstract detach(): Routine<void>;

  *open(_: ProcessHandle): Routine<Errno | undefined> {
    return undefined;
  }

  *access(): Routine<Errno> {
    return 'ENXIO';
  }

  *close(): Routine<void> {}

  translations(): Iterable<TranslationView> {
    return [];
  }

  take(): string[] {
    return this.log.splice(0);
  }

  protected *mapAs(request: DeviceWindowRequest, ops: DeviceWindowOps): Routine<DeviceWindow | Errno> {
    const window = yield* this.vmas.map(request, ops);
    if (typeof window !== 'string') this.windows.push(window);
    return window;
  }
}

/** A frame for each page, made by the first fault and freed when the page is unmapped. */
export class FrameDriver extends Driver {
  readonly frames: Map<number, Pfn> = new Map();
  /** Answers instead of a frame. */
  answer: DeviceFaultResult | undefined;

  window(mm: MmHandle, pages: number, request: Partial<DeviceWindowRequest> = {}): Routine<DeviceWindow | Errno> {
    const { log, frames, vmas } = this;
    const whole = { mm, name: '/dev/test', length: pages * PAGE, access: 'read-write', ...request } as const;
    const show = (window: DeviceWindow, address: VirtualAddress): Routine<DeviceFaultResult> =>
      this.show(window, address);
    return this.mapAs(whole, {
      *fault(window, address, write) {
        log.push(`${write ? 'write' : 'read'} ${pagesOf(address, address + PAGE)}`);
        return yield* show(window, address);
      },
      *unmapped(_, start, end) {
        log.push(`unmapped ${pagesOf(start, end)}`);
        for (let at: number = start; at < end; at += PAGE) {
          const pfn = frames.get(at);
          if (pfn !== undefined) vmas.freeFrame(pfn);
          frames.delete(at);
        }
      },
      *close() {
        log.push('close');
      },
    });
  }

  override *detach(): Routine<void> {
    for (const window of this.windows) yield* this.vmas.unmap(window);
  }

  private *show(window: DeviceWindow, address: VirtualAddress): Routine<DeviceFaultResult> {
    if (this.answer !== undefined) return this.answer;
    let pfn = this.frames.get(address);
    if (pfn === undefined) {
      const fresh = yield* this.vmas.allocateFrame();
      if (typeof fresh === 'string') return 'SIGBUS';
      // Another task may have been faster.
      const other = this.frames.get(address);
      if (other !== undefined) this.vmas.freeFrame(fresh);
      pfn = other ?? fresh;
      this.frames.set(address, pfn);
    }
    const failed = yield* this.vmas.insertPfn(window, address, { pfn, writable: true });
    return failed === undefined ? 'installed' : 'SIGBUS';
  }
}

/** What the driver of foreign pages does wrong. */
export type Flaw =
  'does not zap' | 'ignores start' | 'does not retry' | 'installs without its lock' | 'shows read-only pages writable';

interface Spte extends UserPage {
  readonly entry: LedgerEntry;
}

/** The pages of `source` from `at` on, in a window of another process. */
interface Attachment {
  readonly at: number;
  readonly window: DeviceWindow;
}

export class ForeignDriver extends Driver {
  private readonly flaw: Flaw | undefined;
  private readonly lock;
  private readonly quiet;
  private source: MmHandle | undefined;
  private gone = false;
  /** Pages that could not be had; the fault that asks next is told. */
  private readonly failed = new Set<number>();
  private subscription: NotifierSubscription | undefined;
  private readonly sptes = new Map<number, Spte>();
  private readonly attachments: Attachment[] = [];
  private invalidating = 0;
  private sequence = 0;

  constructor(host: PluginHost, flaw: Flaw | undefined) {
    super(host);
    this.flaw = flaw;
    this.lock = host.sync.spinLock('foreign.lock');
    this.quiet = host.sync.waitQueue('foreign.quiet');
  }

  override *open({ mm }: ProcessHandle): Routine<Errno | undefined> {
    if (mm === undefined) return 'ESRCH';
    this.source = mm;
    const subscription = yield* this.host.notifiers.register(mm, this.ops());
    if (typeof subscription === 'string') return subscription;
    this.subscription = subscription;
    return undefined;
  }

  *attachTo(mm: MmHandle, at: number, pages: number): Routine<DeviceWindow | Errno> {
    const driver = this.fault.bind(this);
    const { log } = this;
    const window = yield* this.mapAs(
      { mm, name: '/dev/foreign', length: pages * PAGE, access: 'read-write' },
      {
        fault: (window, address, write) => driver(window, at + (address - window.start), address, write),
        *unmapped(window, start, end) {
          log.push(`unmapped ${(start - window.start) / PAGE}+${(end - start) / PAGE}`);
        },
      },
    );
    if (typeof window !== 'string') this.attachments.push({ at, window });
    return window;
  }

  override *detach(): Routine<void> {
    for (const { window } of this.attachments) yield* this.vmas.unmap(window);
    if (this.subscription) yield* this.host.notifiers.unregister(this.subscription);
  }

  override *translations(): Iterable<TranslationView> {
    for (const [at, { pfn, writable }] of this.sptes) {
      const address = at as VirtualAddress;
      yield { mm: this.source as MmHandle, address, deviceAddress: at, pfn, writable };
    }
  }

  private *fault(
    window: DeviceWindow,
    at: number,
    address: VirtualAddress,
    write: boolean,
  ): Routine<DeviceFaultResult> {
    if (this.gone || this.failed.delete(at)) return 'SIGBUS';
    const locks = this.flaw !== 'installs without its lock';
    if (locks) yield* this.lock.acquire();
    const spte = this.sptes.get(at);
    let failed: Errno | undefined;
    if (spte && (!write || spte.writable)) {
      const { pfn, writable, entry } = spte;
      failed = yield* this.vmas.insertPfn(window, address, { pfn, writable, source: entry });
    }
    if (locks) this.lock.release();
    if (failed !== undefined) return 'SIGBUS';
    return spte && (!write || spte.writable) ? 'installed' : { retryAfter: this.fetch(at, write) };
  }

  /** No lock held: the source's mmapLock and its callbacks are free to come. */
  private *fetch(at: number, write: boolean): Routine<void> {
    const { source, flaw } = this;
    const retries = flaw !== 'does not retry';
    yield* this.quiet.waitUntil(() => this.invalidating === 0 || this.gone || !retries);
    const { sequence } = this;
    if (source === undefined || this.gone || !this.host.processes.getNotZero(source)) return;
    const page = yield* this.host.pages.getUserPage(source, at as VirtualAddress, { write, remote: true });
    if (typeof page !== 'string') {
      yield* this.lock.acquire();
      const lost = this.gone || this.invalidating > 0 || this.sequence !== sequence;
      if (!lost || !retries) yield* this.establish(source, at, page);
      this.lock.release();
      this.host.pages.putPage(page.pfn);
    } else this.failed.add(at);
    yield* this.host.processes.put(source);
  }

  private *establish(mm: MmHandle, at: number, { pfn, writable }: UserPage): Routine<void> {
    yield* this.drop(at, at + PAGE);
    const address = at as VirtualAddress;
    const permission = writable || this.flaw === 'shows read-only pages writable';
    const entry = this.host.ledger.establish({ mm, address, pfn, writable: permission, deviceAddress: at });
    this.sptes.set(at, { entry, pfn, writable: permission });
  }

  /** @locks The driver's. */
  private *drop(start: number, end: number): Routine<void> {
    for (const { at, window } of this.attachments) {
      const to = (va: number): VirtualAddress => (window.start + (va - at)) as VirtualAddress;
      if (this.flaw !== 'does not zap') yield* this.vmas.zap(window, to(start), to(end));
    }
    for (const [at, { entry }] of [...this.sptes]) {
      if (at < start || at >= end) continue;
      this.host.ledger.clear(entry);
      this.sptes.delete(at);
    }
    this.host.ledger.flush();
  }

  private ops(): MmuNotifierOps {
    const { flaw, lock, quiet } = this;
    const drop = (start: number, end: number): Routine<void> => this.drop(start, end);
    const moveOn = (by: number): void => {
      this.invalidating += by;
      if (by < 0) this.sequence++;
    };
    const forget = (): void => void (this.gone = true);
    return {
      *invalidateRangeStart({ start, end }) {
        yield* lock.acquire();
        moveOn(1);
        if (flaw !== 'ignores start') yield* drop(start, end);
        lock.release();
        return 'done';
      },
      *invalidateRangeEnd() {
        yield* lock.acquire();
        moveOn(-1);
        lock.release();
        quiet.wakeAll();
      },
      *release() {
        yield* lock.acquire();
        forget();
        yield* drop(0, Infinity);
        lock.release();
        quiet.wakeAll();
      },
    };
  }
}

function attach<D extends Driver>(machine: Machine, name: string, make: (host: PluginHost) => D, process: Process): D {
  const plugin = definePlugin({
    name,
    api: '^1.0.0',
    traits: { ...TRAITS, kind: 'foreign-ptes' },
    requires: ['device-vmas'],
    *attach(host): Routine<Device> {
      return make(host);
    },
  });
  const device = run(machine, machine.attach(name, plugin), process);
  run(machine, device.open(process.handle), process);
  return device as D;
}

export function frameDriver(machine: Machine): FrameDriver {
  return attach(machine, 'frames', (host) => new FrameDriver(host), p1(machine));
}

export function foreignDriver(machine: Machine, source: Process, flaw?: Flaw): ForeignDriver {
  return attach(machine, 'foreign', (host) => new ForeignDriver(host, flaw), source);
}

/** A window of frames in p1, at `AREA` unless told otherwise. */
export function windowIn(
  machine: Machine,
  driver: FrameDriver,
  pages: number,
  request: Partial<DeviceWindowRequest> = {},
): DeviceWindow {
  const mm = p1(machine).handle.mm as MmHandle;
  const window = run(machine, driver.window(mm, pages, { address: AREA as VirtualAddress, ...request }));
  if (typeof window === 'string') throw new Error(`map answered ${window}`);
  return window;
}
