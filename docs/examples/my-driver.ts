/**
 * The smallest whole driver: a device that reaches the pages of a process through translations of its own. It pins
 * nothing, and an MMU notifier keeps it coherent. `docs/writing-a-driver.md` explains it step by step.
 */
import { PAGE_SIZE, definePlugin, isErrno, virtualAddress } from '@mmu-notifier/plugin-api';
import type {
  Device,
  DeviceAccess,
  DeviceAccessResult,
  Errno,
  LedgerEntry,
  MmHandle,
  NotifierRange,
  NotifierSubscription,
  Pfn,
  PluginHost,
  ProcessHandle,
  Routine,
  SpinLock,
  TranslationView,
  WaitQueue,
} from '@mmu-notifier/plugin-api';

/** One page that the device can reach. */
interface Translation {
  readonly pfn: Pfn;
  readonly writable: boolean;
  readonly entry: LedgerEntry;
}

/** What the device knows of one address space. */
interface Mirror {
  readonly mm: MmHandle;
  /** Guards everything below. A callback takes it, so nothing that sleeps runs under it. */
  readonly lock: SpinLock;
  /** By the address of the page. */
  readonly pages: Map<number, Translation>;
  /** Invalidations between their start and their end. */
  windows: number;
  /** Invalidations that have ended. */
  seq: number;
  /** The address space is going: no fault succeeds any more. */
  released: boolean;
  /** Woken when no window is open. */
  readonly closed: WaitQueue;
  subscription?: NotifierSubscription;
}

class MyDevice implements Device {
  private readonly host: PluginHost;
  private readonly mirrors = new Map<string, Mirror>();

  constructor(host: PluginHost) {
    this.host = host;
  }

  /** Registers last: a callback may come before `register` has returned. */
  *open({ name, mm }: ProcessHandle): Routine<Errno | undefined> {
    if (mm === undefined) return 'ESRCH';
    if (this.mirrors.has(name)) return 'EEXIST';
    const { sync, notifiers } = this.host;
    const mirror: Mirror = {
      mm,
      lock: sync.spinLock('my-device lock'),
      pages: new Map(),
      windows: 0,
      seq: 0,
      released: false,
      closed: sync.waitQueue('my-device windows'),
    };
    const subscription = yield* notifiers.register(mm, {
      invalidateRangeStart: (range) => this.start(mirror, range),
      invalidateRangeEnd: () => this.end(mirror),
      release: () => this.release(mirror),
    });
    if (isErrno(subscription)) return subscription;
    mirror.subscription = subscription;
    this.mirrors.set(name, mirror);
    return undefined;
  }

  /** What the hardware does with an address: translate, and where it cannot, fault and try again. */
  *access({ process, space, address, kind, data }: DeviceAccess): Routine<DeviceAccessResult> {
    const mirror = this.mirrors.get(process.name);
    if (mirror === undefined || mirror.mm !== process.mm) return 'EIO';
    if (space !== 'process') return 'EINVAL';
    let done = 0;
    while (done < data.length) {
      const offset = (address + done) % PAGE_SIZE;
      const page = address + done - offset;
      const length = Math.min(PAGE_SIZE - offset, data.length - done);
      const found = mirror.pages.get(page);
      if (found === undefined || (kind === 'store' && !found.writable)) {
        const error = yield* this.fault(mirror, page, kind);
        if (error !== undefined) return error;
        continue;
      }
      if (kind === 'load') this.host.ledger.load(found.entry, offset, length, data, done);
      else this.host.ledger.store(found.entry, offset, length, data, done);
      done += length;
    }
    return 'done';
  }

  /** Unregistering runs `release`, and no callback comes after it. */
  *close({ name }: ProcessHandle): Routine<void> {
    const mirror = this.mirrors.get(name);
    if (mirror?.subscription === undefined) return;
    yield* this.host.notifiers.unregister(mirror.subscription);
    this.mirrors.delete(name);
  }

  *detach(): Routine<void> {
    for (const [name, { mm }] of [...this.mirrors]) yield* this.close({ name, mm });
  }

  *translations(): Iterable<TranslationView> {
    for (const { mm, pages } of this.mirrors.values()) {
      for (const [page, { pfn, writable }] of pages) {
        yield { mm, address: virtualAddress(page), deviceAddress: page, pfn, writable };
      }
    }
  }

  /** Gets the page with no lock held, then installs it under the lock, unless an invalidation came in between. */
  private *fault(mirror: Mirror, page: number, kind: 'load' | 'store'): Routine<Errno | undefined> {
    const { processes, pages } = this.host;
    for (;;) {
      const { seq } = mirror;
      // Without a user of its own, the address space could be torn down while the page is looked up.
      if (!processes.getNotZero(mirror.mm)) return 'EFAULT';
      const got = yield* pages.getUserPage(mirror.mm, virtualAddress(page), { write: kind === 'store' });
      yield* processes.put(mirror.mm);
      if (isErrno(got)) return got;
      yield* mirror.lock.acquire();
      const stale = mirror.windows > 0 || mirror.seq !== seq;
      if (!stale && !mirror.released) this.install(mirror, page, got.pfn, kind === 'store');
      mirror.lock.release();
      // The translation holds no reference: the notifier keeps it true.
      pages.putPage(got.pfn);
      if (mirror.released) return 'EFAULT';
      if (!stale) return undefined;
      yield* mirror.closed.waitUntil(() => mirror.windows === 0 || mirror.released);
    }
  }

  /** Writable only for a store: getting the page for writing has marked its pte dirty. @locks mirror.lock held. */
  private install(mirror: Mirror, page: number, pfn: Pfn, writable: boolean): void {
    this.drop(mirror, page, page + PAGE_SIZE);
    const address = virtualAddress(page);
    const entry = this.host.ledger.establish({ mm: mirror.mm, address, pfn, writable, deviceAddress: page });
    mirror.pages.set(page, { pfn, writable, entry });
  }

  /** Forgets the pages of `[start, end)` and flushes the device's TLB. @locks mirror.lock held. */
  private drop(mirror: Mirror, start: number, end: number): void {
    for (const [page, { entry }] of mirror.pages) {
      if (page < start || page >= end) continue;
      this.host.ledger.clear(entry);
      mirror.pages.delete(page);
    }
    this.host.ledger.flush();
  }

  private *start(mirror: Mirror, range: NotifierRange): Routine<'done'> {
    yield* mirror.lock.acquire();
    mirror.windows++;
    this.drop(mirror, range.start, range.end);
    mirror.lock.release();
    return 'done';
  }

  private *end(mirror: Mirror): Routine<void> {
    yield* mirror.lock.acquire();
    mirror.seq++;
    mirror.windows--;
    if (mirror.windows === 0) mirror.closed.wakeAll();
    mirror.lock.release();
  }

  private *release(mirror: Mirror): Routine<void> {
    yield* mirror.lock.acquire();
    mirror.released = true;
    this.drop(mirror, 0, Infinity);
    // The end of a window that is open now may never come.
    mirror.closed.wakeAll();
    mirror.lock.release();
  }
}

export default () =>
  definePlugin({
    name: 'my-device',
    api: '^1.0.0',
    traits: {
      kind: 'sptes',
      registration: 'mm',
      callbacks: { invalidateRangeStart: 'atomic', invalidateRangeEnd: 'atomic', release: 'atomic' },
      nonBlockable: 'proceeds',
      pins: 'none',
      invalidateAt: 'start',
      faultMode: 'as-asked',
      dirty: 'at-map',
      pageSizes: [PAGE_SIZE],
      addressSpaces: 'several',
    },
    *attach(host: PluginHost): Routine<Device> {
      return new MyDevice(host);
    },
  });
