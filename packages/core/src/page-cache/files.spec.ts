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
} from '../../test/machine.ts';
import { deviceLoad, deviceStore } from '../../test/device.ts';
import { mirror } from '../../test/mirror.ts';
import { attachTo } from '../../test/spy.ts';
import { MemoryStore } from './backing-store.ts';

const at = (page: number): number => AREA + page * PAGE;
const BUS = { signal: 'SIGBUS', code: 'BUS_ADRERR' };

describe('truncate', () => {
  it('drops private copies behind the new end; the zeros of a file that grows again are seen', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 4 * PAGE, (index, into) => into.fill(index + 1));
    map(machine, 4, { at: at(0), file });
    store(machine, at(1), 50);
    store(machine, at(3), 51);
    run(machine, machine.files.truncate('f', 2 * PAGE));
    expect(load(machine, at(1))).toBe(50);
    expect(load(machine, at(3))).toMatchObject(BUS);
    run(machine, machine.files.truncate('f', 4 * PAGE));
    expect(firstBytes(machine, at(0), 4)).toEqual([1, 50, 0, 0]);
    expectClean(machine);
  });

  it('clears the rest of the page that the new end falls into', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE, (_, into) => into.fill(7));
    map(machine, 1, { at: at(0), file, flags: ['shared'] });
    load(machine, at(0));
    run(machine, machine.files.truncate('f', 100));
    expect([load(machine, at(0) + 99), load(machine, at(0) + 100)]).toEqual([7, 0]);
    run(machine, machine.files.truncate('f', PAGE));
    expect(load(machine, at(0) + 100)).toBe(0);
    expectClean(machine);
  });

  it('that grows the file keeps what was stored behind its end, in its last page', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 100);
    map(machine, 1, { at: at(0), file, flags: ['shared'] });
    store(machine, at(0) + 3000, 9);
    run(machine, machine.files.truncate('f', 2000));
    expect(load(machine, at(0) + 3000)).toBe(9);
    run(machine, machine.reclaim(1));
    run(machine, machine.files.truncate('f', 2500));
    expect(load(machine, at(0) + 3000)).toBe(9);
    expectClean(machine);
  });

  it('takes the pages from every process and from swap', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    fill(machine, at(0), 4, 1);
    const child = fork(machine);
    expect(firstBytes(machine, at(0), 4, child)).toEqual([1, 2, 3, 4]);
    run(machine, machine.files.truncate('f', 0));
    for (const process of [p1(machine), child]) {
      expect(machine.syscalls.rss(process)).toMatchObject({ file: 0 });
      expect(load(machine, at(0), process)).toMatchObject(BUS);
    }
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });

  it('is not undone by a writeback that is under way, in any schedule', () => {
    for (let seed = 0; seed < 80; seed++) {
      const machine = machineOf({ seed });
      const file = machine.files.create('f', 2 * PAGE, (_, into) => into.fill(7));
      map(machine, 2, { at: at(0), file, flags: ['shared'] });
      fill(machine, at(0), 2, 1);
      machine.spawn('reclaim', machine.reclaim(2));
      machine.spawn('truncate', machine.files.truncate('f', 0));
      machine.runAll();
      run(machine, machine.files.truncate('f', 2 * PAGE));
      expect([seed, ...firstBytes(machine, at(0), 2)]).toEqual([seed, 0, 0]);
      expectClean(machine);
    }
  });

  it('takes the translations of a device', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 2 * PAGE);
    map(machine, 2, { at: at(0), file, flags: ['shared'] });
    const device = attachTo(machine, mirror());
    deviceStore(machine, device, at(1), 1);
    run(machine, machine.files.truncate('f', PAGE));
    expect(deviceLoad(machine, device, at(1))).toBe('EFAULT');
    expectClean(machine);
  });
});

describe('sync', () => {
  it('writes what was stored, and what a device stores afterwards faults and is written again', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE);
    map(machine, 1, { at: at(0), file, flags: ['shared'] });
    const device = attachTo(machine, mirror());
    const onDisk = (): number => {
      const page = new Uint8Array(PAGE);
      [...kernelOf(machine).files.values()][0].store.read(0, page);
      return page[0];
    };
    deviceStore(machine, device, at(0), 1);
    run(machine, machine.files.sync('f'));
    expect(onDisk()).toBe(1);
    expect([...device.translations()]).toEqual([]);
    deviceStore(machine, device, at(0), 2);
    expect(onDisk()).toBe(1);
    run(machine, machine.files.sync('f'));
    expect(onDisk()).toBe(2);
    store(machine, at(0), 3);
    run(machine, machine.files.sync('f'));
    expect(onDisk()).toBe(3);
    expectClean(machine);
  });

  it('answers ENOENT for a name that there is not, as write and truncate do', () => {
    const machine = machineOf();
    expect(run(machine, machine.files.sync('g'))).toBe('ENOENT');
    expect(run(machine, machine.files.write('g', 0, new Uint8Array(1)))).toBe('ENOENT');
    expect(run(machine, machine.files.truncate('g', 0))).toBe('ENOENT');
    machine.files.create('g', 0);
    expect(() => machine.files.create('g', 0)).toThrow('there is a file g already');
  });
});

describe('write', () => {
  it('crosses pages and is seen through mappings at once', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 2 * PAGE);
    map(machine, 2, { at: at(0), file, flags: ['shared'] });
    run(machine, machine.files.write('f', PAGE - 2, Uint8Array.of(1, 2, 3, 4)));
    expect([PAGE - 2, PAGE - 1, PAGE, PAGE + 1].map((offset) => load(machine, at(0) + offset))).toEqual([1, 2, 3, 4]);
    expectClean(machine);
  });

  it('survives reclaim of the page cache', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 8 * PAGE);
    const data = Uint8Array.from({ length: 8 * PAGE }, (_, i) => i >> 12);
    run(machine, machine.files.write('f', 0, data));
    expect(run(machine, machine.reclaim(8))).toBe(8);
    map(machine, 8, { at: at(0), file });
    expect(firstBytes(machine, at(0), 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expectClean(machine);
  });
});

describe('shared anonymous memory', () => {
  it('goes with its last mapping', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0), flags: ['shared'] });
    fill(machine, at(0), 2, 1);
    expect(kernelOf(machine).files.size).toBe(1);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(kernelOf(machine).files.size).toBe(1);
    run(machine, machine.syscalls.munmap(p1(machine), at(1), PAGE));
    expect(kernelOf(machine).files.size).toBe(0);
    expectClean(machine);
  });

  it('of a call that fails is not left behind', () => {
    const machine = machineOf();
    const call = { address: AREA + 1, length: PAGE, prot: 'rw', flags: ['shared', 'fixed'] };
    expect(run(machine, machine.syscalls.mmap(p1(machine), call))).toBe('EINVAL');
    expect(kernelOf(machine).files.size).toBe(0);
  });
});

describe('a store of pages in memory', () => {
  it('shows the filler until a page is written, and zeros behind its length', () => {
    const disk = new MemoryStore(PAGE + 100, (index, into) => into.fill(index + 1));
    const page = new Uint8Array(PAGE);
    const read = (index: number, offset: number): number => (disk.read(index, page), page[offset]);
    expect([read(0, 0), read(1, 99), read(1, 100), read(2, 0)]).toEqual([1, 2, 0, 0]);
    disk.truncate(10);
    disk.truncate(PAGE);
    expect([read(0, 9), read(0, 10)]).toEqual([1, 0]);
  });
});
