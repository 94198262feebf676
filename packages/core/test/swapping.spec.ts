/** Memory pressure: what goes to swap comes back with every byte, and what cannot go stays. */
import { randomSource } from '../src/sched/strategy.ts';
import { FileSwapDevice, MemorySwapDevice, SwapDeviceError } from '../src/swap/swap-device.ts';
import { deviceLoad, deviceStore } from './device.ts';
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
  mmOf,
  p1,
  pfnAt,
  run,
  store,
  violation,
} from './machine.ts';
import { mirror } from './mirror.ts';
import { attachTo, spy } from './spy.ts';

const at = (page: number): number => AREA + page * PAGE;

/** A page of bytes that no other page has. */
function pageOf(number: number): Uint8Array {
  const random = randomSource(number);
  return Uint8Array.from({ length: PAGE }, () => random() * 256);
}

describe('a working set of four times the memory', () => {
  it.each([
    ['private', 'in memory', () => new MemorySwapDevice()],
    ['private', 'in a file', () => new FileSwapDevice()],
    ['shared', 'in memory', () => new MemorySwapDevice()],
  ])('%s: every byte comes back from a swap %s', (sharing, _, device) => {
    const frames = 64;
    const machine = machineOf({ frames, swapPages: 4 * frames + 64, swapDevice: device() });
    map(machine, 4 * frames, { at: at(0), flags: [sharing] });
    for (let i = 0; i < 4 * frames; i++) expect(store(machine, at(i), pageOf(i))).toBeUndefined();
    for (let i = 0; i < 4 * frames; i++) {
      const page = new Uint8Array(PAGE);
      expect(run(machine, machine.load(p1(machine), at(i), PAGE, page))).toBeUndefined();
      expect(Buffer.compare(page, pageOf(i))).toBe(0);
    }
    const { pagesOut, pagesIn } = machine.stats()['swap'];
    expect(pagesOut).toBeGreaterThanOrEqual(3 * frames);
    expect(pagesIn).toBeGreaterThanOrEqual(3 * frames);
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });

  it('with a device that reads and writes all of it', () => {
    const frames = 64;
    const machine = machineOf({ frames, swapPages: 4 * frames + 64 });
    map(machine, 4 * frames, { at: at(0) });
    const device = attachTo(machine, mirror());
    for (let i = 0; i < 4 * frames; i++) expect(deviceStore(machine, device, at(i), (i * 7) & 255)).toBe('done');
    for (let i = 0; i < 4 * frames; i++) expect(deviceLoad(machine, device, at(i))).toBe((i * 7) & 255);
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });

  it('does not write a page again that was only read since it came back', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    run(machine, machine.reclaim(1));
    load(machine, at(0));
    run(machine, machine.reclaim(1));
    expect(machine.stats()['swap']).toMatchObject({ pagesOut: 1, pagesIn: 1 });
    expect(load(machine, at(0))).toBe(1);
    expectClean(machine);
  });
});

describe('full swap', () => {
  it('ends in an OOM signal and not in a crash; what was swapped goes with its process', () => {
    const machine = machineOf({ frames: 64, swapPages: 16 });
    map(machine, 256, { at: at(0) });
    let stored = 0;
    let failed;
    while ((failed = store(machine, at(stored), stored & 255)) === undefined) stored++;
    expect(failed).toEqual({ signal: 'SIGKILL', code: 'OOM', address: at(stored) });
    expect(stored).toBeGreaterThan(60);
    expect(machine.stats()['swap']).toMatchObject({ used: 0, slots: 16 });
    expect(machine.stats()['swap']['pagesOut']).toBeGreaterThanOrEqual(16);
    expectClean(machine);
  });

  it('leaves file pages to reclaim', () => {
    const machine = machineOf({ frames: 64, swapPages: 0 });
    const file = machine.files.create('f', 128 * PAGE, (index, into) => into.fill(index + 1));
    map(machine, 128, { at: at(0), file, prot: 'r' });
    expect(firstBytes(machine, at(0), 128)).toEqual(Array.from({ length: 128 }, (_, i) => i + 1));
    expectClean(machine);
  });
});

describe('pages that only swap could take, without swap', () => {
  it('are not scanned again and again while file pages come and go', () => {
    const machine = machineOf({ frames: 128, swapPages: 0 });
    const file = machine.files.create('f', 256 * PAGE, (index, into) => into.fill(index));
    map(machine, 64, { at: at(0) });
    for (let page = 0; page < 64; page++) store(machine, at(page), page);
    map(machine, 256, { at: at(1000), file, prot: 'r' });
    for (let round = 0; round < 4; round++) firstBytes(machine, at(1000), 256);
    const { scanned = 0, freed = 0 } = machine.stats()['reclaim'] ?? {};
    expect(freed).toBeGreaterThan(500);
    expect(scanned).toBeLessThan(4 * freed);
    expect(firstBytes(machine, at(0), 64)).toEqual(Array.from({ length: 64 }, (_, page) => page));
    expectClean(machine);
  });
});

describe('a swap device that fails', () => {
  class Broken extends MemorySwapDevice {
    override write(): void {
      throw new SwapDeviceError('swap file cannot be written: ENOSPC');
    }
  }

  it('says so, as an error of the environment and not of the model', () => {
    const machine = machineOf({ swapDevice: new Broken() });
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    expect(() => run(machine, machine.reclaim(1))).toThrow(SwapDeviceError);
  });

  it('cannot be opened in a folder that does not exist', () => {
    expect(() => new FileSwapDevice('/nonexistent/folder')).toThrow(/no swap file can be made in \/nonexistent/);
  });

  it('does not read what was never written', () => {
    expect(() => new MemorySwapDevice().read(3, new Uint8Array(PAGE))).toThrow(SwapDeviceError);
    const file = new FileSwapDevice();
    expect(() => file.read(3, new Uint8Array(PAGE))).toThrow('ends inside slot 3');
    file.close();
  });
});

describe('reclaim', () => {
  it('gives a page back writable, for a read too, to who has it alone', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const child = fork(machine);
    store(machine, at(1), 9);
    run(machine, machine.reclaim(4));
    load(machine, at(0));
    load(machine, at(1));
    const faults = (): unknown => machine.stats()['faults']['total'];
    const before = faults();
    store(machine, at(1), 7);
    expect(faults()).toBe(before);
    store(machine, at(0), 6);
    expect(faults()).toBe((before as number) + 1);
    run(machine, machine.reclaim(4));
    expect([load(machine, at(0)), load(machine, at(1)), load(machine, at(0), child)]).toEqual([6, 7, 1]);
    expectClean(machine);
  });

  it('does not take a pinned page, and takes it when the pin is gone', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    const { pages } = watcher.host();
    const page = run(machine, pages.pinUserPage(mmOf(machine), at(0) as never, { write: true }));
    if (typeof page === 'string') throw new Error(page);
    expect(run(machine, machine.reclaim(2))).toBe(1);
    expect(pfnAt(machine, at(0))).toBe(page.pfn);
    expect(machine.stats()['reclaim']['pinned']).toBeGreaterThan(0);
    pages.unpinPage(page.pfn);
    expect(run(machine, machine.reclaim(1))).toBe(1);
    expect(firstBytes(machine, at(0), 2)).toEqual([1, 2]);
    expectClean(machine);
  });

  it('takes the pages that were not used before those that were', () => {
    const machine = machineOf();
    map(machine, 8, { at: at(0) });
    fill(machine, at(0), 8, 1);
    run(machine, machine.reclaim(0));
    // One round takes every accessed bit; what is touched then is hot.
    run(machine, machine.reclaim(1));
    for (const hot of [5, 6]) store(machine, at(hot), 99);
    run(machine, machine.reclaim(3));
    expect([pfnAt(machine, at(5)), pfnAt(machine, at(6))]).not.toContain(undefined);
    expectClean(machine);
  });

  it('finds a page in parent and child', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    const child = fork(machine);
    const grandchild = fork(machine, child);
    store(machine, at(3), 9, child);
    expect(run(machine, machine.reclaim(5))).toBe(5);
    for (const process of [p1(machine), child, grandchild]) {
      expect(machine.syscalls.rss(process)).toMatchObject({ anon: 0, swap: 4 });
    }
    expect(firstBytes(machine, at(0), 4)).toEqual([1, 2, 3, 4]);
    expect(firstBytes(machine, at(0), 4, child)).toEqual([1, 2, 3, 9]);
    expect(firstBytes(machine, at(0), 4, grandchild)).toEqual([1, 2, 3, 4]);
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });
});

describe('lazily freed memory', () => {
  const lazy = () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, machine.syscalls.madvise(p1(machine), at(0), 2 * PAGE, 'free'));
    return machine;
  };

  it('keeps its bytes until memory is needed', () => {
    expect(firstBytes(lazy(), at(0), 2)).toEqual([1, 2]);
  });

  it('is dropped and not swapped', () => {
    const machine = lazy();
    run(machine, machine.reclaim(2));
    expect(machine.stats()['swap']['pagesOut']).toBe(0);
    expect(machine.stats()['reclaim']['lazyFreed']).toBe(2);
    expect(firstBytes(machine, at(0), 2)).toEqual([0, 0]);
    expectClean(machine);
  });

  it('stays once it was written again', () => {
    const machine = lazy();
    store(machine, at(1), 50);
    run(machine, machine.reclaim(4));
    run(machine, machine.reclaim(4));
    expect(firstBytes(machine, at(0), 2)).toEqual([0, 50]);
    expectClean(machine);
  });

  it('stays where a device wrote it again', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    const device = attachTo(machine, mirror());
    deviceStore(machine, device, at(0), 1);
    run(machine, machine.syscalls.madvise(p1(machine), at(0), PAGE, 'free'));
    deviceStore(machine, device, at(0), 2);
    run(machine, machine.reclaim(2));
    run(machine, machine.reclaim(2));
    expect(deviceLoad(machine, device, at(0))).toBe(2);
    expectClean(machine);
  });

  it('stays where it is shared with a child', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    run(machine, machine.syscalls.madvise(p1(machine), at(0), PAGE, 'free'));
    run(machine, machine.reclaim(2));
    expect(load(machine, at(0), child)).toBe(1);
    expectClean(machine);
  });

  it('frees the slot of a page that is in swap, and shows zeros', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    run(machine, machine.reclaim(1));
    run(machine, machine.syscalls.madvise(p1(machine), at(0), PAGE, 'free'));
    expect(machine.stats()['swap']['used']).toBe(0);
    expect(load(machine, at(0))).toBe(0);
    expectClean(machine);
  });
});

describe('swap slots', () => {
  it('go with the last entry that names them', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    run(machine, machine.reclaim(4));
    const child = fork(machine);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 4 * PAGE));
    expect(machine.stats()['swap']['used']).toBe(4);
    run(machine, machine.syscalls.exit(child), child);
    expect(machine.stats()['swap']['used']).toBe(0);
    expectClean(machine);
  });

  it.each(['reclaim', 'swap-in'])('go also when their last entry goes during %s, in any schedule', (other) => {
    for (let seed = 0; seed < 150; seed++) {
      const machine = machineOf({ seed });
      map(machine, 1, { at: at(0) });
      store(machine, at(0), 1);
      if (other === 'swap-in') run(machine, machine.reclaim(1));
      const access = machine.load(p1(machine), at(0), 1, new Uint8Array(1));
      machine.spawn(other, other === 'reclaim' ? machine.reclaim(1) : access, p1(machine));
      const gone = machine.syscalls.madvise(p1(machine), at(0), PAGE, 'dontneed');
      machine.spawn('dontneed', gone, p1(machine));
      machine.runAll();
      expect([seed, machine.stats()['swap']['used']]).toEqual([seed, 0]);
      expectClean(machine);
    }
  });

  it('of shared memory go with its last mapping', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0), flags: ['shared'] });
    fill(machine, at(0), 4, 1);
    run(machine, machine.reclaim(4));
    expect(machine.stats()['swap']['used']).toBe(4);
    expect(firstBytes(machine, at(0), 1)).toEqual([1]);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 4 * PAGE));
    expect(machine.stats()['swap']['used']).toBe(0);
    expectClean(machine);
  });

  it('are counted: a slot that is free cannot be freed', () => {
    const { swap } = kernelOf(machineOf());
    const slot = swap.allocate();
    swap.release(slot);
    expect(violation(() => swap.release(slot)).message).toMatch('a freed swap slot is in use');
  });
});
