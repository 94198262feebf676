/** Which call opens which window (the table of the notifier facts, and what a real kernel was seen to do). */
import type { VirtualAddress } from '@mmu-notifier/plugin-api';
import type { Machine } from '../machine.ts';
import { tryToUnmap } from '../rmap/try-to-unmap.ts';
import { Pte } from '../page-table/pte.ts';
import type { Process } from '../machine-api.ts';
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
} from '../../test/machine.ts';
import { type Spy, attachTo, pagesOf, spy, windows, writesDown } from '../../test/spy.ts';
import { closeWindow, openWindow } from './chain.ts';

const TABLE = 512;
const at = (page: number): number => AREA + page * PAGE;

/** A machine on which a spy watches p1. */
function watched(options = {}): { machine: Machine; watcher: Spy; process: Process; calls: Machine['syscalls'] } {
  const machine = machineOf(options);
  const watcher = spy();
  attachTo(machine, watcher.plugin);
  return { machine, watcher, process: p1(machine), calls: machine.syscalls };
}

describe('munmap', () => {
  it('opens one window over its whole range, touched or not, holes and all', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(4), prot: 'r' });
    store(machine, at(0), 1);
    run(machine, calls.munmap(process, at(0), 8 * PAGE));
    expect(watcher.take()).toEqual(['start UNMAP 0+8', 'end UNMAP 0+8']);
    expectClean(machine);
  });

  it('is silent where nothing is mapped', () => {
    const { machine, watcher, process, calls } = watched();
    run(machine, calls.munmap(process, at(0), 8 * PAGE));
    expect(watcher.take()).toEqual([]);
  });

  it('tells start while the pages are mapped, and end when the ptes are gone', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const { pageTables } = kernelOf(machine);
    const { root } = mmOf(machine);
    const seen: boolean[] = [];
    const look = (): void => void seen.push((pageTables.flags(pageTables.walk(root, at(0))) & Pte.Present) !== 0);
    const watcher = spy((log) => ({
      *invalidateRangeStart(range) {
        look();
        return yield* writesDown(log).invalidateRangeStart!(range);
      },
      *invalidateRangeEnd(range) {
        look();
        yield* writesDown(log).invalidateRangeEnd!(range);
      },
    }));
    attachTo(machine, watcher.plugin);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(seen).toEqual([true, false]);
  });
});

describe('mmap', () => {
  it('opens the window of an munmap over what it replaces', () => {
    const { machine, watcher } = watched();
    map(machine, 4, { at: at(0) });
    watcher.take();
    map(machine, 2, { at: at(1), prot: 'r' });
    expect(windows(watcher.take())).toEqual(['UNMAP 1+2']);
  });

  it('is silent elsewhere', () => {
    const { machine, watcher } = watched();
    map(machine, 4, { at: at(0) });
    map(machine, 4);
    expect(watcher.take()).toEqual([]);
  });
});

describe('mprotect', () => {
  it('is silent where no page tables are', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 4, { at: at(0) });
    run(machine, calls.mprotect(process, at(0), 4 * PAGE, 'r'));
    expect(watcher.take()).toEqual([]);
  });

  it('opens one window over its argument, per VMA', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 8, { at: at(0) });
    fill(machine, at(0), 8, 1);
    run(machine, calls.mprotect(process, at(2), 4 * PAGE, 'r'));
    expect(windows(watcher.take())).toEqual(['PROTECTION_VMA 2+4']);
    run(machine, calls.mprotect(process, at(0), 8 * PAGE, 'rx'));
    expect(windows(watcher.take())).toEqual(['PROTECTION_VMA 0+2', 'PROTECTION_VMA 2+4', 'PROTECTION_VMA 6+2']);
  });

  it('is silent where the protection is what it was', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, calls.mprotect(process, at(0), 2 * PAGE, 'rw'));
    expect(watcher.take()).toEqual([]);
  });
});

describe('mremap', () => {
  it('that moves opens the old range twice: the move, then the unmap', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    watcher.take();
    run(machine, calls.mremap(process, at(0), 2 * PAGE, 2 * PAGE, ['maymove', 'fixed'], at(100)));
    expect(windows(watcher.take())).toEqual(['UNMAP 0+2', 'UNMAP 0+2']);
    expect(firstBytes(machine, at(100), 2)).toEqual([1, 2]);
  });

  it('that shrinks opens the tail', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 4, { at: at(0) });
    run(machine, calls.mremap(process, at(0), 4 * PAGE, PAGE, [], 0));
    expect(windows(watcher.take())).toEqual(['UNMAP 1+3']);
  });

  it('that grows in place is silent', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, calls.mremap(process, at(0), 2 * PAGE, 6 * PAGE, [], 0));
    expect(watcher.take()).toEqual([]);
  });

  it('that keeps the old range opens it once', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, calls.mremap(process, at(0), 2 * PAGE, 2 * PAGE, ['maymove', 'dontunmap'], 0));
    expect(windows(watcher.take())).toEqual(['UNMAP 0+2']);
  });
});

describe('brk', () => {
  it('opens a window over exactly what it gives back, and none when it grows', () => {
    const { machine, watcher, process, calls } = watched({ heapStart: AREA });
    run(machine, calls.brk(process, at(5)));
    expect(watcher.take()).toEqual([]);
    run(machine, calls.brk(process, at(2) + 1));
    expect(windows(watcher.take())).toEqual(['UNMAP 3+2']);
  });
});

describe('madvise', () => {
  it.each(['dontneed', 'free'])('%s opens exactly its argument, cut per VMA, touched or not', (advice) => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 4, { at: at(0) });
    map(machine, 4, { at: at(4), prot: 'rwx' });
    run(machine, calls.madvise(process, at(1), 5 * PAGE, advice));
    expect(windows(watcher.take())).toEqual(['CLEAR 1+3', 'CLEAR 4+2']);
  });

  it.each(['willneed', 'cold', 'populate_read', 'populate_write', 'dontfork', 'dofork', 'wipeonfork', 'keeponfork'])(
    '%s is silent',
    (advice) => {
      const { machine, watcher, process, calls } = watched();
      map(machine, 4, { at: at(0) });
      fill(machine, at(0), 4, 1);
      run(machine, calls.madvise(process, at(1), 2 * PAGE, advice));
      expect(watcher.take()).toEqual([]);
    },
  );
});

describe('madvise of residency', () => {
  it('pageout opens a page at a time, of pages that are mapped once, and asks for no age', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    fork(machine);
    store(machine, at(1), 20);
    store(machine, at(3), 40);
    watcher.take();
    run(machine, calls.madvise(process, at(0), 4 * PAGE, 'pageout'));
    expect(watcher.take()).toEqual(['start CLEAR 1+1', 'end CLEAR 1+1', 'start CLEAR 3+1', 'end CLEAR 3+1']);
  });

  it('remove opens the hole in every mapping of the file, private ones too', () => {
    const { machine, watcher, process, calls } = watched();
    const file = machine.files.create('f', 8 * PAGE);
    map(machine, 8, { at: at(0), file, flags: ['shared'] });
    map(machine, 2, { at: at(20), file, offset: 3 * PAGE });
    map(machine, 2, { at: at(40), file });
    run(machine, calls.madvise(process, at(2), 2 * PAGE, 'remove'));
    expect(windows(watcher.take())).toEqual(['CLEAR 2+2', 'CLEAR 20+1']);
  });

  it('populate_write opens a page where it replaces the zero page', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 3, { at: at(0) });
    load(machine, at(1));
    run(machine, calls.madvise(process, at(0), 3 * PAGE, 'populate_write'));
    expect(windows(watcher.take())).toEqual(['CLEAR 1+1']);
  });
});

describe('mlock, munlock, mincore', () => {
  it('are silent on memory that nobody has touched or that is there', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, calls.mlock(process, at(0), 4 * PAGE));
    run(machine, calls.mincore(process, at(0), 4 * PAGE));
    run(machine, calls.munlock(process, at(0), 4 * PAGE));
    expect(watcher.take()).toEqual([]);
  });

  it('mlock copies what it must, one page a window', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 3, { at: at(0) });
    fill(machine, at(0), 3, 1);
    fork(machine);
    store(machine, at(1), 1);
    watcher.take();
    run(machine, calls.mlock(process, at(0), 3 * PAGE));
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1', 'CLEAR 2+1']);
  });
});

describe('msync', () => {
  it('sync opens a page at a time, of dirty pages of shared files', () => {
    const { machine, watcher, process, calls } = watched();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    map(machine, 4, { at: at(4), flags: ['shared'] });
    for (const page of [0, 1, 3, 5]) store(machine, at(page), 1);
    run(machine, calls.msync(process, at(1), 5 * PAGE, ['async']));
    expect(watcher.take()).toEqual([]);
    run(machine, calls.msync(process, at(1), 5 * PAGE, ['sync']));
    expect(windows(watcher.take())).toEqual(['PROTECTION_PAGE 1+1', 'PROTECTION_PAGE 3+1']);
  });
});

describe('fork', () => {
  it('opens one window per private VMA that was written, in address order, on the parent', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 2, { at: at(8), prot: 'rwx' });
    map(machine, 2, { at: at(0) });
    map(machine, 2, { at: at(4), flags: ['shared'] });
    map(machine, 2, { at: at(12), file });
    map(machine, 2, { at: at(16), prot: 'r' });
    for (const page of [0, 4, 8]) store(machine, at(page), 1);
    load(machine, at(12));
    watcher.take();
    const child = fork(machine);
    expect(windows(watcher.take())).toEqual(['PROTECTION_PAGE 0+2', 'PROTECTION_PAGE 8+2']);
    store(machine, at(0), 2, child);
    expect(watcher.take()).toEqual([]);
    expectClean(machine);
  });

  it('does not hand the chain on to the child', () => {
    const { machine } = watched();
    expect(mmOf(machine, fork(machine)).notifiers).toBeUndefined();
  });
});

describe('a write fault', () => {
  it('opens one page where it copies, and none where it reuses', () => {
    const { machine, watcher } = watched();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const child = fork(machine);
    watcher.take();
    store(machine, at(1), 9);
    expect(windows(watcher.take())).toEqual(['CLEAR 1+1']);
    store(machine, at(0), 8, child);
    store(machine, at(0), 7);
    expect(watcher.take()).toEqual([]);
    expect(machine.stats()['faults']).toMatchObject({ copyOnWrite: 2, reuse: 1 });
  });

  it('opens one page where it replaces the zero page', () => {
    const { machine, watcher } = watched();
    map(machine, 1, { at: at(0) });
    load(machine, at(0));
    expect(watcher.take()).toEqual([]);
    store(machine, at(0), 1);
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1']);
  });

  it('on an absent page is silent: nothing can have mirrored it', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 1, { at: at(0) });
    map(machine, 1, { at: at(2), file });
    map(machine, 1, { at: at(4), file, flags: ['shared'] });
    for (const page of [0, 2, 4]) store(machine, at(page), 1);
    expect(watcher.take()).toEqual([]);
  });

  it('to a clean page of a shared file is silent', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', PAGE);
    map(machine, 1, { at: at(0), file, flags: ['shared'] });
    load(machine, at(0));
    store(machine, at(0), 1);
    expect(watcher.take()).toEqual([]);
  });
});

describe('reclaim', () => {
  it('asks for age before it opens a window of one page', () => {
    const { machine, watcher } = watched();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    run(machine, machine.reclaim(2));
    const log = watcher.take();
    for (const page of [0, 1]) {
      const start = log.indexOf(`start CLEAR ${page}+1`);
      expect(log.indexOf(`young ${page}+1`)).toBeLessThan(start);
      expect(log[start + 1]).toBe(`end CLEAR ${page}+1`);
    }
    expect(windows(log)).toHaveLength(2);
  });

  it('opens a window of each mapping of a shared page', () => {
    const { machine, watcher } = watched();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    const other = spy();
    attachTo(machine, other.plugin, 'other', child);
    watcher.take();
    run(machine, machine.reclaim(1));
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1']);
    expect(windows(other.take())).toEqual(['CLEAR 0+1']);
  });

  it('gives a page that a device used another round', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    let young = true;
    const watcher = spy((log) => ({
      ...writesDown(log),
      *clearFlushYoung(_, start) {
        return young && start === at(0);
      },
    }));
    attachTo(machine, watcher.plugin);
    run(machine, machine.reclaim(1));
    expect(windows(watcher.take())).toEqual(['CLEAR 1+1']);
    young = false;
    run(machine, machine.reclaim(1));
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1']);
  });
});

describe('files', () => {
  it('truncate opens one window for each VMA behind the new end, twice', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', 8 * PAGE);
    map(machine, 8, { at: at(0), file, flags: ['shared'] });
    map(machine, 2, { at: at(20), file, offset: 6 * PAGE });
    map(machine, 2, { at: at(40), file });
    store(machine, at(20), 1);
    run(machine, machine.files.truncate('f', 4 * PAGE));
    const seen = windows(watcher.take());
    expect(seen).toEqual(['CLEAR 4+4', 'CLEAR 20+2', 'CLEAR 4+4', 'CLEAR 20+2']);
  });

  it('sync takes write permission from the pages that it cleans, and from no others', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    store(machine, at(1), 1);
    load(machine, at(2));
    run(machine, machine.files.sync('f'));
    expect(windows(watcher.take())).toEqual(['PROTECTION_PAGE 1+1']);
    run(machine, machine.files.sync('f'));
    expect(watcher.take()).toEqual([]);
  });

  it('sync opens a page in every shared mapping of a dirty page, before it looks whether the page is mapped there', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    map(machine, 2, { at: at(20), file, flags: ['shared'], offset: PAGE });
    map(machine, 1, { at: at(30), file, flags: ['shared'] });
    map(machine, 4, { at: at(40), file });
    store(machine, at(1), 1);
    load(machine, at(41));
    run(machine, machine.files.sync('f'));
    expect(windows(watcher.take())).toEqual(['PROTECTION_PAGE 1+1', 'PROTECTION_PAGE 20+1']);
    // Nobody maps it: nobody is told.
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 44 * PAGE));
    run(machine, machine.files.write('f', PAGE, Uint8Array.of(7)));
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    watcher.take();
    run(machine, machine.files.sync('f'));
    expect(watcher.take()).toEqual([]);
  });

  it('reclaim opens a page in every mapping that could have it, until nobody has it', () => {
    const { machine, watcher } = watched();
    const file = machine.files.create('f', PAGE);
    for (const page of [0, 10, 20]) map(machine, 1, { at: at(page), file });
    load(machine, at(10));
    store(machine, at(0), 1);
    watcher.take();
    run(machine, machine.syscalls.madvise(p1(machine), at(10), PAGE, 'pageout'));
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1', 'CLEAR 10+1']);
    expect(load(machine, at(0))).toBe(1);
    expect(machine.syscalls.rss(p1(machine))).toMatchObject({ anon: 1, file: 0 });
    expectClean(machine);
  });

  it('reclaim opens a page in locked memory, and leaves the page', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 1, { at: at(0), file: machine.files.create('f', PAGE), flags: ['shared'] });
    load(machine, at(0));
    run(machine, calls.mlock(process, at(0), PAGE));
    const pfn = pfnAt(machine, at(0));
    watcher.take();
    const kernel = kernelOf(machine);
    run(
      machine,
      (function* () {
        yield* kernel.folioLocks.lock(pfn as number);
        expect(yield* tryToUnmap(kernel, pfn as number)).toBe(false);
        kernel.folioLocks.unlock(pfn as number);
      })(),
    );
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1']);
    expect(pfnAt(machine, at(0))).toBe(pfn);
    expectClean(machine);
  });
});

describe('exit', () => {
  it('releases first, then opens one window that nobody hears; before a page is freed', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const { frees } = kernelOf(machine).allocator;
    const freed: number[] = [];
    const watcher = spy((log) => ({
      ...writesDown(log),
      *release() {
        freed.push(kernelOf(machine).allocator.frees - frees);
        log.push('release');
      },
    }));
    attachTo(machine, watcher.plugin);
    const before = machine.stats()['notifierEvents']['UNMAP'];
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(watcher.take()).toEqual(['release']);
    expect(freed).toEqual([0]);
    expect(machine.stats()['notifierEvents']['UNMAP']).toBe(before + 1);
    expectClean(machine);
  });

  it('exec does the same to the old address space', () => {
    const { machine, watcher, process, calls } = watched();
    map(machine, 2, { at: at(0) });
    run(machine, calls.exec(process));
    expect(watcher.take()).toEqual(['release']);
    expect(calls.maps(process)).toEqual([]);
    expectClean(machine);
  });
});

describe('the chain', () => {
  it('tells start and end to every subscription, the last registered first', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    const order: string[] = [];
    for (const name of ['first', 'second']) {
      const watcher = spy(() => ({
        *invalidateRangeStart() {
          order.push(`start ${name}`);
          return 'done';
        },
        *invalidateRangeEnd() {
          order.push(`end ${name}`);
        },
      }));
      attachTo(machine, watcher.plugin, name);
    }
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(order).toEqual(['start second', 'start first', 'end second', 'end first']);
  });

  it('hands the same object to start and to end', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    const seen: unknown[] = [];
    const watcher = spy(() => ({
      *invalidateRangeStart(range) {
        seen.push(range);
        return 'done';
      },
      *invalidateRangeEnd(range) {
        seen.push(range);
      },
    }));
    attachTo(machine, watcher.plugin);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(seen[0]).toBe(seen[1]);
    expect(seen[0]).toMatchObject({ event: 'UNMAP', start: at(0), end: at(1), blockable: true });
  });

  it('costs a machine without subscribers no window', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(machine.stats()['notifierEvents']).toMatchObject({ UNMAP: 0 });
  });

  it('reports a window that no lock protects from registration', () => {
    const { machine } = watched();
    const open = openWindow(kernelOf(machine), mmOf(machine), at(0), at(1), 'CLEAR');
    expect(violation(() => run(machine, open)).oracle).toBe('unprotected-window');
  });

  it('reports an end without its start', () => {
    const { machine } = watched();
    const range = { mm: mmOf(machine), start: at(0) as VirtualAddress, end: at(1) as VirtualAddress };
    const window = { ...range, event: 'CLEAR', blockable: true, told: [] } as const;
    const close = closeWindow(kernelOf(machine), { ...window, told: [] });
    expect(violation(() => run(machine, close))).toMatchObject({
      oracle: 'notifier-imbalance',
      message: `spy gets an end of [0x${at(0).toString(16)}, 0x${at(1).toString(16)}) without its start`,
    });
  });

  it('tells a TLB that walks the tables of the CPU about every flush', () => {
    const machine = machineOf();
    map(machine, TABLE, { at: at(0) });
    const flushed: string[] = [];
    const walker = spy(() => ({
      archInvalidateSecondaryTlbs: (_, start, end) => void flushed.push(pagesOf(start, end)),
    }));
    attachTo(machine, walker.plugin);
    fill(machine, at(3), 2, 1);
    run(machine, machine.syscalls.mprotect(p1(machine), at(0), 8 * PAGE, 'r'));
    expect(flushed).toEqual(['3+2']);
  });
});
