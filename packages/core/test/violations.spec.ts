/** Each rule is broken on purpose, by a driver without one of its guards or by a hand in the machine's books. */
import { type Device, type Routine, definePlugin } from '@mmu-notifier/plugin-api';
import type { VirtualAddress } from '@mmu-notifier/plugin-api';
import { UsageError } from '../src/contract.ts';
import type { Machine } from '../src/machine.ts';
import { deviceLoad, deviceStore } from './device.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fork,
  kernelOf,
  load,
  machineOf,
  map,
  mmOf,
  p1,
  pfnAt,
  run,
  store,
  violation,
} from './machine.ts';
import { type Flaw, mirror } from './mirror.ts';
import { plain } from './scheduling.ts';
import { TRAITS, attachTo, spy } from './spy.ts';

const pages = (host: ReturnType<ReturnType<typeof spy>['host']>) => host.pages;
const AREA_VA = AREA as VirtualAddress;

/** Two pages that the device has stored to. */
function mirrored(flaw?: Flaw, options = {}): { machine: Machine; device: Device } {
  const machine = machineOf(options);
  map(machine, 2, { at: AREA });
  const device = attachTo(machine, mirror(flaw));
  deviceStore(machine, device, AREA, 1);
  deviceStore(machine, device, AREA + PAGE, 2);
  return { machine, device };
}

const munmap = (machine: Machine) => run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE));
const dontneed = (machine: Machine) => run(machine, machine.syscalls.madvise(p1(machine), AREA, PAGE, 'dontneed'));

describe('a driver that keeps the contract', () => {
  it('sees the bytes of the process, through everything that the process does', () => {
    const { machine, device } = mirrored();
    store(machine, AREA, 10);
    expect(deviceLoad(machine, device, AREA)).toBe(10);
    dontneed(machine);
    expect(deviceLoad(machine, device, AREA)).toBe(0);
    deviceStore(machine, device, AREA, 11);
    const child = fork(machine);
    deviceStore(machine, device, AREA, 12);
    expect([load(machine, AREA), load(machine, AREA, child)]).toEqual([12, 11]);
    munmap(machine);
    expect(deviceLoad(machine, device, AREA)).toBe('EFAULT');
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });
});

describe('the translation oracle', () => {
  it('catches a driver that ignores the start of a window', () => {
    const { machine } = mirrored('ignores start');
    const found = violation(() => munmap(machine));
    expect(found.oracle).toBe('start-is-a-barrier');
    expect(found.message).toMatch(/mirror reaches frame \d+ for 0x10000000 of mm 1 after the start of .*\(UNMAP\)/);
  });

  it('catches a driver that clears without a flush: its TLB still reaches the page', () => {
    const { machine } = mirrored('does not flush');
    expect(violation(() => dontneed(machine)).oracle).toBe('start-is-a-barrier');
  });

  it('catches a store through a translation for loads', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    const device = attachTo(machine, mirror('stores through any translation'));
    deviceLoad(machine, device, AREA);
    expect(violation(() => deviceStore(machine, device, AREA, 1))).toMatchObject({
      oracle: 'ledger-misuse',
      message: 'mirror stores through a translation that is for loads only',
    });
  });

  it('catches a writable translation of a page that is shared by copy-on-write', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    fork(machine);
    const device = attachTo(machine, mirror('maps writable whatever the pte says'));
    expect(violation(() => deviceLoad(machine, device, AREA)).oracle).toBe('write-through-read-only');
  });

  it('catches a driver that keeps translations beyond release', () => {
    const { machine } = mirrored('does not drop at release');
    const found = violation(() => run(machine, machine.syscalls.exit(p1(machine))));
    expect(['use-after-free', 'release']).toContain(found.oracle);
  });

  it('catches a driver without the retry test in some schedule; one with it, in none', () => {
    const race = (seed: number, flaw?: Flaw): string | undefined => {
      const machine = machineOf({ seed });
      map(machine, 1, { at: AREA });
      const device = attachTo(machine, mirror(flaw));
      const process = p1(machine);
      const data = Uint8Array.of(7);
      const request = { process: process.handle, space: 'process', address: AREA, kind: 'store', data } as const;
      machine.spawn(
        'device',
        (function* () {
          for (let i = 0; i < 3; i++) yield* device.access(request);
        })(),
        process,
      );
      machine.spawn(
        'cpu',
        (function* () {
          for (let i = 0; i < 3; i++) yield* machine.syscalls.madvise(process, AREA, PAGE, 'dontneed');
        })(),
        process,
      );
      try {
        return violation(() => machine.runAll()).oracle;
      } catch (error) {
        if (!(error as Error).message.startsWith('expected a violation')) throw error;
        expectClean(machine);
        return undefined;
      }
    };
    const seeds = Array.from({ length: 60 }, (_, seed) => seed);
    expect(seeds.filter((seed) => race(seed) !== undefined)).toEqual([]);
    const caught = new Set(seeds.map((seed) => race(seed, 'does not retry')).filter((oracle) => oracle !== undefined));
    expect([...caught].every((oracle) => ['stale-translation', 'use-after-free'].includes(oracle))).toBe(true);
    expect(caught.size).toBeGreaterThan(0);
  });

  it('catches a frame that is freed while a device reaches it', () => {
    const { machine } = mirrored();
    const pfn = pfnAt(machine, AREA) as number;
    const { allocator, frames } = kernelOf(machine);
    frames.mapcount[pfn] = 0;
    expect(violation(() => allocator.put(pfn)).oracle).toBe('use-after-free');
  });

  it('catches a pte that loses its page outside a window, or without its lock', () => {
    const { machine } = mirrored();
    const { pageTables, ptLocks } = kernelOf(machine);
    const slot = pageTables.walk(mmOf(machine).root, AREA);
    expect(violation(() => pageTables.set(slot, 0, 0)).oracle).toBe('unlocked-pte');
    const clear = function* (): Routine<void> {
      yield* ptLocks.ofSlot(slot).acquire();
      pageTables.set(slot, 0, 0);
    };
    expect(violation(() => run(machine, clear())).oracle).toBe('uncovered-pte');
  });
});

describe('the rules of callbacks', () => {
  it('clearFlushYoung never sleeps: a page-table lock is held', () => {
    const { machine } = mirrored('sleeps in clearFlushYoung');
    const found = violation(() => run(machine, machine.reclaim(1)));
    expect(found.oracle).toBe('sleep-in-atomic');
    expect(found.message).toMatch(/mirror\.mutex.*page table lock/);
  });

  it('start may sleep, but not under a spinlock of the driver', () => {
    const { machine } = mirrored('sleeps under a spinlock in start');
    expect(violation(() => munmap(machine)).message).toMatch('mirror.lock');
  });

  it('start may not refuse where it may block', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    attachTo(machine, mirror('refuses every start'));
    expect(violation(() => munmap(machine))).toMatchObject({
      oracle: 'refused-blockable',
      message: 'mirror refuses a blockable invalidation of 0x10000000',
    });
  });

  it('a lock taken in end and kept is found when core takes one under it', () => {
    const { machine } = mirrored('ends with its lock held');
    expect(violation(() => munmap(machine))).toMatchObject({ oracle: 'lock-order' });
  });

  it('no callback may take the mmapLock of the address space', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    attachTo(
      machine,
      spy((_, host) => ({
        *invalidateRangeStart({ mm }) {
          yield* host.processes.mmapReadLock(mm);
          return 'done';
        },
      })).plugin,
    );
    expect(violation(() => munmap(machine)).oracle).toBe('lock-order');
  });

  it('a lock that start takes may not be held around get-user-pages', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    const watcher = spy((_, host) => {
      const lock = host.sync.mutex('driver lock');
      return {
        *invalidateRangeStart() {
          yield* lock.acquire();
          lock.release();
          return 'done';
        },
        *release({ id }) {
          void id;
          yield* lock.acquire();
          const mm = mmOf(machine);
          yield* pages(host).getUserPage(mm, AREA_VA);
        },
      };
    });
    const device = attachTo(machine, watcher.plugin);
    dontneed(machine);
    expect(violation(() => run(machine, device.close(p1(machine).handle))).oracle).toBe('lock-order');
  });
});

describe('the ledger', () => {
  const established = () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    const { ledger } = watcher.host();
    const mm = mmOf(machine);
    const page = watcher.host().pages.getUserPageFast(mm, AREA_VA, { write: true });
    if (page === undefined) throw new Error('the page is there');
    watcher.host().pages.putPage(page.pfn);
    const make = () => ledger.establish({ mm, address: AREA_VA, pfn: page.pfn, writable: true, deviceAddress: 0 });
    return { machine, ledger, make, one: Uint8Array.of(1) };
  };

  it('reports a translation that is used after its flush, also when its slot is used again', () => {
    const { ledger, make, one } = established();
    const entry = make();
    ledger.clear(entry);
    ledger.flush();
    expect(violation(() => ledger.load(entry, 0, 1, one, 0)).message).toBe('spy uses a translation that was flushed');
    make();
    expect(violation(() => ledger.load(entry, 0, 1, one, 0)).oracle).toBe('ledger-misuse');
  });

  it('reports a translation that is cleared twice', () => {
    const { ledger, make } = established();
    const entry = make();
    ledger.clear(entry);
    expect(violation(() => ledger.clear(entry)).message).toBe('spy clears a translation twice');
  });

  it('lets a TLB store through a downgraded translation until it is flushed', () => {
    const { ledger, make, one } = established();
    const entry = make();
    ledger.downgrade(entry);
    expect(() => ledger.store(entry, 0, 1, one, 0)).not.toThrow();
    ledger.flush();
    expect(violation(() => ledger.store(entry, 0, 1, one, 0)).oracle).toBe('ledger-misuse');
  });

  it('reports a device that is detached with translations', () => {
    const { machine, make } = established();
    make();
    expect(violation(() => run(machine, machine.detach('spy')))).toMatchObject({
      oracle: 'leaked-translation',
      message: 'spy is detached with 1 translations',
    });
  });

  it('disagrees with a device that lists something else', () => {
    const { machine, make } = established();
    make();
    expect(machine.check()).toMatchObject([{ oracle: 'device-agreement' }]);
  });
});

describe('the data oracle', () => {
  it('catches a byte that changed behind its back', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    kernelOf(machine).allocator.memory.page(pfnAt(machine, AREA) as number)[0] ^= 0x80;
    expect(violation(() => load(machine, AREA))).toMatchObject({
      oracle: 'data',
      message: 'load of 0x10000000 in mm 1 found 0x81, the last store left 0x1',
    });
  });

  it('catches a page that comes back from swap with another byte', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    run(machine, machine.reclaim(1));
    const { device } = kernelOf(machine).swap;
    const page = new Uint8Array(PAGE);
    device.read(0, page);
    page[0] ^= 1;
    device.write(0, page);
    expect(violation(() => load(machine, AREA)).oracle).toBe('data');
  });

  it('sees what a device stored', () => {
    const { machine, device } = mirrored();
    deviceStore(machine, device, AREA, 77);
    kernelOf(machine).allocator.memory.page(pfnAt(machine, AREA) as number)[0] = 1;
    expect(violation(() => deviceLoad(machine, device, AREA)).oracle).toBe('data');
  });
});

describe('check', () => {
  it('finds a reference that nobody holds', () => {
    const { machine } = mirrored();
    const pfn = pfnAt(machine, AREA) as number;
    kernelOf(machine).frames.refcount[pfn]++;
    expect(machine.check()).toEqual([
      { oracle: 'accounting', message: `frame ${pfn} has 2 references, 1 have a holder` },
    ]);
  });

  it('finds a wrong mapcount and a wrong count of resident pages', () => {
    const { machine } = mirrored();
    kernelOf(machine).frames.mapcount[pfnAt(machine, AREA) as number]++;
    mmOf(machine).rss.anon--;
    expect(machine.check().map(({ oracle }) => oracle)).toEqual(['accounting', 'accounting']);
  });

  it('finds a swap slot with more entries than there are', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    run(machine, machine.reclaim(1));
    kernelOf(machine).swap.duplicate(0);
    expect(machine.check()).toMatchObject([
      { oracle: 'accounting', message: 'swap slot 0 has 1 entries, 2 are counted' },
    ]);
  });

  it('says nothing with oracles off', () => {
    const machine = machineOf();
    expect(machine.check()).toEqual([]);
  });
});

describe('shutdown', () => {
  it('finds page references that a driver never put', () => {
    const { machine } = mirrored('keeps its page references');
    expect(machine.shutdown().map(({ oracle }) => oracle)).toContain('leak');
  });

  it('finds a pin that was never released', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    run(machine, watcher.host().pages.pinUserPage(mmOf(machine), AREA_VA, { write: true }));
    expect(machine.pinnedPages).toBe(1);
    const messages = machine.shutdown().map(({ message }) => message);
    expect(messages).toContainEqual('1 pins are never released');
    expect(messages).toContainEqual(expect.stringMatching(/^1 frames are never freed/));
  });

  it('finds an address space that somebody still uses', () => {
    const machine = machineOf();
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    watcher.host().processes.getNotZero(mmOf(machine));
    expect(machine.shutdown().map(({ message }) => message)).toContainEqual('1 address spaces are never torn down');
  });

  it('reports an unpin without a pin', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    store(machine, AREA, 1);
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    const pfn = pfnAt(machine, AREA) as never;
    expect(violation(() => watcher.host().pages.unpinPage(pfn)).oracle).toBe('pin-misuse');
  });
});

describe('attach', () => {
  const refusal = (plugin: unknown): UsageError => {
    const machine = machineOf();
    try {
      run(machine, machine.attach('d', plugin as never));
    } catch (error) {
      // The machine goes on without it.
      machine.spawn(
        'next',
        plain(() => undefined),
      );
      machine.runAll();
      expectClean(machine);
      return error as UsageError;
    }
    throw new Error('expected a refusal');
  };
  const never = definePlugin({
    name: 'never',
    api: '^1.0.0',
    traits: TRAITS,
    attach: () => {
      throw new Error('must not be attached');
    },
  });

  it('refuses a plugin for another version of the contract, and names both', () => {
    const error = refusal({ ...never, api: '^2.0.0' });
    expect(error).toBeInstanceOf(UsageError);
    expect(error.code).toBe('api-mismatch');
    expect(error.message).toBe('never: the plugin was built for plugin-api ^2.0.0, this machine has 1.1.0');
  });

  it('refuses a plugin that needs what this machine does not have, and names it', () => {
    const error = refusal({ ...never, requires: ['dma'] });
    expect(error.code).toBe('missing-capability');
    expect(error.message).toBe('never needs dma, which this machine does not have');
  });

  it('refuses an object that is no plugin', () => {
    expect(refusal({ name: 'x', api: '^1.0.0' }).code).toBe('no-plugin');
  });

  it('refuses a second device of one name, and a detach of none', () => {
    const machine = machineOf();
    attachTo(machine, mirror(), 'd');
    expect(() => run(machine, machine.attach('d', mirror()))).toThrow('there is a device d already');
    expect(() => run(machine, machine.detach('e'))).toThrow('there is no device e');
  });

  it('refuses a handle that is no address space of this machine', () => {
    const machine = machineOf();
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    expect(() => watcher.host().processes.getNotZero({ id: 1, users: 1 })).toThrow(UsageError);
  });
});

describe('a machine', () => {
  it.each([
    ['too little memory', { ramBytes: 15 * PAGE }, 'found 61440 bytes of memory, expected 16 pages or more'],
    ['no number', { ramBytes: NaN }, 'found NaN bytes'],
    ['no CPU', { ramBytes: 64 * PAGE, cpus: 0 }, 'found 0 CPUs, expected 1 to 31'],
  ])('refuses %s', (_, config, message) => {
    expect(() => machineOf({ frames: config.ramBytes / PAGE, ...config })).toThrow(message);
  });
});
