import {
  AREA,
  PAGE,
  expectClean,
  fill,
  fork,
  kernelOf,
  load,
  machineOf,
  map,
  p1,
  run,
  store,
} from '../../test/machine.ts';
import { attachTo, spy } from '../../test/spy.ts';
import { Machine } from '../machine.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { MemorySwapDevice } from '../swap/swap-device.ts';

const at = (page: number): number => AREA + page * PAGE;

/** A machine with a file `f` whose pages are in the page cache, each filled with its number. */
function warm(pages: number, options: Parameters<typeof machineOf>[0] = {}): Machine {
  const machine = machineOf(options);
  machine.files.create('f', pages * PAGE, (index, into) => into.fill(index + 1));
  run(machine, machine.files.readAhead('f'));
  return machine;
}

function mapFile(machine: Machine, page: number, pages: number, offset = 0, prot = 'r', flags = ['private']): void {
  const file = machine.files.get('f');
  map(machine, pages, { at: at(page), prot, flags, offset: offset * PAGE, ...(file && { file }) });
}

/** `#` present, `.` absent. */
function present(machine: Machine, page: number, pages: number): string {
  return machine.syscalls
    .pagemap(p1(machine), at(page), pages * PAGE)
    .map((entry) => (entry.present ? '#' : '.'))
    .join('');
}

describe('a read fault on a file', () => {
  it('maps what the page cache has of the aligned sixteen pages around it', () => {
    const machine = warm(40);
    mapFile(machine, 0, 40);
    expect(load(machine, at(21))).toBe(22);
    expect(present(machine, 0, 40)).toBe('.'.repeat(16) + '#'.repeat(16) + '.'.repeat(8));
    expect(machine.stats()['faults']).toMatchObject({ total: 1, file: 1, around: 15 });
    expect(machine.syscalls.rss(p1(machine)).file).toBe(16);
    for (let page = 16; page < 32; page++) expect(load(machine, at(page))).toBe(page + 1);
    expect(machine.stats()['faults']).toMatchObject({ total: 1 });
    expectClean(machine);
  });

  it('makes every pte young, as on x86, and none dirty', () => {
    const machine = warm(16);
    mapFile(machine, 0, 16, 0, 'rw');
    load(machine, at(3));
    for (const entry of machine.syscalls.pagemap(p1(machine), at(0), 16 * PAGE))
      expect(entry).toMatchObject({ young: true, dirty: false, writable: false });
    expectClean(machine);
  });

  it('stays inside the VMA: a window that the start cuts off is sixteen pages from there', () => {
    const machine = warm(64);
    mapFile(machine, 3, 40, 3);
    load(machine, at(8));
    expect(present(machine, 3, 40)).toBe('#'.repeat(16) + '.'.repeat(24));
    load(machine, at(42));
    expect(present(machine, 3, 40)).toBe('#'.repeat(16) + '.'.repeat(13) + '#'.repeat(11));
    expectClean(machine);
  });

  it('stays inside its page table and before the end of the file', () => {
    const machine = warm(20);
    mapFile(machine, 510, 40);
    load(machine, at(511));
    expect(present(machine, 510, 40)).toBe('##' + '.'.repeat(38));
    load(machine, at(528));
    // Pages 528 and 529 are the last of the file.
    expect(present(machine, 510, 40)).toBe('##' + '.'.repeat(16) + '##' + '.'.repeat(20));
    expectClean(machine);
  });

  it('passes over pages that are locked, absent from the cache or mapped already', () => {
    const machine = warm(16);
    const { frames, files } = kernelOf(machine);
    mapFile(machine, 0, 16, 0, 'rw');
    store(machine, at(2), 50);
    const { pfn } = [...files.values()][0].pages.get(5) as { pfn: number };
    frames.set(pfn, FrameFlags.Locked);
    load(machine, at(7));
    frames.clear(pfn, FrameFlags.Locked);
    expect(present(machine, 0, 16)).toBe('#####.##########');
    expect(load(machine, at(2))).toBe(50);
    expectClean(machine);
  });

  it('brings in only its own page of a file that nobody has read', () => {
    const machine = machineOf();
    machine.files.create('f', 16 * PAGE);
    mapFile(machine, 0, 16);
    load(machine, at(4));
    expect(present(machine, 0, 16)).toBe('....#...........');
    load(machine, at(9));
    expect(present(machine, 0, 16)).toBe('....#....#......');
    expectClean(machine);
  });

  it('also of shared memory, where the neighbours are writable at once', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0), flags: ['shared', 'anonymous'] });
    fill(machine, at(0), 4, 1);
    const child = fork(machine);
    expect(load(machine, at(1), child)).toBe(2);
    const entries = machine.syscalls.pagemap(child, at(0), 4 * PAGE);
    expect(entries.map(({ present, writable, dirty }) => [present, writable, dirty])).toEqual(
      Array.from({ length: 4 }, () => [true, true, false]),
    );
    expectClean(machine);
  });

  it('tells no device', () => {
    const machine = warm(16);
    mapFile(machine, 0, 16);
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    load(machine, at(0));
    expect(watcher.take()).toEqual([]);
    expectClean(machine);
  });
});

describe('a write fault on a file', () => {
  it.each([['private'], ['shared']])('maps its own page only: %s', (kind) => {
    const machine = warm(16);
    mapFile(machine, 0, 16, 0, 'rw', [kind]);
    store(machine, at(4), 9);
    expect(present(machine, 0, 16)).toBe('....#...........');
    expectClean(machine);
  });
});

describe('faultAroundBytes', () => {
  const machineWith = (faultAroundBytes: number): Machine =>
    new Machine({
      ramBytes: 2 ** 20,
      swapBytes: 0,
      oracles: 'on',
      swapDevice: new MemorySwapDevice(),
      faultAroundBytes,
    });

  it('of one page turns it off', () => {
    const machine = machineWith(PAGE);
    machine.files.create('f', 16 * PAGE);
    run(machine, machine.files.readAhead('f'));
    mapFile(machine, 0, 16);
    load(machine, at(4));
    expect(present(machine, 0, 16)).toBe('....#...........');
  });

  it.each([0, 4095, 12288, 2 ** 22])('of %d is refused', (bytes) => {
    expect(() => machineWith(bytes)).toThrow(
      `found ${bytes} bytes to fault around, expected a power of two from 4096 to 2097152`,
    );
  });
});

describe('readAhead', () => {
  it('brings in the pages that a part touches, and says what there is not', () => {
    const machine = machineOf();
    machine.files.create('f', 10 * PAGE - 5);
    expect(run(machine, machine.files.readAhead('f', 2 * PAGE - 1, PAGE))).toBeUndefined();
    const { pages } = [...kernelOf(machine).files.values()][0];
    expect([...pages.keys()]).toEqual([1, 2]);
    run(machine, machine.files.readAhead('f'));
    expect(pages.size).toBe(10);
    expect(run(machine, machine.files.readAhead('g'))).toBe('ENOENT');
    expectClean(machine);
  });
});

describe('fault-around and truncation', () => {
  it('leave no page behind the end mapped, in any schedule', () => {
    for (let seed = 0; seed < 60; seed++) {
      const machine = warm(16, { seed });
      mapFile(machine, 0, 16);
      machine.spawn('read', machine.load(p1(machine), at(9), 1, new Uint8Array(1)), p1(machine));
      machine.spawn('truncate', machine.files.truncate('f', 8 * PAGE));
      machine.runAll();
      expect([seed, present(machine, 8, 8)]).toEqual([seed, '........']);
      expectClean(machine);
    }
  });
});
