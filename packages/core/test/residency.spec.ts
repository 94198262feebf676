/** What stays in memory, what leaves it, and who is asked: mlock, mincore, msync, and the advices about residency. */
import type { Errno } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { TASK_SIZE } from '../src/types.ts';
import { deviceLoad, deviceStore } from './device.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  firstBytes,
  fork,
  kernelOf,
  layout,
  load,
  machineOf,
  map,
  mmapResult,
  p1,
  pfnAt,
  run,
  store,
} from './machine.ts';
import { mirror } from './mirror.ts';
import { attachTo } from './spy.ts';

const at = (page: number): number => AREA + page * PAGE;

/** The calls of one process, in pages of the area. */
function callsOf(machine: Machine, process: Process = p1(machine)) {
  const { syscalls } = machine;
  const range = (page: number, pages: number): [Process, number, number] => [process, at(page), pages * PAGE];
  return {
    mlock: (page: number, pages: number) => run(machine, syscalls.mlock(...range(page, pages)), process),
    munlock: (page: number, pages: number) => run(machine, syscalls.munlock(...range(page, pages)), process),
    msync: (page: number, pages: number, ...flags: string[]) =>
      run(machine, syscalls.msync(...range(page, pages), flags), process),
    madvise: (page: number, pages: number, advice: string) =>
      run(machine, syscalls.madvise(...range(page, pages), advice), process),
    mprotect: (page: number, pages: number, prot: string) =>
      run(machine, syscalls.mprotect(...range(page, pages), prot), process),
    munmap: (page: number, pages: number) => run(machine, syscalls.munmap(...range(page, pages)), process),
    mremap: (page: number, old: number, pages: number, flags: string[], to = 0) =>
      run(machine, syscalls.mremap(process, at(page), old * PAGE, pages * PAGE, flags, at(to)), process),
    mincore: (page: number, pages: number): string => {
      const answer = run(machine, syscalls.mincore(...range(page, pages)), process);
      return typeof answer === 'string' ? answer : answer.join('');
    },
  };
}

/** Which pages are mapped: `1` for present. */
function present(machine: Machine, page: number, pages: number): string {
  const entries = machine.syscalls.pagemap(p1(machine), at(page), pages * PAGE);
  return entries.map((entry) => (entry.present ? '1' : '0')).join('');
}

describe('mlock', () => {
  it('brings the pages in, private writable ones as pages of their own', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 2 * PAGE);
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(2), prot: 'r' });
    map(machine, 2, { at: at(4), file, flags: ['shared'] });
    load(machine, at(1));
    expect(callsOf(machine).mlock(0, 6)).toBeUndefined();
    expect(present(machine, 0, 6)).toBe('111111');
    expect(machine.syscalls.rss(p1(machine))).toMatchObject({ anon: 2, file: 2 });
    expect(machine.stats()['faults']['sharedWrite']).toBe(0);
    expectClean(machine);
  });

  it('widens its range to whole pages, and splits and merges mappings', () => {
    const machine = machineOf();
    const { mlock, munlock } = callsOf(machine);
    map(machine, 4, { at: at(0) });
    expect(run(machine, machine.syscalls.mlock(p1(machine), at(1) + 1, PAGE))).toBeUndefined();
    expect(layout(machine, AREA)).toEqual(['0-1 rw-', '1-3 rw-', '3-4 rw-']);
    expect(mlock(0, 1)).toBeUndefined();
    expect(layout(machine, AREA)).toEqual(['0-3 rw-', '3-4 rw-']);
    expect(munlock(0, 3)).toBeUndefined();
    expect(layout(machine, AREA)).toEqual(['0-4 rw-']);
    expect(present(machine, 0, 4)).toBe('1110');
    expectClean(machine);
  });

  it.each<[Errno | undefined, number, number]>([
    ['ENOMEM', 8, 1],
    ['ENOMEM', 0, 5],
    [undefined, 0, 0],
    [undefined, 8, 0],
  ])('answers %s for %i and %i pages', (errno, page, pages) => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    expect(callsOf(machine).mlock(page, pages)).toBe(errno);
    expect(callsOf(machine).munlock(page, pages)).toBe(errno);
  });

  it('has locked what lies before a hole, and populated nothing', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    map(machine, 1, { at: at(3) });
    expect(callsOf(machine).mlock(1, 3)).toBe('ENOMEM');
    expect(layout(machine, AREA)).toEqual(['0-1 rw-', '1-2 rw-', '3-4 rw-']);
    expect(present(machine, 0, 4)).toBe('0000');
  });

  it('answers ENOMEM for memory without permission and for pages beyond the end of a file, which it has locked', () => {
    const machine = machineOf();
    const { mlock, mprotect, madvise } = callsOf(machine);
    map(machine, 1, { at: at(0), prot: '-' });
    map(machine, 2, { at: at(2), file: machine.files.create('f', PAGE), flags: ['shared'] });
    expect(mlock(0, 1)).toBe('ENOMEM');
    expect(mlock(2, 2)).toBe('ENOMEM');
    expect(present(machine, 2, 2)).toBe('10');
    expect(madvise(0, 1, 'dontneed')).toBe('EINVAL');
    // Becoming writable populates what was locked.
    expect(mprotect(0, 1, 'rw')).toBeUndefined();
    expect(present(machine, 0, 1)).toBe('1');
  });

  it.each(['private', 'shared'])('keeps %s pages out of the reach of reclaim, until munlock', (sharing) => {
    const machine = machineOf();
    const { mlock, munlock } = callsOf(machine);
    map(machine, 8, { at: at(0), flags: [sharing] });
    fill(machine, at(0), 8, 1);
    expect(mlock(0, 4)).toBeUndefined();
    run(machine, machine.reclaim(64));
    expect(present(machine, 0, 8)).toBe('11110000');
    expect(machine.stats()['swap']['used']).toBe(4);
    expect(munlock(0, 4)).toBeUndefined();
    expect(present(machine, 0, 4)).toBe('1111');
    run(machine, machine.reclaim(64));
    expect(present(machine, 0, 4)).toBe('0000');
    expect(firstBytes(machine, at(0), 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expectClean(machine);
  });

  it('does not save the pages of a file from truncate', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 2 * PAGE);
    map(machine, 2, { at: at(0), file, flags: ['shared', 'locked'] });
    run(machine, machine.files.truncate('f', PAGE));
    expect(present(machine, 0, 2)).toBe('10');
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });

  it('is not inherited, moves along, and does not stay behind', () => {
    const machine = machineOf();
    const { mremap, madvise } = callsOf(machine);
    map(machine, 2, { at: at(0), flags: ['private', 'locked'] });
    const child = fork(machine);
    expect(callsOf(machine, child).madvise(0, 2, 'dontneed')).toBeUndefined();
    expect(madvise(0, 2, 'dontneed')).toBe('EINVAL');
    expect(mremap(0, 2, 2, ['maymove', 'fixed', 'dontunmap'], 8)).toBe(at(8));
    expect(madvise(0, 2, 'dontneed')).toBeUndefined();
    expect(madvise(8, 2, 'dontneed')).toBe('EINVAL');
    expect(mremap(8, 2, 4, [])).toBe(at(8));
    expect(present(machine, 8, 4)).toBe('1111');
    expectClean(machine);
  });
});

describe('mmap', () => {
  it('locked populates, merges with its like only, and swallows what cannot be had', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0), flags: ['private', 'locked'] });
    map(machine, 2, { at: at(2) });
    map(machine, 2, { at: at(4), prot: '-', flags: ['private', 'locked'] });
    expect(present(machine, 0, 6)).toBe('110000');
    expect(layout(machine, AREA)).toEqual(['0-2 rw-', '2-4 rw-', '4-6 ---']);
  });

  it.each<[Errno, number, readonly string[], boolean]>([
    ['ENOMEM', 0x20000000, ['private', 'hugetlb', 'fixed'], false],
    ['ENOMEM', 0, ['shared', 'hugetlb'], true],
    ['EINVAL', 0x20001000, ['private', 'hugetlb', 'fixed'], true],
    ['EEXIST', 0x20000000, ['private', 'hugetlb', 'fixed_noreplace'], true],
    ['ENOMEM', 2 ** 47, ['private', 'hugetlb', 'fixed'], true],
  ])('hugetlb answers %s at %i with %j', (errno, address, flags, stays) => {
    const machine = machineOf();
    map(machine, 1, { at: 0x20000000 + 64 * PAGE });
    const call = { address, length: PAGE, prot: 'rw', flags };
    expect(run(machine, machine.syscalls.mmap(p1(machine), call))).toBe(errno);
    // A fixed mapping that finds no huge page has removed what was there by then.
    expect(machine.syscalls.maps(p1(machine))).toHaveLength(stays ? 1 : 0);
  });

  it('hugetlb of a file is EINVAL, and so is no length', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE);
    expect(mmapResult(machine, 1, { file, flags: ['shared', 'hugetlb'] })).toBe('EINVAL');
    expect(mmapResult(machine, 0, { flags: ['shared', 'hugetlb'] })).toBe('EINVAL');
    expectClean(machine);
  });
});

describe('mincore', () => {
  it('sees what is mapped here: pages, the zero page, memory that has lost its permission', () => {
    const machine = machineOf();
    const { mincore, mprotect } = callsOf(machine);
    map(machine, 4, { at: at(0) });
    store(machine, at(1), 1);
    load(machine, at(3));
    expect(mincore(0, 4)).toBe('0101');
    mprotect(0, 4, '-');
    expect(mincore(0, 4)).toBe('0101');
  });

  it('sees the page cache, whoever brought the page in', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['private'] });
    map(machine, 4, { at: at(4), file, flags: ['shared'] });
    load(machine, at(5));
    run(machine, machine.files.write('f', 3 * PAGE, Uint8Array.of(1)));
    expect(callsOf(machine).mincore(0, 4)).toBe('0101');
    run(machine, machine.reclaim(64));
    expect(callsOf(machine).mincore(0, 4)).toBe('0000');
  });

  it('sees the swap cache, and not the swap', () => {
    const machine = machineOf();
    const { mincore, madvise } = callsOf(machine);
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, machine.reclaim(64));
    expect(mincore(0, 2)).toBe('00');
    expect(madvise(0, 1, 'willneed')).toBeUndefined();
    expect(present(machine, 0, 2)).toBe('00');
    expect(mincore(0, 2)).toBe('10');
    expect(firstBytes(machine, at(0), 2)).toEqual([1, 2]);
    expectClean(machine);
  });

  it('answers EINVAL for an address inside a page, ENOMEM for a hole, and nothing for nothing', () => {
    const machine = machineOf();
    const { syscalls } = machine;
    map(machine, 1, { at: at(0) });
    const mincore = (address: number, length: number): unknown =>
      run(machine, syscalls.mincore(p1(machine), address, length));
    expect(mincore(at(0) + 1, PAGE)).toBe('EINVAL');
    expect(mincore(at(0), 2 * PAGE)).toBe('ENOMEM');
    expect(mincore(at(0), TASK_SIZE)).toBe('ENOMEM');
    expect(mincore(TASK_SIZE + PAGE, 0)).toBe('ENOMEM');
    expect(mincore(at(8), 0)).toEqual(new Uint8Array(0));
    expect(mincore(at(0), 1)).toEqual(Uint8Array.of(0));
  });
});

describe('msync', () => {
  const dirtyFile = (machine: Machine) => {
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    fill(machine, at(0), 4, 1);
    return kernelOf(machine).files.get(1);
  };
  const onDisk = (machine: Machine): number[] =>
    [0, 1, 2, 3].map((index) => {
      const page = new Uint8Array(PAGE);
      kernelOf(machine).files.get(1)?.store.read(index, page);
      return page[0];
    });

  it('sync writes the dirty pages of its range, and no others', () => {
    const machine = machineOf();
    dirtyFile(machine);
    expect(callsOf(machine).msync(1, 2, 'sync')).toBeUndefined();
    expect(onDisk(machine)).toEqual([0, 2, 3, 0]);
    expectClean(machine);
  });

  it.each([[['async']], [[]], [['invalidate']]])('%j writes nothing', (flags) => {
    const machine = machineOf();
    dirtyFile(machine);
    expect(callsOf(machine).msync(0, 4, ...flags)).toBeUndefined();
    expect(onDisk(machine)).toEqual([0, 0, 0, 0]);
  });

  it('passes over holes and answers ENOMEM when all is done', () => {
    const machine = machineOf();
    dirtyFile(machine);
    const { msync, munmap } = callsOf(machine);
    munmap(1, 1);
    expect(msync(0, 4, 'sync')).toBe('ENOMEM');
    expect(onDisk(machine)).toEqual([1, 0, 3, 4]);
    expect(msync(8, 1, 'sync')).toBe('ENOMEM');
    expect(msync(8, 0, 'sync')).toBeUndefined();
  });

  it('answers EINVAL for async with sync and inside a page, EBUSY for invalidate on locked memory', () => {
    const machine = machineOf();
    dirtyFile(machine);
    const { msync, mlock } = callsOf(machine);
    expect(msync(0, 1, 'async', 'sync')).toBe('EINVAL');
    expect(run(machine, machine.syscalls.msync(p1(machine), at(0) + 1, PAGE, ['sync']))).toBe('EINVAL');
    expect(() => msync(0, 1, 'now')).toThrow('found msync flag "now"');
    mlock(2, 1);
    expect(msync(0, 4, 'sync', 'invalidate')).toBe('EBUSY');
    expect(onDisk(machine)).toEqual([1, 2, 0, 0]);
  });

  it('has what a device stored', () => {
    const machine = machineOf();
    dirtyFile(machine);
    const device = attachTo(machine, mirror());
    const { msync } = callsOf(machine);
    expect(msync(0, 4, 'sync')).toBeUndefined();
    expect(deviceStore(machine, device, at(2), 77)).toBe('done');
    expect(msync(0, 4, 'sync')).toBeUndefined();
    expect(onDisk(machine)).toEqual([1, 2, 77, 4]);
    expectClean(machine);
  });
});

describe('madvise', () => {
  it.each([
    ['cold', ['private', 'locked'], 'EINVAL'],
    ['pageout', ['private', 'locked'], 'EINVAL'],
    ['free', ['private', 'locked'], 'EINVAL'],
    ['remove', ['shared', 'locked'], 'EINVAL'],
    ['remove', ['private'], 'EINVAL'],
    ['remove', ['shared'], undefined],
    ['collapse', ['private'], 'EINVAL'],
    ['mergeable', ['private'], 'EINVAL'],
    ['unmergeable', ['private'], 'EINVAL'],
    ['populate_read', ['private'], undefined],
    ['populate_write', ['private'], undefined],
  ])('%s on %j answers %s', (advice, flags, errno) => {
    const machine = machineOf();
    map(machine, 2, { at: at(0), flags });
    expect(callsOf(machine).madvise(0, 2, advice)).toBe(errno);
    expectClean(machine);
  });

  it('remove of a private file mapping is EACCES', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0), file: machine.files.create('f', PAGE), flags: ['private'] });
    expect(callsOf(machine).madvise(0, 2, 'remove')).toBe('EACCES');
  });

  it.each(['a file', 'shared memory'])(
    'remove makes a hole in %s that everybody sees, and private copies stay',
    (what) => {
      const machine = machineOf();
      const content = Uint8Array.from({ length: 4 * PAGE }, (_, i) => 1 + Math.floor(i / PAGE));
      const file = what === 'a file' ? machine.files.create('f', 4 * PAGE, content) : undefined;
      map(machine, 4, { at: at(0), flags: ['shared'], ...(file === undefined ? {} : { file }) });
      fill(machine, at(0), 4, 1);
      if (file !== undefined) map(machine, 4, { at: at(4), file, flags: ['private'] });
      if (file !== undefined) store(machine, at(5), 9);
      if (file !== undefined) load(machine, at(6));
      const child = fork(machine);
      const device = attachTo(machine, mirror());
      expect(deviceLoad(machine, device, at(1))).toBe(2);
      const { madvise, mincore } = callsOf(machine);
      expect(madvise(1, 2, 'remove')).toBeUndefined();
      expect(mincore(0, 4)).toBe('1001');
      expect(deviceLoad(machine, device, at(1))).toBe(0);
      for (const process of [p1(machine), child]) {
        expect(firstBytes(machine, at(0), 4, process)).toEqual([1, 0, 0, 4]);
        if (file !== undefined) expect(firstBytes(machine, at(4), 4, process)).toEqual([1, 9, 0, 4]);
      }
      expect(machine.check()).toEqual([]);
      expectClean(machine);
    },
  );

  it('remove is forgotten by no store: the hole comes back from the disk as zeros', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 2 * PAGE, new Uint8Array(2 * PAGE).fill(7));
    map(machine, 2, { at: at(0), file, flags: ['shared'] });
    fill(machine, at(0), 2, 1);
    const { madvise, msync } = callsOf(machine);
    msync(0, 2, 'sync');
    madvise(0, 1, 'remove');
    run(machine, machine.reclaim(64));
    expect(firstBytes(machine, at(0), 2)).toEqual([0, 2]);
    expectClean(machine);
  });

  it('remove races with loads, stores, writeback and reclaim without a stale byte, in any schedule', () => {
    for (let seed = 0; seed < 200; seed++) {
      const machine = machineOf({ seed, frames: 64 });
      const file = machine.files.create('f', 4 * PAGE, new Uint8Array(4 * PAGE).fill(7));
      map(machine, 4, { at: at(0), file, flags: ['shared'] });
      fill(machine, at(0), 4, 1);
      const child = fork(machine);
      machine.spawn('remove', machine.syscalls.madvise(p1(machine), at(0), 4 * PAGE, 'remove'), p1(machine));
      machine.spawn('load', machine.load(child, at(1), 1, new Uint8Array(1)), child);
      machine.spawn('store', machine.store(child, at(2), 1, Uint8Array.of(9)), child);
      machine.spawn('sync', machine.files.sync('f'));
      machine.spawn('reclaim', machine.reclaim(8));
      machine.runAll();
      const [first, second, , last] = firstBytes(machine, at(0), 4);
      expect([seed, first, second, last]).toEqual([seed, 0, 0, 0]);
      expect(machine.check()).toEqual([]);
      expectClean(machine);
    }
  });

  it('cold makes a page the first to go, although it was used last', () => {
    const machine = machineOf();
    map(machine, 8, { at: at(0) });
    fill(machine, at(0), 8, 1);
    expect(callsOf(machine).madvise(7, 1, 'cold')).toBeUndefined();
    const entry = machine.syscalls.pagemap(p1(machine), at(7), PAGE)[0];
    expect(entry).toMatchObject({ present: true, young: false });
    expect(firstBytes(machine, at(0), 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('pageout writes pages out at once, and passes over those that somebody shares', () => {
    const machine = machineOf();
    const { madvise } = callsOf(machine);
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    const child = fork(machine);
    store(machine, at(0), 10);
    store(machine, at(1), 20);
    expect(madvise(0, 4, 'pageout')).toBeUndefined();
    expect(present(machine, 0, 4)).toBe('0011');
    expect(machine.stats()['swap']['pagesOut']).toBe(2);
    expect(firstBytes(machine, at(0), 4)).toEqual([10, 20, 3, 4]);
    expect(firstBytes(machine, at(0), 4, child)).toEqual([1, 2, 3, 4]);
    expectClean(machine);
  });

  it('pageout keeps what cannot go: pinned pages, and everything where there is no swap', () => {
    const machine = machineOf({ swapPages: 0 });
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const pfn = pfnAt(machine, at(0));
    expect(callsOf(machine).madvise(0, 2, 'pageout')).toBeUndefined();
    expect(pfnAt(machine, at(0))).toBe(pfn);
    expect(firstBytes(machine, at(0), 2)).toEqual([1, 2]);
    expectClean(machine);
  });

  it('pageout throws lazily freed pages away, and keeps those that were stored to since', () => {
    const machine = machineOf();
    const { madvise } = callsOf(machine);
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    madvise(0, 2, 'free');
    store(machine, at(1), 5);
    madvise(0, 2, 'pageout');
    expect(present(machine, 0, 2)).toBe('01');
    expect(firstBytes(machine, at(0), 2)).toEqual([0, 5]);
    expectClean(machine);
  });

  it('populate_write makes pages writable, populate_read brings them in', () => {
    const machine = machineOf();
    const { madvise } = callsOf(machine);
    const file = machine.files.create('f', 2 * PAGE);
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(2), file, flags: ['shared'] });
    expect(madvise(0, 4, 'populate_read')).toBeUndefined();
    expect(machine.stats()['faults']).toMatchObject({ zeroPage: 2, file: 2 });
    expect(madvise(0, 4, 'populate_write')).toBeUndefined();
    const entries = machine.syscalls.pagemap(p1(machine), at(0), 4 * PAGE);
    expect(entries.map(({ writable, dirty }) => writable && dirty)).toEqual([true, true, true, true]);
    expectClean(machine);
  });

  it('populate stops at a hole, at memory without the permission, and beyond the end of a file', () => {
    const machine = machineOf();
    const { madvise } = callsOf(machine);
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(1), prot: 'r' });
    map(machine, 2, { at: at(3), file: machine.files.create('f', PAGE), flags: ['shared'] });
    map(machine, 1, { at: at(5), prot: 'w' });
    expect(madvise(0, 3, 'populate_read')).toBe('ENOMEM');
    expect(present(machine, 0, 2)).toBe('11');
    expect(madvise(0, 2, 'populate_write')).toBe('EINVAL');
    expect(machine.syscalls.rss(p1(machine)).anon).toBe(1);
    expect(madvise(3, 2, 'populate_read')).toBe('EFAULT');
    expect(madvise(5, 1, 'populate_read')).toBe('EINVAL');
  });

  it('willneed reads a file ahead, and maps nothing', () => {
    const machine = machineOf();
    const { madvise, mincore } = callsOf(machine);
    map(machine, 4, { at: at(0), file: machine.files.create('f', 3 * PAGE), flags: ['shared'] });
    expect(madvise(1, 3, 'willneed')).toBeUndefined();
    expect(mincore(0, 4)).toBe('0110');
    expect(present(machine, 0, 4)).toBe('0000');
    expectClean(machine);
  });
});
