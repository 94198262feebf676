/** A driver that mirrors nothing and writes down what it is told, in pages relative to `AREA`. */
import {
  type Device,
  type Errno,
  type MmuNotifierOps,
  type NotifierRange,
  type NotifierSubscription,
  type PluginHost,
  type PluginTraits,
  type Routine,
  type SecondaryMmuPlugin,
  definePlugin,
} from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { AREA, PAGE, p1, run } from './machine.ts';

export const TRAITS: PluginTraits = {
  kind: 'sptes',
  registration: 'mm',
  callbacks: { invalidateRangeStart: 'atomic', invalidateRangeEnd: 'atomic', release: 'atomic' },
  nonBlockable: 'proceeds',
  pins: 'none',
  invalidateAt: 'start',
  faultMode: 'as-asked',
  dirty: 'at-map',
  pageSizes: [4096],
  addressSpaces: 'several',
};

/** `3+2`: two pages from the third of the area on. */
export function pagesOf(start: number, end: number): string {
  return `${(start - AREA) / PAGE}+${(end - start) / PAGE}`;
}

export interface Spy {
  readonly plugin: SecondaryMmuPlugin;
  readonly log: string[];
  /** Empties the log. */
  take(): string[];
  host(): PluginHost;
  subscription(process: Process): NotifierSubscription | undefined;
}

/** @param ops - Callbacks that replace the ones that write. */
export function spy(ops: (log: string[], host: PluginHost) => MmuNotifierOps = writesDown): Spy {
  const log: string[] = [];
  const subscriptions = new Map<string, NotifierSubscription>();
  let given: PluginHost | undefined;
  const plugin = definePlugin({
    name: 'spy',
    api: '^1.0.0',
    traits: TRAITS,
    *attach(host): Routine<Device> {
      given = host;
      return deviceOf(host, subscriptions, () => ops(log, host));
    },
  });
  return {
    plugin,
    log,
    take: () => log.splice(0),
    host: () => given as PluginHost,
    subscription: (process) => subscriptions.get(process.name),
  };
}

export function writesDown(log: string[]): MmuNotifierOps {
  const say = (what: string, { event, start, end }: NotifierRange): void =>
    void log.push(`${what} ${event} ${pagesOf(start, end)}`);
  return {
    *invalidateRangeStart(range) {
      say('start', range);
      return 'done';
    },
    *invalidateRangeEnd(range) {
      say('end', range);
    },
    *clearFlushYoung(_, start, end) {
      log.push(`young ${pagesOf(start, end)}`);
      return false;
    },
    *release() {
      log.push('release');
    },
  };
}

function deviceOf(
  host: PluginHost,
  subscriptions: Map<string, NotifierSubscription>,
  ops: () => MmuNotifierOps,
): Device {
  const leave = function* (name: string): Routine<void> {
    const subscription = subscriptions.get(name);
    subscriptions.delete(name);
    if (subscription !== undefined) yield* host.notifiers.unregister(subscription);
  };
  return {
    *open(process): Routine<Errno | undefined> {
      if (process.mm === undefined) return 'ESRCH';
      const subscription = yield* host.notifiers.register(process.mm, ops());
      if (typeof subscription === 'string') return subscription;
      subscriptions.set(process.name, subscription);
      return undefined;
    },
    *access() {
      return 'ENXIO';
    },
    close: (process) => leave(process.name),
    *detach() {
      for (const name of [...subscriptions.keys()]) yield* leave(name);
    },
    translations: () => [],
  };
}

/** Attaches a device and lets it mirror a process. */
export function attachTo(
  machine: Machine,
  plugin: SecondaryMmuPlugin,
  name: string = plugin.name,
  process: Process = p1(machine),
): Device {
  const device = run(machine, machine.attach(name, plugin), process);
  const refused = run(machine, device.open(process.handle), process);
  if (refused !== undefined) throw new Error(`${name} cannot be opened: ${refused}`);
  return device;
}

/** The windows in a log: starts, each of which must be followed by its end, in order. */
export function windows(log: readonly string[]): string[] {
  const starts = log.filter((line) => line.startsWith('start ')).map((line) => line.slice(6));
  const ends = log.filter((line) => line.startsWith('end ')).map((line) => line.slice(4));
  expect(ends).toEqual(starts);
  return starts;
}
