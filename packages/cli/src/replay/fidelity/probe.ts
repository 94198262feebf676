/**
 * A secondary MMU that maps nothing and writes down what it is told: every range that it has to drop, every question about
 * the age of a page. It stands beside the drivers under test, where the recorded kernel's KVM stood.
 */
import { definePlugin, isErrno } from '@mmu-notifier/plugin-api';
import type {
  Device,
  Errno,
  MmuNotifierOps,
  NotifierEvent,
  NotifierSubscription,
  PluginHost,
  ProcessHandle,
  Routine,
  SecondaryMmuPlugin,
} from '@mmu-notifier/plugin-api';

/** One range that the machine had dropped. */
export interface ProbedRange {
  /** Process whose address space it is of. */
  readonly process: string;
  readonly start: number;
  readonly end: number;
  readonly event: NotifierEvent;
}

/** Where the probe writes. */
export interface ProbeLog {
  range(range: ProbedRange): void;
  young(): void;
}

export function probe(log: ProbeLog): SecondaryMmuPlugin {
  return definePlugin({
    name: 'probe',
    api: '^1.0.0',
    traits: {
      kind: 'sptes',
      registration: 'mm',
      callbacks: { invalidateRangeStart: 'atomic', clearFlushYoung: 'atomic' },
      nonBlockable: 'proceeds',
      pins: 'none',
      invalidateAt: 'start',
      faultMode: 'as-asked',
      dirty: 'per-spte',
      pageSizes: [4096],
      addressSpaces: 'several',
    },
    *attach(host: PluginHost): Routine<Device> {
      return new ProbeDevice(host, log);
    },
  });
}

class ProbeDevice implements Device {
  private readonly host: PluginHost;
  private readonly log: ProbeLog;
  private readonly subscriptions = new Map<string, NotifierSubscription>();

  constructor(host: PluginHost, log: ProbeLog) {
    this.host = host;
    this.log = log;
  }

  *open({ name, mm }: ProcessHandle): Routine<Errno | undefined> {
    if (mm === undefined) return 'ESRCH';
    const subscription = yield* this.host.notifiers.register(mm, callbacks(name, this.log));
    if (isErrno(subscription)) return subscription;
    this.subscriptions.set(name, subscription);
    return undefined;
  }

  *access(): Routine<Errno> {
    return 'EFAULT';
  }

  *close({ name }: ProcessHandle): Routine<void> {
    const subscription = this.subscriptions.get(name);
    if (subscription === undefined) return;
    this.subscriptions.delete(name);
    yield* this.host.notifiers.unregister(subscription);
  }

  *detach(): Routine<void> {
    for (const subscription of this.subscriptions.values()) yield* this.host.notifiers.unregister(subscription);
    this.subscriptions.clear();
  }

  translations(): [] {
    return [];
  }
}

/** Plain bookkeeping: the machine that fidelity runs on is never preempted. */
function callbacks(process: string, log: ProbeLog): MmuNotifierOps {
  return {
    *invalidateRangeStart({ start, end, event }): Routine<'done'> {
      log.range({ process, start, end, event });
      return 'done';
    },
    *clearFlushYoung(): Routine<boolean> {
      log.young();
      return false;
    },
  };
}
