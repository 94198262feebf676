/**
 * A small whole driver: translations of its own, dropped at start, made again after the retry test. Each guard of it can
 * be left out, to see who catches the driver without it.
 */
import {
  type Device,
  type DeviceAccess,
  type DeviceAccessResult,
  type Errno,
  type LedgerEntry,
  type MmHandle,
  type MmuNotifierOps,
  type NotifierSubscription,
  type PluginHost,
  type Routine,
  type SecondaryMmuPlugin,
  type TranslationView,
  type UserPage,
  type VirtualAddress,
  definePlugin,
} from '@mmu-notifier/plugin-api';
import { PAGE } from './machine.ts';
import { TRAITS } from './spy.ts';

/** What the driver does wrong. */
export type Flaw =
  | 'ignores start'
  | 'does not flush'
  | 'does not retry'
  | 'does not drop at release'
  | 'stores through any translation'
  | 'maps writable whatever the pte says'
  | 'sleeps in clearFlushYoung'
  | 'sleeps under a spinlock in start'
  | 'refuses every start'
  | 'ends with its lock held'
  | 'keeps its page references';

interface Spte extends UserPage {
  readonly entry: LedgerEntry;
}

interface Context {
  readonly mm: MmHandle;
  readonly sptes: Map<number, Spte>;
  invalidating: number;
  sequence: number;
  gone: boolean;
  subscription?: NotifierSubscription;
}

export function mirror(flaw?: Flaw): SecondaryMmuPlugin {
  return definePlugin({
    name: 'mirror',
    api: '^1.0.0',
    traits: TRAITS,
    *attach(host): Routine<Device> {
      return new Mirror(host, flaw);
    },
  });
}

class Mirror implements Device {
  private readonly host: PluginHost;
  private readonly flaw: Flaw | undefined;
  private readonly lock;
  private readonly mutex;
  private readonly quiet;
  private readonly contexts = new Map<string, Context>();

  constructor(host: PluginHost, flaw: Flaw | undefined) {
    this.host = host;
    this.flaw = flaw;
    this.lock = host.sync.spinLock('mirror.lock');
    this.mutex = host.sync.mutex('mirror.mutex');
    this.quiet = host.sync.waitQueue('mirror.quiet');
  }

  *open(process: DeviceAccess['process']): Routine<Errno | undefined> {
    if (process.mm === undefined) return 'ESRCH';
    const context: Context = { mm: process.mm, sptes: new Map(), invalidating: 0, sequence: 0, gone: false };
    const subscription = yield* this.host.notifiers.register(process.mm, this.opsOf(context));
    if (typeof subscription === 'string') return subscription;
    context.subscription = subscription;
    this.contexts.set(process.name, context);
    return undefined;
  }

  *access({ process, address, kind, data }: DeviceAccess): Routine<DeviceAccessResult> {
    const context = this.contexts.get(process.name);
    if (context === undefined) return 'ENODEV';
    for (let done = 0; done < data.length;) {
      const at = address + done;
      const offset = at % PAGE;
      const length = Math.min(PAGE - offset, data.length - done);
      yield* this.lock.acquire();
      const spte = context.sptes.get(at - offset);
      const usable =
        spte && (kind === 'load' || spte.writable || this.flaw === 'stores through any translation') ? spte : undefined;
      if (usable && kind === 'load') this.host.ledger.load(usable.entry, offset, length, data, done);
      else if (usable) this.host.ledger.store(usable.entry, offset, length, data, done);
      this.lock.release();
      if (usable) done += length;
      else {
        const failed = yield* this.fault(context, at - offset, kind === 'store');
        if (failed !== undefined) return failed;
      }
    }
    return 'done';
  }

  *close(process: DeviceAccess['process']): Routine<void> {
    const context = this.contexts.get(process.name);
    this.contexts.delete(process.name);
    if (context?.subscription) yield* this.host.notifiers.unregister(context.subscription);
  }

  *detach(): Routine<void> {
    for (const [name, { subscription }] of [...this.contexts]) {
      this.contexts.delete(name);
      if (subscription) yield* this.host.notifiers.unregister(subscription);
    }
  }

  *translations(): Iterable<TranslationView> {
    for (const { mm, sptes } of this.contexts.values()) {
      for (const [address, { pfn, writable }] of sptes) {
        yield { mm, address: address as VirtualAddress, deviceAddress: address, pfn, writable };
      }
    }
  }

  private *fault(context: Context, address: number, write: boolean): Routine<Errno | undefined> {
    yield* this.quiet.waitUntil(() => context.invalidating === 0 || context.gone || this.flaw === 'does not retry');
    if (context.gone) return 'EFAULT';
    const { sequence } = context;
    const page = yield* this.host.pages.getUserPage(context.mm, address as VirtualAddress, { write });
    if (typeof page === 'string') return page;
    yield* this.lock.acquire();
    const lost = context.gone || context.invalidating > 0 || context.sequence !== sequence;
    if (!lost || this.flaw === 'does not retry') this.establish(context, address, page);
    this.lock.release();
    if (this.flaw !== 'keeps its page references') this.host.pages.putPage(page.pfn);
    return undefined;
  }

  private establish(context: Context, address: number, { pfn, writable }: UserPage): void {
    const { ledger } = this.host;
    if (context.sptes.has(address)) this.drop(context, address, address + PAGE);
    const permission = writable || this.flaw === 'maps writable whatever the pte says';
    const entry = ledger.establish({
      mm: context.mm,
      address: address as VirtualAddress,
      pfn,
      writable: permission,
      deviceAddress: address,
    });
    context.sptes.set(address, { entry, pfn, writable: permission });
  }

  private drop({ sptes }: Context, start: number, end: number): void {
    for (const [address, { entry }] of [...sptes]) {
      if (address < start || address >= end) continue;
      this.host.ledger.clear(entry);
      sptes.delete(address);
    }
    if (this.flaw !== 'does not flush') this.host.ledger.flush();
  }

  private opsOf(context: Context): MmuNotifierOps {
    const { flaw, host, lock, mutex, quiet } = this;
    const drop = (start: number, end: number): void => this.drop(context, start, end);
    return {
      *invalidateRangeStart({ start, end }) {
        if (flaw === 'refuses every start') return 'EAGAIN';
        yield* lock.acquire();
        context.invalidating++;
        if (flaw === 'sleeps under a spinlock in start') host.sync.mightSleep();
        if (flaw !== 'ignores start') drop(start, end);
        lock.release();
        return 'done';
      },
      *invalidateRangeEnd() {
        yield* lock.acquire();
        context.invalidating--;
        context.sequence++;
        lock.release();
        if (flaw === 'ends with its lock held') yield* mutex.acquire();
        quiet.wakeAll();
      },
      *clearFlushYoung() {
        if (flaw === 'sleeps in clearFlushYoung') yield* mutex.acquire();
        return false;
      },
      *release() {
        yield* lock.acquire();
        context.gone = true;
        if (flaw !== 'does not drop at release') drop(0, Infinity);
        lock.release();
        // The end of a window that is open now may never come.
        quiet.wakeAll();
      },
    };
  }
}
