/**
 * A driver that is watched: it is handed the same host, and what it asks of it is held against its traits. What a trait
 * rules out ends the run (oracle `trait`); what it promises is looked for over all runs (`traits.ts`).
 */
import { ContractViolation } from '@mmu-notifier/core';
import type {
  Device,
  IntervalOps,
  MmuNotifierOps,
  NotifierRange,
  PluginHost,
  PluginTraits,
  Routine,
  SecondaryMmuPlugin,
} from '@mmu-notifier/plugin-api';

type Callback = keyof MmuNotifierOps;
type CallbackName = Exclude<Callback, 'archInvalidateSecondaryTlbs' | 'allocNotifier' | 'freeNotifier'>;
/** Callbacks that traits speak of. */
export const CALLBACKS: readonly CallbackName[] = [
  'invalidateRangeStart',
  'invalidateRangeEnd',
  'release',
  'clearFlushYoung',
  'clearYoung',
  'testYoung',
];

/** What was seen of a driver, in all runs. */
export class Observed {
  readonly callbacks: Set<Callback> = new Set();
  readonly registrations: Set<PluginTraits['registration']> = new Set();
  readonly nonBlockable: Set<'refused' | 'proceeded'> = new Set();
  /** When translations of a range that the device had were gone. */
  readonly goneAt: Set<'start' | 'later'> = new Set();
  pins = 0;
  foreignPtes = 0;
  /** Translations that loads made, and how. */
  readonly loads: Set<'read-only' | 'writable' | 'asked to write'> = new Set();
  /** Pages that the driver said its device had dirtied. */
  dirtied = 0;
  /** The access under way in the step under way. */
  access: 'load' | 'store' | undefined;
}

/** Says of each step of an access what it is part of. */
export function* during<T>(seen: Observed, access: 'load' | 'store', routine: Routine<T>): Routine<T> {
  for (;;) {
    seen.access = access;
    const { done, value } = routine.next();
    seen.access = undefined;
    if (done) return value;
    yield value;
  }
}

export function watched(plugin: SecondaryMmuPlugin, seen: Observed): SecondaryMmuPlugin {
  return {
    ...plugin,
    *attach(host) {
      let device: Device | undefined = undefined;
      const attached: Device = yield* plugin.attach(new Watch(plugin.traits, seen, () => device).host(host));
      device = attached;
      return attached;
    },
  };
}

class Watch {
  private readonly traits: PluginTraits;
  private readonly seen: Observed;
  private readonly device: () => Device | undefined;
  private readonly wrapped = new WeakMap<MmuNotifierOps, MmuNotifierOps>();

  constructor(traits: PluginTraits, seen: Observed, device: () => Device | undefined) {
    this.traits = traits;
    this.seen = seen;
    this.device = device;
  }

  host(host: PluginHost): PluginHost {
    const { seen } = this;
    const { notifiers, pages, frames, ledger, intervals, deviceVmas } = host;
    const pinned = (): void => {
      seen.pins++;
      if (this.traits.pins === 'none') broken('it pins a page, and declares pins: none');
    };
    return override(host, {
      notifiers: override(notifiers, {
        register: (mm, ops) => {
          this.registers('mm');
          return notifiers.register(mm, this.ops(host, ops));
        },
        get: (mm, ops) => {
          this.registers('mm-shared');
          return notifiers.get(mm, this.ops(host, ops));
        },
      }),
      pages: override(pages, {
        getUserPage: (mm, address, options) => {
          if (options?.write === true && seen.access === 'load') seen.loads.add('asked to write');
          return pages.getUserPage(mm, address, options);
        },
        pinUserPage: (mm, address, options) => (pinned(), pages.pinUserPage(mm, address, options)),
        pinUserPageFast: (mm, address, options) => (pinned(), pages.pinUserPageFast(mm, address, options)),
        pinUserPages: (mm, address, count, options) => (pinned(), pages.pinUserPages(mm, address, count, options)),
      }),
      frames: override(frames, {
        markDirty: (pfn) => {
          seen.dirtied++;
          frames.markDirty(pfn);
        },
      }),
      ledger: override(ledger, {
        establish: (translation) => {
          if (seen.access === 'load') seen.loads.add(translation.writable ? 'writable' : 'read-only');
          return ledger.establish(translation);
        },
      }),
      ...(intervals === undefined
        ? {}
        : {
            intervals: override(intervals, {
              insert: (mm, start, length, ops) => {
                this.registers('interval');
                return intervals.insert(mm, start, length, this.intervalOps(host, ops));
              },
            }),
          }),
      ...(deviceVmas === undefined
        ? {}
        : {
            deviceVmas: override(deviceVmas, {
              insertPfn: (window, address, page) => {
                if (page.source !== undefined) seen.foreignPtes++;
                return deviceVmas.insertPfn(window, address, page);
              },
            }),
          }),
    });
  }

  private registers(how: PluginTraits['registration']): void {
    this.seen.registrations.add(how);
    // A driver with intervals may register for `release` as well.
    if (how === this.traits.registration || (how === 'mm' && this.traits.registration === 'interval')) return;
    broken(`it registers by ${how}, and declares registration: ${this.traits.registration}`);
  }

  /** The same object for the same callbacks: `get` tells subscriptions apart by it. */
  private ops(host: PluginHost, ops: MmuNotifierOps): MmuNotifierOps {
    const known = this.wrapped.get(ops);
    if (known !== undefined) return known;
    for (const name of CALLBACKS) if (ops[name] !== undefined) this.implements(name);
    const wrapped: MmuNotifierOps = { ...ops };
    const { invalidateRangeStart: start, invalidateRangeEnd: end, release } = ops;
    const { clearFlushYoung, clearYoung, testYoung } = ops;
    if (start !== undefined) wrapped.invalidateRangeStart = (range) => this.start(host, range, start.call(ops, range));
    if (end !== undefined)
      wrapped.invalidateRangeEnd = (range) => this.called(host, 'invalidateRangeEnd', end.call(ops, range));
    if (release !== undefined) wrapped.release = (mm) => this.called(host, 'release', release.call(ops, mm));
    if (clearFlushYoung !== undefined)
      wrapped.clearFlushYoung = (...range) => this.called(host, 'clearFlushYoung', clearFlushYoung.apply(ops, range));
    if (clearYoung !== undefined)
      wrapped.clearYoung = (...range) => this.called(host, 'clearYoung', clearYoung.apply(ops, range));
    if (testYoung !== undefined)
      wrapped.testYoung = (...at) => this.called(host, 'testYoung', testYoung.apply(ops, at));
    this.wrapped.set(ops, wrapped);
    return wrapped;
  }

  private intervalOps(host: PluginHost, ops: IntervalOps): IntervalOps {
    const { invalidate } = ops;
    this.implements('invalidateRangeStart');
    if (invalidate === undefined) return ops;
    const watch = this as Watch;
    return {
      ...ops,
      *invalidate(subscription, range, seq) {
        const answer = yield* watch.start(host, range, asAnswer(invalidate.call(ops, subscription, range, seq)));
        return answer === 'done';
      },
    };
  }

  private implements(name: CallbackName): void {
    this.seen.callbacks.add(name);
    if (this.traits.callbacks[name] === undefined) broken(`it implements ${name}, and does not declare it`);
  }

  private *start(
    host: PluginHost,
    range: NotifierRange,
    callback: Routine<'done' | 'EAGAIN'>,
  ): Routine<'done' | 'EAGAIN'> {
    const had = this.reaches(range);
    const answer = yield* this.called(host, 'invalidateRangeStart', callback);
    if (!range.blockable) {
      this.seen.nonBlockable.add(answer === 'EAGAIN' ? 'refused' : 'proceeded');
      if (answer === 'EAGAIN' && this.traits.nonBlockable === 'proceeds')
        broken('it refuses a range that may not block, and declares nonBlockable: proceeds');
    }
    if (had && answer === 'done') this.seen.goneAt.add(this.reaches(range) ? 'later' : 'start');
    return answer;
  }

  private reaches({ mm, start, end }: NotifierRange): boolean {
    for (const translation of this.device()?.translations() ?? [])
      if (translation.mm.id === mm.id && translation.address >= start && translation.address < end) return true;
    return false;
  }

  /** A callback that is declared atomic runs where nobody may sleep. */
  private *called<T>(host: PluginHost, name: Callback, callback: Routine<T>): Routine<T> {
    if (this.traits.callbacks[name] !== 'atomic') return yield* callback;
    const token = host.sync.rcu.readLock();
    const result = yield* callback;
    host.sync.rcu.readUnlock(token);
    return result;
  }
}

function* asAnswer(callback: Routine<boolean>): Routine<'done' | 'EAGAIN'> {
  return (yield* callback) ? 'done' : 'EAGAIN';
}

function broken(message: string): never {
  throw new ContractViolation({ oracle: 'trait', message });
}

/** The service with some of its members replaced; the others are its own. */
function override<T extends object>(service: T, members: Partial<T>): T {
  return new Proxy(service, {
    get(target, key): unknown {
      if (Object.hasOwn(members, key)) return Reflect.get(members, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
