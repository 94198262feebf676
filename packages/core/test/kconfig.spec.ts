/** The switches of the kernel: what a machine without them is, and the two worlds of the chain. */
import type { MmuNotifierOps, PluginHost } from '@mmu-notifier/plugin-api';
import { UsageError } from '../src/contract.ts';
import { type Kconfig, resolveKconfig } from '../src/kconfig.ts';
import type { Machine } from '../src/machine.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  firstBytes,
  fork,
  kernelOf,
  load,
  machineOf,
  map,
  p1,
  run,
  store,
  violation,
} from './machine.ts';
import { deviceLoad, deviceStore } from './device.ts';
import { mirror } from './mirror.ts';
import { attachTo, spy } from './spy.ts';
import { umem } from './umem.ts';

const OLD: Partial<Kconfig> = { MMU_NOTIFIER_SLEEPABLE: false };
const at = (page: number): number => AREA + page * PAGE;

/** One page of each kind, written, and a device. */
function bench(ops: (host: PluginHost) => MmuNotifierOps, kconfig = OLD): Machine {
  const machine = machineOf({ kconfig });
  map(machine, 2, { at: at(0) });
  map(machine, 2, { at: at(8), file: machine.files.create('f', 2 * PAGE), flags: ['shared'] });
  fill(machine, at(0), 2, 1);
  fill(machine, at(8), 2, 1);
  attachTo(machine, spy((_, host) => ops(host)).plugin);
  return machine;
}

describe('switches', () => {
  it('are all on, but for huge pages and what depends on one that is off', () => {
    expect(resolveKconfig()).toEqual({
      MMU_NOTIFIER: true,
      MMU_NOTIFIER_SLEEPABLE: true,
      SWAP: true,
      ANON_VMA_ON_READ: true,
      TRANSPARENT_HUGEPAGE: false,
    });
    expect(resolveKconfig({ MMU_NOTIFIER: false })).toMatchObject({ MMU_NOTIFIER_SLEEPABLE: false });
    expect(machineOf({ kconfig: { SWAP: false } }).kconfig.SWAP).toBe(false);
  });

  it('are refused where they are unknown, or depend on one that is off', () => {
    expect(() => resolveKconfig({ KSM: true } as never)).toThrow(
      'found the switch KSM, expected MMU_NOTIFIER, MMU_NOTIFIER_SLEEPABLE, SWAP, ANON_VMA_ON_READ, TRANSPARENT_HUGEPAGE',
    );
    expect(() => machineOf({ kconfig: { MMU_NOTIFIER: false, MMU_NOTIFIER_SLEEPABLE: true } })).toThrow(
      'found MMU_NOTIFIER_SLEEPABLE=y, which depends on MMU_NOTIFIER, and MMU_NOTIFIER=n',
    );
  });
});

describe('without MMU_NOTIFIER', () => {
  it('no device can be attached, in one clear line', () => {
    const machine = machineOf({ kconfig: { MMU_NOTIFIER: false } });
    const attach = () => run(machine, machine.attach('m', mirror()));
    expect(attach).toThrow(UsageError);
    expect(attach).toThrow('mirror needs MMU_NOTIFIER=y, this machine was booted with MMU_NOTIFIER=n');
  });

  it('memory works as before', () => {
    const machine = machineOf({ kconfig: { MMU_NOTIFIER: false } });
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const child = fork(machine);
    store(machine, at(0), 9);
    run(machine, machine.reclaim(2));
    expect([...firstBytes(machine, at(0), 2), ...firstBytes(machine, at(0), 2, child)]).toEqual([9, 2, 1, 2]);
    expectClean(machine);
  });
});

describe('without SWAP', () => {
  it('anonymous pages stay, whatever swap was asked for', () => {
    const machine = machineOf({ kconfig: { SWAP: false }, swapPages: 64 });
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    expect(run(machine, machine.reclaim(4))).toBe(0);
    expect(machine.stats()['swap']).toMatchObject({ slots: 0, pagesOut: 0 });
    expectClean(machine);
  });
});

/** What opens a window, each under other locks. */
const CALLS: Record<string, (machine: Machine) => unknown> = {
  munmap: (machine) => run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE)),
  fork: (machine) => fork(machine),
  truncate: (machine) => run(machine, machine.files.truncate('f', 0)),
  reclaim: (machine) => run(machine, machine.reclaim(1)),
  sync: (machine) => run(machine, machine.files.sync('f')),
  exit: (machine) => run(machine, machine.syscalls.exit(p1(machine))),
};

describe('in the world of 2008', () => {
  it('a driver is told', () => {
    const watcher = spy();
    const machine = machineOf({ kconfig: OLD });
    attachTo(machine, watcher.plugin);
    expect(watcher.host().world.sleepableNotifiers).toBe(false);
    expect(watcher.host().capabilities.has('interval-notifiers')).toBe(false);
    expect(() => run(machine, machine.attach('umem', umem()))).toThrow('umem needs interval-notifiers');
  });

  it('a driver that says that its callbacks sleep is refused', () => {
    const { plugin } = spy();
    const traits = { ...plugin.traits, callbacks: { invalidateRangeStart: 'sleepable' } } as const;
    const machine = machineOf({ kconfig: OLD });
    expect(() => run(machine, machine.attach('spy', { ...plugin, traits }))).toThrow(
      'spy has a callback invalidateRangeStart that sleeps, expected none with MMU_NOTIFIER_SLEEPABLE=n',
    );
  });

  it('the locks of the reverse map are spinlocks', () => {
    const machine = bench(() => ({}));
    const { anonVmas, files, scheduler } = kernelOf(machine);
    const locks = [anonVmas.get(1)?.lock, [...files.values()][0].iMmapLock];
    for (const lock of locks) {
      const depth = machine.run(
        'test',
        (function* () {
          yield* lock!.acquireRead();
          const inside = scheduler.current.atomicDepth;
          lock!.releaseRead();
          return inside;
        })(),
      );
      expect(depth).toBe(1);
    }
  });

  it.each(Object.keys(CALLS))('%s reports a callback that sleeps (T24); in that of 2012 it may', (name) => {
    const sleeps = (host: PluginHost): MmuNotifierOps => ({
      *invalidateRangeStart() {
        yield* host.tasks.sleep(1);
        return 'done';
      },
      *release() {
        yield* host.tasks.sleep(1);
      },
    });
    const old = bench(sleeps);
    expect(violation(() => CALLS[name](old))).toMatchObject({ oracle: 'sleep-in-atomic' });
    const today = bench(sleeps, {});
    CALLS[name](today);
    expectClean(today);
  });

  it.each(Object.keys(CALLS))('a driver with spinlocks goes through %s', (name) => {
    const machine = machineOf({ kconfig: OLD });
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(8), file: machine.files.create('f', 2 * PAGE), flags: ['shared'] });
    fill(machine, at(0), 2, 1);
    fill(machine, at(8), 2, 5);
    const device = attachTo(machine, mirror());
    expect(deviceLoad(machine, device, at(0))).toBe(1);
    expect(deviceStore(machine, device, at(8), 7)).toBe('done');
    CALLS[name](machine);
    if (name !== 'exit') load(machine, at(1));
    expectClean(machine);
  });
});
