/** mmap, munmap, mprotect, mremap, brk and madvise as a process sees them: answers, layout and bytes. */
import fc from 'fast-check';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { TASK_SIZE } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
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
  mmOf,
  mmapResult,
  p1,
  run,
  store,
  withoutOomKiller,
} from './machine.ts';

const at = (page: number): number => AREA + page * PAGE;
const MIB = 2 ** 20;
const SEGV = { signal: 'SIGSEGV', code: 'SEGV_MAPERR' };
const DENIED = { signal: 'SIGSEGV', code: 'SEGV_ACCERR' };

function calls(machine: Machine) {
  const process = p1(machine);
  const { syscalls } = machine;
  return {
    munmap: (page: number, pages: number) => run(machine, syscalls.munmap(process, at(page), pages * PAGE)),
    mprotect: (page: number, pages: number, prot: string) =>
      run(machine, syscalls.mprotect(process, at(page), pages * PAGE, prot)),
    madvise: (page: number, pages: number, advice: string) =>
      run(machine, syscalls.madvise(process, at(page), pages * PAGE, advice)),
    /** In pages of the area; what is no address of it is answered as it is. */
    mremap: (page: number, old: number, pages: number, flags: string[] = [], to = 0): number | Errno => {
      const moved = run(
        machine,
        syscalls.mremap(process, at(page), old * PAGE, pages * PAGE, flags, flags.includes('fixed') ? at(to) : 0),
      );
      return typeof moved === 'number' ? (moved - AREA) / PAGE : moved;
    },
    brk: (address: number) => run(machine, syscalls.brk(process, address)),
  };
}

describe('mmap', () => {
  it('puts each mapping below the one before, down from below the stack', () => {
    const machine = machineOf();
    const [a, b] = [map(machine, 4), map(machine, 1, { prot: 'r' })];
    expect(a).toBe(0x7ffff7fff000 - 4 * PAGE);
    expect(b).toBe(a - PAGE);
  });

  it('fills the highest hole that is large enough', () => {
    const machine = machineOf();
    const a = map(machine, 8);
    run(machine, machine.syscalls.munmap(p1(machine), a + 2 * PAGE, 3 * PAGE));
    expect(map(machine, 4, { prot: 'r' })).toBe(a - 4 * PAGE);
    expect(map(machine, 3, { prot: 'r' })).toBe(a + 2 * PAGE);
  });

  it('takes a hint where there is room, and another place where there is none', () => {
    const machine = machineOf();
    const hinted = (address: number) =>
      run(machine, machine.syscalls.mmap(p1(machine), { address, length: PAGE, prot: 'rw', flags: ['private'] }));
    expect(hinted(at(3) + 123)).toBe(at(3));
    expect(hinted(at(3))).toBe(0x7ffff7fff000 - PAGE);
  });

  it.each([
    ['EINVAL', { length: 0 }],
    ['EINVAL', { address: AREA + 1, flags: ['private', 'fixed'] }],
    ['EINVAL', { flags: ['private', 'shared'] }],
    ['EINVAL', { flags: [] }],
    ['EINVAL', { offset: 100 }],
    ['ENOMEM', { length: 2 ** 48 }],
    ['ENOMEM', { address: TASK_SIZE, flags: ['private', 'fixed'] }],
    ['EEXIST', { flags: ['private', 'fixed_noreplace'] }],
    ['EEXIST', { flags: ['private', 'fixed', 'fixed_noreplace'] }],
    ['EINVAL', { address: at(50), flags: ['shared', 'growsdown', 'fixed'] }],
  ])('answers %s for %j, and changes nothing', (errno, call) => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    const wanted = { address: at(0), length: PAGE, prot: 'rw', flags: ['private'], ...call };
    expect(run(machine, machine.syscalls.mmap(p1(machine), wanted))).toBe(errno);
    expect(layout(machine, AREA)).toEqual(['0-2 rw-']);
    expectClean(machine);
  });

  it('refuses words that are no flags', () => {
    const machine = machineOf();
    expect(() => map(machine, 1, { flags: ['private', 'uninitialized'] })).toThrow('found mmap flag "uninitialized"');
    expect(() => map(machine, 1, { prot: 'rz' })).toThrow('found protection "rz"');
  });

  it('populate makes private writable memory its own at once', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0), flags: ['private', 'populate'] });
    expect(machine.syscalls.rss(p1(machine)).anon).toBe(4);
    expect(firstBytes(machine, at(0), 4)).toEqual([0, 0, 0, 0]);
  });

  it('replaces what stands at a fixed address', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    map(machine, 2, { at: at(1), prot: 'r' });
    expect(layout(machine, AREA)).toEqual(['0-1 rw-', '1-3 r--', '3-4 rw-']);
    expect(firstBytes(machine, at(0), 4)).toEqual([1, 0, 0, 4]);
    expectClean(machine);
  });
});

describe('one mapping or two', () => {
  it('new memory next to touched or untouched memory is one', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    map(machine, 2, { at: at(2) });
    map(machine, 2, { at: at(4) });
    expect(layout(machine, AREA)).toEqual(['0-6 rw-']);
  });

  it('a hole between two that were touched on their own joins the left one', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(2) });
    store(machine, at(0), 1);
    store(machine, at(2), 1);
    map(machine, 1, { at: at(1) });
    expect(layout(machine, AREA)).toEqual(['0-2 rw-', '2-3 rw-']);
  });

  it('a hole between two parts of one mapping joins all three', () => {
    const machine = machineOf();
    map(machine, 3, { at: at(0) });
    fill(machine, at(0), 3, 1);
    calls(machine).munmap(1, 1);
    map(machine, 1, { at: at(1) });
    expect(layout(machine, AREA)).toEqual(['0-3 rw-']);
    expect(firstBytes(machine, at(0), 3)).toEqual([1, 0, 3]);
    expectClean(machine);
  });

  it('mprotect there and back is one, touched or not', () => {
    const machine = machineOf();
    const { mprotect } = calls(machine);
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 2, 1);
    mprotect(1, 2, 'r');
    expect(layout(machine, AREA)).toEqual(['0-1 rw-', '1-3 r--', '3-4 rw-']);
    mprotect(1, 2, 'rw');
    expect(layout(machine, AREA)).toEqual(['0-4 rw-']);
    expect(firstBytes(machine, at(0), 4)).toEqual([1, 2, 0, 0]);
  });

  it('neighbours that differed in protection only share an anon_vma, and so become one', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(2), prot: 'rwx' });
    store(machine, at(0), 1);
    store(machine, at(2), 1);
    calls(machine).mprotect(2, 2, 'rw');
    expect(layout(machine, AREA)).toEqual(['0-4 rw-']);
    expectClean(machine);
  });

  it('in a child, touched memory and new memory next to it are two', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    map(machine, 1, { at: at(1), process: child });
    expect(layout(machine, AREA, child)).toEqual(['0-1 rw-', '1-2 rw-']);
    map(machine, 1, { at: at(1) });
    expect(layout(machine, AREA)).toEqual(['0-2 rw-']);
    expectClean(machine);
  });

  it.each(['noreserve', 'stack'])('%s and not are two', (flag) => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(1), flags: ['private', flag] });
    expect(layout(machine, AREA)).toHaveLength(2);
  });

  it('file mappings are one where their offsets continue', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 8 * PAGE);
    map(machine, 1, { at: at(0), file });
    map(machine, 1, { at: at(1), file, offset: PAGE });
    map(machine, 1, { at: at(2), file, offset: 4 * PAGE });
    expect(layout(machine, AREA)).toEqual(['0-2 rw-', '2-3 rw-']);
  });
});

describe('munmap', () => {
  it('cuts, splits and passes over holes', () => {
    const machine = machineOf();
    map(machine, 6, { at: at(0) });
    map(machine, 2, { at: at(8) });
    fill(machine, at(0), 6, 1);
    expect(calls(machine).munmap(2, 2)).toBeUndefined();
    expect(calls(machine).munmap(5, 4)).toBeUndefined();
    expect(layout(machine, AREA)).toEqual(['0-2 rw-', '4-5 rw-', '9-10 rw-']);
    expect(load(machine, at(2))).toMatchObject({ ...SEGV, address: at(2) });
    expect(firstBytes(machine, at(4), 1)).toEqual([5]);
    expectClean(machine);
  });

  it.each([
    [AREA + 1, PAGE],
    [AREA, 0],
    [TASK_SIZE, PAGE],
    [TASK_SIZE - PAGE, 2 * PAGE],
  ])('answers EINVAL for %d, %d', (address, length) => {
    const machine = machineOf();
    expect(run(machine, machine.syscalls.munmap(p1(machine), address, length))).toBe('EINVAL');
  });

  it('gives tables back that nobody needs, and keeps those of a neighbour', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(8), prot: 'r' });
    store(machine, at(0), 1);
    load(machine, at(8));
    expect(mmOf(machine).tablePages).toBe(3);
    calls(machine).munmap(0, 1);
    expect(mmOf(machine).tablePages).toBe(3);
    calls(machine).munmap(8, 1);
    expect(mmOf(machine).tablePages).toBe(0);
    expectClean(machine);
  });

  it('gives back the tables of the highest addresses too', () => {
    const machine = machineOf();
    const address = map(machine, 1);
    store(machine, address, 1);
    run(machine, machine.syscalls.munmap(p1(machine), address, PAGE));
    expect(mmOf(machine).tablePages).toBe(0);
    expectClean(machine);
  });

  it('frees more pages than one batch holds', () => {
    const machine = machineOf({ frames: 2048 });
    map(machine, 1200, { at: at(0) });
    fill(machine, at(0), 1200, 1);
    const { free } = machine.stats()['memory'] as { free: number };
    calls(machine).munmap(0, 1200);
    expect(machine.stats()['memory']['free']).toBeGreaterThanOrEqual(free + 1200);
    expectClean(machine);
  });
});

describe('mprotect', () => {
  it('takes permission at once and gives it back, by a fault where a store would copy', () => {
    const machine = machineOf();
    const { mprotect } = calls(machine);
    map(machine, 3, { at: at(0) });
    fill(machine, at(0), 2, 1);
    mprotect(0, 1, 'r');
    expect(store(machine, at(0), 9)).toMatchObject(DENIED);
    mprotect(0, 1, '-');
    expect(load(machine, at(0))).toMatchObject(DENIED);
    expect(machine.syscalls.pagemap(p1(machine), at(0), 1)[0]).toMatchObject({ present: true, writable: false });
    load(machine, at(2));
    mprotect(0, 3, 'r');
    mprotect(0, 3, 'rw');
    const entries = machine.syscalls.pagemap(p1(machine), at(0), 3 * PAGE);
    expect(entries.map(({ writable }) => writable)).toEqual([true, true, false]);
    expect(load(machine, at(0))).toBe(1);
    expect(store(machine, at(0), 9)).toBeUndefined();
    expect(store(machine, at(2), 9)).toBeUndefined();
    expectClean(machine);
  });

  it('changes all before a hole, nothing after it, and answers ENOMEM', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(2) });
    expect(calls(machine).mprotect(0, 3, 'r')).toBe('ENOMEM');
    expect(layout(machine, AREA)).toEqual(['0-1 r--', '2-3 rw-']);
  });

  it('lets memory with any permission be read, as x86 does', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0), prot: 'w' });
    store(machine, at(0), 5);
    expect(load(machine, at(0))).toBe(5);
    expect(run(machine, machine.fetch(p1(machine), at(0), 1, new Uint8Array(1)))).toMatchObject(DENIED);
  });
});

describe('mremap', () => {
  it('grows in place where there is room', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    expect(calls(machine).mremap(0, 2, 4)).toBe(0);
    expect(layout(machine, AREA)).toEqual(['0-4 rw-']);
    expect(firstBytes(machine, at(0), 4)).toEqual([1, 2, 0, 0]);
  });

  it('answers ENOMEM where something is in the way, and moves when it may', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    map(machine, 1, { at: at(2), prot: 'r' });
    fill(machine, at(0), 2, 1);
    expect(calls(machine).mremap(0, 2, 4)).toBe('ENOMEM');
    const moved = calls(machine).mremap(0, 2, 4, ['maymove']) as number;
    expect(firstBytes(machine, at(moved), 4)).toEqual([1, 2, 0, 0]);
    expect(load(machine, at(0))).toMatchObject(SEGV);
    expectClean(machine);
  });

  it('shrinks, and unmaps the tail', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    expect(calls(machine).mremap(0, 4, 1)).toBe(0);
    expect(layout(machine, AREA)).toEqual(['0-1 rw-']);
    expectClean(machine);
  });

  it('moves onto something, which goes first', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    map(machine, 8, { at: at(600), prot: 'rwx' });
    fill(machine, at(0), 2, 1);
    fill(machine, at(600), 8, 50);
    expect(calls(machine).mremap(0, 2, 2, ['maymove', 'fixed'], 602)).toBe(602);
    expect(firstBytes(machine, at(600), 5)).toEqual([50, 51, 1, 2, 54]);
    expectClean(machine);
  });

  it('keeps the old range mapped and empty', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const moved = calls(machine).mremap(0, 2, 2, ['maymove', 'dontunmap']) as number;
    expect(firstBytes(machine, at(moved), 2)).toEqual([1, 2]);
    expect(firstBytes(machine, at(0), 2)).toEqual([0, 0]);
    fill(machine, at(0), 2, 7);
    expect(firstBytes(machine, at(moved), 2)).toEqual([1, 2]);
    expectClean(machine);
  });

  it('moves several mappings in order, and leaves what stands where a hole comes to lie', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(2), prot: 'rwx' });
    map(machine, 3, { at: at(100), flags: ['private', 'noreserve'] });
    for (const [page, value] of [
      [0, 1],
      [2, 3],
      [101, 9],
    ])
      store(machine, at(page), value);
    expect(calls(machine).mremap(0, 3, 3, ['maymove', 'fixed'], 100)).toBe(100);
    expect(layout(machine, at(100))).toEqual(['0-1 rw-', '1-2 rw-', '2-3 rwx']);
    expect(firstBytes(machine, at(100), 3)).toEqual([1, 9, 3]);
    expectClean(machine);
  });

  it('makes a second mapping of shared memory with an old length of 0', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0), flags: ['shared'] });
    fill(machine, at(0), 2, 1);
    expect(calls(machine).mremap(0, 0, 2, ['maymove', 'fixed'], 10)).toBe(10);
    store(machine, at(11), 77);
    expect(load(machine, at(1))).toBe(77);
    expectClean(machine);
  });

  it.each<[string, Parameters<ReturnType<typeof calls>['mremap']>]>([
    ['EINVAL', [0, 1, 0]],
    ['EFAULT', [20, 1, 2]],
    ['EINVAL', [0, 0, 1]],
    ['EINVAL', [0, 1, 1, ['fixed'], 40]],
    ['EINVAL', [0, 1, 1, ['dontunmap']]],
    ['EINVAL', [0, 1, 2, ['maymove', 'dontunmap']]],
    ['EINVAL', [0, 2, 2, ['maymove', 'fixed'], 1]],
    ['EFAULT', [0, 4, 6]],
    ['EFAULT', [0, 4, 6, ['maymove', 'fixed'], 40]],
  ])('answers %s for %j, and changes nothing', (errno, args) => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(2), prot: 'r' });
    expect(calls(machine).mremap(...args)).toBe(errno);
    expect(layout(machine, AREA)).toEqual(['0-2 rw-', '2-4 r--']);
  });

  it('finds the pages of a moved mapping again: they can be reclaimed and come back', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    calls(machine).mremap(0, 4, 4, ['maymove', 'fixed'], 1000);
    expect(run(machine, machine.reclaim(4))).toBe(4);
    expect(firstBytes(machine, at(1000), 4)).toEqual([1, 2, 3, 4]);
    expectClean(machine);
  });

  it('that runs out of memory half-way leaves everything where it was', () => {
    const machine = withoutOomKiller(machineOf({ frames: 64, swapPages: 0 }));
    const far = 8 * 512;
    for (let i = 0; i < 4; i++) map(machine, 1, { at: at(i * 512 + 511) });
    map(machine, 4 * 512, { at: at(0) });
    for (let i = 0; i < 4; i++) store(machine, at(i * 512), i + 1);
    map(machine, 256, { at: at(-2000), prot: 'rw' });
    let filled = 0;
    while (store(machine, at(-2000 + filled), 9) === undefined) filled++;
    expect(calls(machine).mremap(0, 4 * 512, 4 * 512, ['maymove', 'fixed'], far)).toBe('ENOMEM');
    for (let i = 0; i < 4; i++) expect(load(machine, at(i * 512))).toBe(i + 1);
    expect(load(machine, at(far))).toMatchObject(SEGV);
    expectClean(machine);
  });
});

describe('brk', () => {
  it('grows one mapping, shrinks it, and starts with zeros again', () => {
    const machine = machineOf({ heapStart: AREA });
    const { brk } = calls(machine);
    expect(brk(0)).toBe(AREA);
    expect(brk(at(2) + 10)).toBe(at(2) + 10);
    expect(layout(machine, AREA)).toEqual(['0-3 rw-']);
    fill(machine, at(0), 3, 1);
    brk(at(1));
    brk(at(3));
    expect(firstBytes(machine, at(0), 3)).toEqual([1, 0, 0]);
    expect(layout(machine, AREA)).toEqual(['0-3 rw-']);
  });

  it('keeps one page free below the next mapping', () => {
    const machine = machineOf({ heapStart: AREA });
    const { brk } = calls(machine);
    map(machine, 1, { at: at(4) });
    expect(brk(at(4))).toBe(AREA);
    expect(brk(at(3))).toBe(at(3));
  });

  it('answers the old break for an address below the heap', () => {
    const machine = machineOf({ heapStart: AREA });
    expect(calls(machine).brk(AREA - PAGE)).toBe(AREA);
  });

  it('begins anew after exec', () => {
    const machine = machineOf({ heapStart: AREA });
    calls(machine).brk(at(5));
    run(machine, machine.syscalls.exec(p1(machine)));
    expect(calls(machine).brk(0)).toBe(AREA);
  });
});

describe('a stack', () => {
  const withStack = () => {
    const machine = machineOf();
    map(machine, 2, { at: at(4000), flags: ['private', 'growsdown'] });
    return machine;
  };

  it('grows to the page that is touched', () => {
    const machine = withStack();
    expect(store(machine, at(3990), 1)).toBeUndefined();
    expect(layout(machine, AREA)).toEqual(['3990-4002 rw-']);
    expect(machine.stats()['faults']['stackGrowth']).toBe(1);
    run(machine, machine.reclaim(1));
    expect(load(machine, at(3990))).toBe(1);
    expectClean(machine);
  });

  it('grows no further than the limit of 8 MiB', () => {
    const machine = withStack();
    const lowest = 4002 - (8 * MIB) / PAGE;
    expect(store(machine, at(lowest), 1)).toBeUndefined();
    expect(store(machine, at(lowest - 1), 1)).toMatchObject(SEGV);
  });

  it('keeps 256 pages to accessible memory below, and needs no distance to memory without permission', () => {
    const machine = withStack();
    map(machine, 1, { at: at(3500) });
    expect(store(machine, at(3756), 1)).toMatchObject(SEGV);
    expect(store(machine, at(3757), 1)).toBeUndefined();
    calls(machine).mprotect(3500, 1, '-');
    expect(store(machine, at(3600), 1)).toBeUndefined();
  });

  it('keeps mmap away from the pages below it', () => {
    const machine = machineOf();
    const stack = map(machine, 1, { flags: ['private', 'growsdown'] });
    expect(map(machine, 1)).toBe(stack - 257 * PAGE);
  });
});

describe('the limit of mappings', () => {
  /** `count` mappings of one page, a hole behind each. */
  function crowded(count: number): Machine {
    const machine = machineOf({ frames: 64 });
    const process = p1(machine);
    const many = function* (): Routine<void> {
      for (let page = 0; page < count; page++) {
        const call = { address: at(page * 2), length: PAGE, prot: 'rw', flags: ['private', 'fixed'] };
        yield* machine.syscalls.mmap(process, call);
      }
    };
    run(machine, many());
    expect(mmOf(machine).vmas.size).toBe(count);
    return machine;
  }
  const LIMIT = 65530;
  const size = (machine: Machine): number => mmOf(machine).vmas.size;

  it('lets mmap and brk make one more, and no second one', () => {
    const machine = crowded(LIMIT);
    expect(mmapResult(machine, 1, { at: at(200000) })).toBe(at(200000));
    expect(size(machine)).toBe(LIMIT + 1);
    expect(mmapResult(machine, 1, { at: at(200002) })).toBe('ENOMEM');
    const heap = AREA - 16 * PAGE;
    machine.syscalls.setInitialBrk(p1(machine), heap);
    expect(run(machine, machine.syscalls.brk(p1(machine), heap + PAGE))).toBe(heap);
    calls(machine).munmap(0, 1);
    expect(run(machine, machine.syscalls.brk(p1(machine), heap + PAGE))).toBe(heap + PAGE);
  });

  it('refuses to cut a mapping in three, and lets munmap take an end off', () => {
    const machine = crowded(LIMIT - 1);
    const { munmap, mprotect, madvise } = calls(machine);
    const { syscalls } = machine;
    map(machine, 5, { at: at(200000) });
    expect(munmap(200001, 1)).toBe('ENOMEM');
    expect(mprotect(200001, 1, 'r')).toBe('ENOMEM');
    expect(run(machine, syscalls.mlock(p1(machine), at(200004), PAGE))).toBe('ENOMEM');
    expect(madvise(200004, 1, 'dontfork')).toBe('EAGAIN');
    expect(munmap(200004, 1)).toBeUndefined();
    expect(munmap(200000, 1)).toBeUndefined();
    expect(size(machine)).toBe(LIMIT);
  });

  it('leaves the first of two cuts behind when the second is refused', () => {
    const machine = crowded(LIMIT - 2);
    map(machine, 3, { at: at(200000) });
    expect(calls(machine).mprotect(200001, 1, 'r')).toBe('ENOMEM');
    expect(layout(machine, at(200000)).slice(-2)).toEqual(['0-1 rw-', '1-3 rw-']);
  });

  it('has room for what merges', () => {
    const machine = crowded(LIMIT - 2);
    map(machine, 3, { at: at(200000) });
    map(machine, 3, { at: at(200003), prot: 'r' });
    const { mprotect } = calls(machine);
    expect(mprotect(200002, 1, 'r')).toBeUndefined();
    expect(mprotect(200002, 2, 'rw')).toBeUndefined();
    expect(layout(machine, at(200000)).slice(-2)).toEqual(['0-4 rw-', '4-6 r--']);
    expect(size(machine)).toBe(LIMIT);
  });
});

describe('fork', () => {
  it('shares pages until somebody writes', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    const { free } = machine.stats()['memory'];
    const child = fork(machine);
    expect(machine.stats()['memory']['free']).toBeGreaterThan(free - 8);
    store(machine, at(0), 100);
    store(machine, at(1), 101, child);
    expect(firstBytes(machine, at(0), 4)).toEqual([100, 2, 3, 4]);
    expect(firstBytes(machine, at(0), 4, child)).toEqual([1, 101, 3, 4]);
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });

  it('gives the last of a family its pages back without a copy', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    run(machine, machine.syscalls.exit(p1(machine)));
    store(machine, at(0), 2, child);
    expect(machine.stats()['faults']).toMatchObject({ reuse: 1, copyOnWrite: 0 });
  });

  it('shares shared memory for good', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0), flags: ['shared'] });
    const child = fork(machine);
    store(machine, at(0), 7);
    expect(load(machine, at(0), child)).toBe(7);
    store(machine, at(0), 8, child);
    expect(load(machine, at(0))).toBe(8);
    expectClean(machine);
  });

  it('leaves out what is marked dontfork, and hands on wipeonfork memory empty', () => {
    const machine = machineOf();
    const { madvise } = calls(machine);
    map(machine, 6, { at: at(0) });
    fill(machine, at(0), 6, 1);
    madvise(1, 1, 'dontfork');
    madvise(3, 1, 'wipeonfork');
    const child = fork(machine);
    expect(load(machine, at(1), child)).toMatchObject(SEGV);
    expect(firstBytes(machine, at(2), 3, child)).toEqual([3, 0, 5]);
    madvise(1, 1, 'dofork');
    madvise(3, 1, 'keeponfork');
    expect(layout(machine, AREA)).toEqual(['0-6 rw-']);
    expect(firstBytes(machine, at(0), 6, fork(machine))).toEqual([1, 2, 3, 4, 5, 6]);
    expectClean(machine);
  });

  it('hands swapped pages on', () => {
    const machine = machineOf();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    run(machine, machine.reclaim(4));
    const child = fork(machine);
    expect(firstBytes(machine, at(0), 4, child)).toEqual([1, 2, 3, 4]);
    store(machine, at(0), 9, child);
    expect(firstBytes(machine, at(0), 4)).toEqual([1, 2, 3, 4]);
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });

  it('that runs out of memory answers ENOMEM, and the parent goes on', () => {
    const machine = withoutOomKiller(machineOf({ frames: 64, swapPages: 0 }));
    for (let i = 0; i < 16; i++) {
      map(machine, 1, { at: at(i * 512) });
      store(machine, at(i * 512), i + 1);
    }
    expect(run(machine, machine.syscalls.fork(p1(machine)))).toMatchObject({ name: 'p2' });
    expect(run(machine, machine.syscalls.fork(p1(machine)))).toBe('ENOMEM');
    for (let i = 0; i < 16; i++) expect(load(machine, at(i * 512))).toBe(i + 1);
    expect(machine.check()).toEqual([]);
    expectClean(machine);
  });
});

describe('exit', () => {
  it('frees every frame, slot and anon_vma', () => {
    const machine = machineOf();
    const { free } = machine.stats()['memory'];
    map(machine, 8, { at: at(0) });
    fill(machine, at(0), 8, 1);
    map(machine, 4, { at: at(5000), flags: ['shared'] });
    fill(machine, at(5000), 4, 1);
    run(machine, machine.reclaim(5));
    const child = fork(machine);
    store(machine, at(0), 9, child);
    run(machine, machine.syscalls.exit(child), child);
    run(machine, machine.syscalls.exit(p1(machine)));
    // The top-level table goes too.
    expect(machine.stats()['memory']['free']).toBe(free + 1);
    expect(machine.stats()['swap']['used']).toBe(0);
    expect(kernelOf(machine).anonVmas.count).toBe(0);
    expect(kernelOf(machine).files.size).toBe(0);
    expect(() => machine.syscalls.maps(child)).toThrow('p2 has exited');
  });
});

describe('madvise', () => {
  it('does everything in the range, passes over holes, and answers ENOMEM for them', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(2) });
    fill(machine, at(0), 1, 1);
    fill(machine, at(2), 1, 1);
    expect(calls(machine).madvise(0, 4, 'dontneed')).toBe('ENOMEM');
    expect([load(machine, at(0)), load(machine, at(2))]).toEqual([0, 0]);
  });

  it('dontneed shows the file again behind a private copy', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE, Uint8Array.of(42));
    map(machine, 1, { at: at(0), file });
    store(machine, at(0), 1);
    calls(machine).madvise(0, 1, 'dontneed');
    expect(load(machine, at(0))).toBe(42);
    expectClean(machine);
  });

  it.each([
    ['free', ['shared'], 'EINVAL'],
    ['wipeonfork', ['shared'], 'EINVAL'],
    ['hugepage', ['private'], 'EINVAL'],
  ])('%s on %j memory answers %s', (advice, flags, errno) => {
    const machine = machineOf();
    map(machine, 1, { at: at(0), flags });
    expect(calls(machine).madvise(0, 1, advice)).toBe(errno);
  });

  it('refuses a word that is no advice', () => {
    const machine = machineOf();
    expect(() => calls(machine).madvise(0, 1, 'please')).toThrow('found advice "please"');
  });
});

describe('any sequence of calls', () => {
  it('leaves the layout and the bytes that a list of pages would have', () => {
    const PAGES = 24;
    const page = fc.nat({ max: PAGES - 1 });
    const length = fc.integer({ min: 1, max: 6 });
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ call: fc.constant('mmap' as const), page, length, prot: fc.constantFrom('rw', 'r') }),
      },
      { weight: 2, arbitrary: fc.record({ call: fc.constant('munmap' as const), page, length }) },
      {
        weight: 2,
        arbitrary: fc.record({
          call: fc.constant('mprotect' as const),
          page,
          length,
          prot: fc.constantFrom('rw', 'r', '-'),
        }),
      },
      { weight: 2, arbitrary: fc.record({ call: fc.constant('dontneed' as const), page, length }) },
      { weight: 2, arbitrary: fc.record({ call: fc.constant('move' as const), page, length, to: page }) },
      {
        weight: 6,
        arbitrary: fc.record({ call: fc.constant('store' as const), page, value: fc.integer({ min: 1, max: 255 }) }),
      },
      { weight: 1, arbitrary: fc.record({ call: fc.constant('reclaim' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const machine = machineOf({ frames: 96, swapPages: 64 });
        const { munmap, mprotect, madvise, mremap } = calls(machine);
        type Naive = { prot: string; byte: number } | undefined;
        const naive = new Array<Naive>(PAGES * 2).fill(undefined);
        const each = (first: number, count: number, change: (now: Naive) => Naive): void => {
          for (let i = first; i < first + count; i++) naive[i] = change(naive[i]);
        };
        for (const s of steps) {
          if (s.call === 'mmap') {
            map(machine, s.length, { at: at(s.page), prot: s.prot });
            each(s.page, s.length, () => ({ prot: s.prot, byte: 0 }));
          } else if (s.call === 'munmap') {
            munmap(s.page, s.length);
            each(s.page, s.length, () => undefined);
          } else if (s.call === 'mprotect') {
            mprotect(s.page, s.length, s.prot);
            for (let i = s.page; i < s.page + s.length; i++) {
              const now = naive[i];
              if (now === undefined) break;
              naive[i] = { ...now, prot: s.prot };
            }
          } else if (s.call === 'dontneed') {
            madvise(s.page, s.length, 'dontneed');
            each(s.page, s.length, (now) => now && { ...now, byte: 0 });
          } else if (s.call === 'move') {
            const moved = mremap(s.page, s.length, s.length, ['maymove', 'fixed'], s.to);
            if (typeof moved === 'string') continue;
            for (let i = 0; i < s.length; i++) {
              const now = naive[s.page + i];
              if (now === undefined) continue;
              naive[s.to + i] = now;
              naive[s.page + i] = undefined;
            }
          } else if (s.call === 'store') {
            const failed = store(machine, at(s.page), s.value);
            const now = naive[s.page];
            expect(failed === undefined).toBe(now?.prot === 'rw');
            if (failed === undefined && now !== undefined) naive[s.page] = { ...now, byte: s.value };
          } else {
            run(machine, machine.reclaim(8));
          }
        }
        const mapped = machine.syscalls.maps(p1(machine));
        naive.forEach((now, i) => {
          const found = mapped.find(({ start, end }) => start <= at(i) && at(i) < end);
          expect(found?.prot.replaceAll('-', '') ?? 'none').toBe(
            now === undefined ? 'none' : now.prot.replace('-', ''),
          );
          if (now !== undefined && now.prot !== '-') expect(load(machine, at(i))).toBe(now.byte);
        });
        expectClean(machine);
      }),
      { numRuns: 60 },
    );
  });
});
