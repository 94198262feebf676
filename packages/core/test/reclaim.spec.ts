/** What reclaim takes first, what it leaves, and who does it. */
import type { Machine } from '../src/machine.ts';
import { VmFlags } from '../src/mm/vm-flags.ts';
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
} from './machine.ts';
import { attachTo, spy } from './spy.ts';

const at = (page: number): number => AREA + page * PAGE;
const reclaim = (machine: Machine): Record<string, number> => machine.stats()['reclaim'] as Record<string, number>;
const present = (machine: Machine, pages: number): number[] =>
  Array.from({ length: pages }, (_, i) => i).filter((i) => pfnAt(machine, at(i)) !== undefined);

describe('kswapd', () => {
  it('wakes below the low watermark and works until the high one', () => {
    const machine = machineOf({ frames: 1024, swapPages: 2048 });
    const { zone } = kernelOf(machine).allocator;
    map(machine, 1500, { at: at(0) });
    let stored = 0;
    // Its first passes find every page used.
    while (reclaim(machine)['freedByKswapd'] === 0) store(machine, at(stored++), 1);
    expect(zone.freeFrames).toBeGreaterThanOrEqual(zone.watermarks.high);
    expect(reclaim(machine)).toMatchObject({ scannedDirectly: 0 });
    expect(reclaim(machine)['freedByKswapd']).toBeGreaterThanOrEqual(zone.watermarks.high - zone.watermarks.low);
    expect(kernelOf(machine).kswapd.running).toBe(false);
    fill(machine, at(stored), 1500 - stored, 1);
    const { kswapdWakes, directReclaims } = machine.stats()['memory'];
    expect(kswapdWakes).toBeGreaterThan(1);
    expect(directReclaims).toBe(0);
    expectClean(machine);
  });

  it('leaves a task that allocates faster than it works to direct reclaim', () => {
    const machine = machineOf({ frames: 256, swapPages: 1024 });
    map(machine, 600, { at: at(0), flags: ['private', 'populate'] });
    expect(reclaim(machine)['freedDirectly']).toBeGreaterThan(300);
    expectClean(machine);
  });

  it('gives up when nothing can be freed, and sleeps', () => {
    const machine = machineOf({ frames: 128, swapPages: 0 });
    map(machine, 256, { at: at(0) });
    for (let i = 0; i < 256; i++) store(machine, at(i), 1);
    expect(machine.stats()['memory']['kswapdWakes']).toBeLessThan(20);
    expect(kernelOf(machine).kswapd.running).toBe(false);
    expectClean(machine);
  });

  it.each([undefined, 1, 2, 3])('does the same every time, with seed %s', (seed) => {
    const counters = (): unknown => {
      const machine = machineOf({ frames: 128, swapPages: 512, ...(seed === undefined ? {} : { seed }) });
      map(machine, 256, { at: at(0) });
      const other = fork(machine);
      for (const process of [p1(machine), other]) {
        const bytes = Uint8Array.of(7);
        machine.spawn(
          process.name,
          (function* () {
            for (let i = 0; i < 256; i++) yield* machine.store(process, at((i * 7) % 256), 1, bytes);
          })(),
          process,
        );
      }
      machine.runAll();
      const stats = machine.stats();
      expect(machine.check()).toEqual([]);
      expectClean(machine);
      return stats;
    };
    expect(counters()).toEqual(counters());
  });
});

describe('a page on the inactive list', () => {
  it('is asked once before it is unmapped, and stays while it is used', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    store(machine, at(0), 1);
    watcher.take();
    run(machine, machine.reclaim(1));
    expect(watcher.take()).toEqual(['young 0+1', 'young 0+1', 'start CLEAR 0+1', 'end CLEAR 0+1']);
    expectClean(machine);
  });

  it('becomes active where two mappings used it', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE);
    map(machine, 1, { at: at(0), file, prot: 'r' });
    map(machine, 1, { at: at(1), file, prot: 'r' });
    firstBytes(machine, at(0), 2);
    run(machine, machine.reclaim(1));
    expect(reclaim(machine)['activated']).toBe(1);
    expectClean(machine);
  });

  it('is active from its first use on where it is program text', () => {
    for (const [prot, activated] of [['rx', 1] as const, ['r', 0] as const]) {
      const machine = machineOf();
      const file = machine.files.create('f', PAGE);
      map(machine, 1, { at: at(0), file, prot });
      load(machine, at(0));
      run(machine, machine.reclaim(1));
      expect([prot, reclaim(machine)['activated']]).toEqual([prot, activated]);
      expectClean(machine);
    }
  });

  it('is not taken from locked memory', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    for (const vma of mmOf(machine).vmas) vma.flags |= VmFlags.Locked;
    expect(run(machine, machine.reclaim(4))).toBe(0);
    expect(present(machine, 4)).toEqual([0, 1, 2, 3]);
    for (const vma of mmOf(machine).vmas) vma.flags &= ~VmFlags.Locked;
    expect(run(machine, machine.reclaim(4))).toBe(4);
    expectClean(machine);
  });
});

describe('a page that comes back', () => {
  it('is counted, and starts active when it was gone for a moment only', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 8 * PAGE, (index, into) => into.fill(index));
    map(machine, 8, { at: at(0), file, prot: 'r' });
    map(machine, 8, { at: at(100) });
    firstBytes(machine, at(0), 8);
    fill(machine, at(100), 8, 1);
    run(machine, machine.reclaim(16));
    expect(reclaim(machine)).toMatchObject({ freed: 16, refaultsFile: 0, refaultsAnon: 0 });
    firstBytes(machine, at(0), 8);
    expect(reclaim(machine)).toMatchObject({ refaultsFile: 8, refaultsActivated: 0 });
    fill(machine, at(100), 8, 1);
    expect(reclaim(machine)).toMatchObject({ refaultsAnon: 8 });
    run(machine, machine.reclaim(1));
    const [gone] = [0, 1, 2, 3, 4, 5, 6, 7].filter((i) => pfnAt(machine, at(i)) === undefined);
    load(machine, at(gone ?? 0));
    expect(reclaim(machine)['refaultsActivated']).toBeGreaterThan(0);
    expectClean(machine);
  });

  it('is no refault once the file was truncated in between', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE);
    map(machine, 1, { at: at(0), file, prot: 'r' });
    load(machine, at(0));
    run(machine, machine.reclaim(1));
    run(machine, machine.files.truncate('f', 0));
    run(machine, machine.files.truncate('f', PAGE));
    load(machine, at(0));
    expect(reclaim(machine)['refaultsFile']).toBe(0);
    expectClean(machine);
  });
});

describe('anonymous and file pages', () => {
  const pressed = (): Machine => {
    const machine = machineOf({ frames: 512, swapPages: 1024 });
    const file = machine.files.create('f', 4096 * PAGE, (index, into) => into.fill(index));
    map(machine, 100, { at: at(0) });
    map(machine, 4096, { at: at(1000), file, prot: 'r' });
    fill(machine, at(0), 100, 1);
    return machine;
  };

  it('read once, a large file does not push out memory that is in use', () => {
    const machine = pressed();
    for (let i = 0; i < 4096; i++) {
      load(machine, at(1000 + i));
      if (i % 8 === 0) firstBytes(machine, at(0), 100);
    }
    expect(machine.stats()['swap']['pagesOut']).toBeLessThan(150);
    expect(reclaim(machine)['freed']).toBeGreaterThan(3500);
    expectClean(machine);
  });

  it('memory that nobody uses goes to swap while a file that does not fit is read again and again', () => {
    const machine = pressed();
    for (let round = 0; round < 8; round++) firstBytes(machine, at(1000), 460);
    expect(machine.stats()['swap']['pagesOut']).toBeGreaterThan(50);
    expectClean(machine);
  });
});
