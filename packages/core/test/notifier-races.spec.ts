/** Races over the life of a subscription: each was a bug in some release of Linux, or is a rule that drivers must know. */
import type { MmuNotifierOps, NotifierSubscription, Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import { closeWindow, openWindow } from '../src/notifier/chain.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  fork,
  kernelOf,
  machineOf,
  map,
  mmOf,
  p1,
  run,
  store,
  violation,
} from './machine.ts';
import { deviceLoad } from './device.ts';
import { mirror } from './mirror.ts';
import { attachTo, spy, writesDown } from './spy.ts';

const SEEDS = Array.from({ length: Number(process.env['RACE_SEEDS'] ?? 40) }, (_, seed) => seed);
const at = (page: number): number => AREA + page * PAGE;

describe('exit beside a truncate of another process', () => {
  /** The chain as Linux had it before 3.6: a subscriber is unlinked first, and released afterwards. */
  function* unlinksFirst(machine: Machine): Routine<void> {
    const { notifiers } = mmOf(machine);
    const subscriptions = notifiers?.list ?? [];
    for (const subscription of subscriptions) notifiers?.unlink(subscription);
    for (const { ops, mm } of subscriptions) {
      for (let step = 0; step < 80; step++) yield 0;
      if (ops.release) yield* ops.release(mm);
    }
  }

  /** A device maps a page of a file; its process exits while another one truncates the file. */
  const race = (seed: number, order: 'release first' | 'unlink first'): string | undefined => {
    const machine = machineOf({ seed });
    const file = machine.files.create('f', PAGE);
    map(machine, 1, { at: at(0), file, flags: ['shared'] });
    store(machine, at(0), 7);
    fork(machine);
    const device = attachTo(machine, mirror());
    expect(deviceLoad(machine, device, at(0))).toBe(7);
    const process = p1(machine);
    machine.spawn(
      'exit',
      (function* (): Routine<void> {
        if (order === 'unlink first') yield* unlinksFirst(machine);
        yield* machine.syscalls.exit(process);
      })(),
      process,
    );
    machine.spawn('truncate', machine.files.truncate('f', 0));
    try {
      machine.runAll();
    } catch (error) {
      return violation(() => {
        throw error;
      }).oracle;
    }
    expect([seed, machine.shutdown()]).toEqual([seed, []]);
    return undefined;
  };

  it('frees no page that a device maps: release comes before anybody is unlinked (R2)', () => {
    expect(SEEDS.map((seed) => race(seed, 'release first')).filter((oracle) => oracle !== undefined)).toEqual([]);
  });

  it('needs that order', () => {
    const oracles = SEEDS.map((seed) => race(seed, 'unlink first')).filter((oracle) => oracle !== undefined);
    expect(oracles.length).toBeGreaterThan(0);
    expect(['use-after-free', 'stale-translation']).toEqual(expect.arrayContaining([...new Set(oracles)]));
  });
});

describe('unregister between a start and its end', () => {
  it('is not waited for: the end never comes to who has left, and to the others it does (R7, T19)', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const stays = spy();
    attachTo(machine, stays.plugin, 'stays');
    const leaves = spy();
    const device = attachTo(machine, leaves.plugin, 'leaves');
    const kernel = kernelOf(machine);
    const mm = mmOf(machine);
    machine.spawn(
      'leaves',
      (function* (): Routine<void> {
        yield* kernel.scheduler.sleep(50);
        yield* device.close(p1(machine).handle);
      })(),
    );
    machine.spawn(
      'window',
      (function* (): Routine<void> {
        yield* mm.mmapLock.acquireRead();
        const window = yield* openWindow(kernel, mm, at(0), at(1), 'CLEAR');
        yield* kernel.scheduler.sleep(100);
        yield* closeWindow(kernel, window);
        mm.mmapLock.releaseRead();
      })(),
    );
    machine.runAll();
    expect(leaves.take()).toEqual(['start CLEAR 0+1', 'release']);
    expect(stays.take()).toEqual(['start CLEAR 0+1', 'end CLEAR 0+1']);
    expectClean(machine);
  });
});

describe('two gets that race', () => {
  it('make one object and one subscription, in any schedule (R10)', () => {
    for (const seed of SEEDS) {
      const machine = machineOf({ seed });
      map(machine, 1, { at: at(0) });
      const watcher = spy();
      run(machine, machine.attach('spy', watcher.plugin));
      const { notifiers } = watcher.host();
      let made = 0;
      let freed = 0;
      const ops: MmuNotifierOps = {
        ...writesDown([]),
        allocNotifier: () => void made++,
        freeNotifier: () => void freed++,
      };
      const got: NotifierSubscription[] = [];
      for (const name of ['one', 'two']) {
        machine.spawn(
          name,
          (function* (): Routine<void> {
            const subscription = yield* notifiers.get(mmOf(machine), ops);
            if (typeof subscription !== 'string') got.push(subscription);
          })(),
        );
      }
      machine.runAll();
      expect([seed, got.length, got[0] === got[1], made]).toEqual([seed, 2, true, 1]);
      for (const subscription of got) notifiers.put(subscription);
      run(machine, notifiers.synchronize());
      expect([seed, freed]).toEqual([seed, 1]);
      expect([seed, machine.shutdown()]).toEqual([seed, []]);
    }
  });
});
