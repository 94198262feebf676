import type { Routine, UserPage, VirtualAddress } from '@mmu-notifier/plugin-api';
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
} from '../../test/machine.ts';
import { attachTo, spy, windows, writesDown } from '../../test/spy.ts';
import { getUserPageFast } from './gup.ts';

const at = (page: number) => (AREA + page * PAGE) as VirtualAddress;

function bench() {
  const machine = machineOf();
  map(machine, 4, { at: at(0) });
  const watcher = spy();
  attachTo(machine, watcher.plugin);
  const { pages } = watcher.host();
  const mm = mmOf(machine);
  const get = (page: number, options = {}) => run(machine, pages.getUserPage(mm, at(page), options));
  const got = (result: UserPage | string | undefined): UserPage => {
    if (typeof result !== 'object') throw new Error(`expected a page, found ${result}`);
    return result;
  };
  return { machine, watcher, pages, mm, get, got };
}

describe('get user pages', () => {
  it('faults the page in, and holds it', () => {
    const { machine, pages, get, got } = bench();
    const page = got(get(0, { write: true }));
    expect(page).toMatchObject({ pfn: pfnAt(machine, at(0)), writable: true });
    run(machine, machine.syscalls.munmap(p1(machine), at(0), PAGE));
    expect(kernelOf(machine).frames.refcount[page.pfn]).toBe(1);
    pages.putPage(page.pfn);
    expect(kernelOf(machine).frames.refcount[page.pfn]).toBe(0);
    expectClean(machine);
  });

  it('for reading takes the zero page, which is never counted', () => {
    const { machine, pages, get, got } = bench();
    const page = got(get(0));
    expect(page.writable).toBe(false);
    for (let i = 0; i < 3; i++) pages.putPage(page.pfn);
    expectClean(machine);
  });

  it('for writing breaks copy-on-write, and runs the callbacks of the caller inside', () => {
    const { machine, watcher, pages, get, got } = bench();
    store(machine, at(0), 1);
    const child = fork(machine);
    watcher.take();
    const read = got(get(0));
    expect(read).toMatchObject({ pfn: pfnAt(machine, at(0), child), writable: false });
    const written = got(get(0, { write: true }));
    expect(written.pfn).not.toBe(read.pfn);
    expect(written.writable).toBe(true);
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1']);
    pages.putPage(read.pfn);
    pages.putPage(written.pfn);
    expectClean(machine);
  });

  it('answers EFAULT where nothing is mapped, where it may not write, and behind the end of a file', () => {
    const { machine, get } = bench();
    map(machine, 1, { at: at(8), prot: 'r' });
    map(machine, 1, { at: at(9), prot: '-' });
    map(machine, 2, { at: at(10), file: machine.files.create('f', PAGE) });
    expect([get(5), get(8, { write: true }), get(9), get(11)]).toEqual(['EFAULT', 'EFAULT', 'EFAULT', 'EFAULT']);
    expect(machine.stats()['gup']['failed']).toBe(4);
  });

  it('answers EAGAIN where it may not wait for a disk and would have to', () => {
    const { machine, get, got, pages } = bench();
    const file = machine.files.create('f', PAGE);
    map(machine, 1, { at: at(8), file });
    store(machine, at(0), 5);
    run(machine, machine.reclaim(1));
    expect([get(0, { nowait: true }), get(8, { nowait: true })]).toEqual(['EAGAIN', 'EAGAIN']);
    for (const page of [0, 8]) pages.putPage(got(get(page)).pfn);
    // A first touch, and what is cached, need none.
    for (const page of [0, 1, 8]) pages.putPage(got(get(page, { nowait: true })).pfn);
    expect(get(5, { nowait: true })).toBe('EFAULT');
    expectClean(machine);
  });

  it('answers EINTR for a pending signal', () => {
    const { machine, get, got, pages } = bench();
    machine.syscalls.signal(p1(machine));
    expect(get(0, { interruptible: true })).toBe('EINTR');
    pages.putPage(got(get(0, { interruptible: true, write: true })).pfn);
  });

  it('brings a page back from swap', () => {
    const { machine, pages, get, got } = bench();
    store(machine, at(0), 5);
    run(machine, machine.reclaim(1));
    const { pfn } = got(get(0));
    expect(kernelOf(machine).allocator.memory.page(pfn)[0]).toBe(5);
    pages.putPage(pfn);
    expectClean(machine);
  });
});

describe('the plain way', () => {
  it('brings a first touch in, with a reference and counted as a slow one', () => {
    const { machine, pages, mm, got } = bench();
    store(machine, at(3), 1);
    const written = got(pages.getUserPageNow(mm, at(0), { write: true }));
    expect(written).toMatchObject({ pfn: pfnAt(machine, at(0)), writable: true });
    expect(kernelOf(machine).frames.refcount[written.pfn]).toBe(2);
    const read = got(pages.getUserPageNow(mm, at(1)));
    expect(read).toMatchObject({ pfn: kernelOf(machine).allocator.zeroPfn, writable: false });
    pages.putPage(written.pfn);
    pages.putPage(read.pfn);
    expect(machine.stats()['gup']).toMatchObject({ slow: 2, fast: 0, failed: 0 });
    expect(machine.stats()['faults']).toMatchObject({ total: 3, anonymous: 2, zeroPage: 1 });
    expectClean(machine);
  });

  it('leaves to the routine what is not mapped, what runs callbacks, and a wait that a signal ends', () => {
    const { machine, watcher, pages, mm } = bench();
    load(machine, at(0));
    watcher.take();
    expect(pages.getUserPageNow(mm, at(5))).toBeUndefined();
    expect(pages.getUserPageNow(mm, at(0), { write: true })).toBeUndefined();
    machine.syscalls.signal(p1(machine));
    const interrupted = function* (): Routine<UserPage | undefined> {
      return pages.getUserPageNow(mm, at(0), { interruptible: true });
    };
    expect(run(machine, interrupted())).toBeUndefined();
    expect(windows(watcher.take())).toEqual([]);
    expect(machine.stats()['gup']).toMatchObject({ slow: 0, failed: 0 });
  });
});

describe('the fast way', () => {
  it('serves what is present and allowed, and nothing else', () => {
    const { machine, pages, mm, got } = bench();
    expect(pages.getUserPageFast(mm, at(0))).toBeUndefined();
    load(machine, at(0));
    expect(pages.getUserPageFast(mm, at(0), { write: true })).toBeUndefined();
    store(machine, at(0), 1);
    pages.putPage(got(pages.getUserPageFast(mm, at(0), { write: true })).pfn);
    expect(machine.stats()['gup']['fast']).toBe(1);
  });

  it('fails while fork write-protects', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const found: (UserPage | undefined)[] = [];
    // The window of fork closes after the write protection, so its start is before and its end after.
    const watcher = spy((log) => writesDown(log));
    attachTo(machine, watcher.plugin);
    const kernel = kernelOf(machine);
    const mm = mmOf(machine);
    const set = kernel.pageTables.set.bind(kernel.pageTables);
    kernel.pageTables.set = (...change) => {
      found.push(getUserPageFast(kernel, mm, at(0), {}));
      set(...change);
    };
    fork(machine);
    kernel.pageTables.set = set;
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found)).toEqual(new Set([undefined]));
    const after = getUserPageFast(kernel, mm, at(0), {});
    expect(after).toMatchObject({ writable: false });
  });
});

describe('a pin', () => {
  it('keeps the page for the parent over a fork, and the child gets the copy', () => {
    const { machine, watcher, pages, mm, got } = bench();
    store(machine, at(0), 1);
    const page = got(run(machine, pages.pinUserPage(mm, at(0), { write: true })));
    const child = fork(machine);
    expect(pfnAt(machine, at(0))).toBe(page.pfn);
    expect(pfnAt(machine, at(0), child)).not.toBe(page.pfn);
    watcher.take();
    store(machine, at(0), 2);
    expect(watcher.take()).toEqual([]);
    expect([pfnAt(machine, at(0)), load(machine, at(0), child)]).toEqual([page.pfn, 1]);
    pages.unpinPage(page.pfn);
    expect(machine.pinnedPages).toBe(0);
    expectClean(machine);
  });

  it('without it the parent gets the copy, and a device would go on with the old page', () => {
    const { machine, pages, get, got } = bench();
    store(machine, at(0), 1);
    const page = got(get(0, { write: true }));
    fork(machine);
    store(machine, at(0), 2);
    expect(pfnAt(machine, at(0))).not.toBe(page.pfn);
    pages.putPage(page.pfn);
  });

  it('for reading breaks copy-on-write too, so that the page stays the own one', () => {
    const { machine, pages, mm, got } = bench();
    store(machine, at(0), 1);
    const child = fork(machine);
    const page = got(run(machine, pages.pinUserPage(mm, at(0))));
    expect(page.pfn).not.toBe(pfnAt(machine, at(0), child));
    store(machine, at(0), 2);
    expect(pfnAt(machine, at(0))).toBe(page.pfn);
    pages.unpinPage(page.pfn);
    expectClean(machine);
  });

  it('of read-only memory is possible for reading', () => {
    const { machine, pages, mm, got } = bench();
    map(machine, 1, { at: at(8), prot: 'r', file: machine.files.create('f', PAGE) });
    const page = got(run(machine, pages.pinUserPage(mm, at(8))));
    pages.unpinPage(page.pfn);
    expectClean(machine);
  });

  it('for reading of a page that others have too makes it the own one, read-only still', () => {
    const { machine, watcher, pages, mm, got } = bench();
    store(machine, at(0), 7);
    const child = fork(machine);
    watcher.take();
    const page = got(run(machine, pages.pinUserPage(mm, at(0))));
    expect(page.writable).toBe(false);
    expect(windows(watcher.take())).toEqual(['CLEAR 0+1']);
    expect(machine.syscalls.pagemap(p1(machine), at(0), PAGE)[0]).toMatchObject({ writable: false, dirty: false });
    expect([load(machine, at(0)), load(machine, at(0), child)]).toEqual([7, 7]);
    // The next write takes the same page, in silence.
    store(machine, at(0), 8);
    expect(watcher.take()).toEqual([]);
    expect(pfnAt(machine, at(0))).toBe(page.pfn);
    pages.unpinPage(page.pfn);
    run(machine, machine.reclaim(4));
    expect([load(machine, at(0)), load(machine, at(0), child)]).toEqual([8, 7]);
    expectClean(machine);
  });

  it('for reading of the last one copies nothing', () => {
    const { machine, watcher, pages, mm, got } = bench();
    store(machine, at(0), 7);
    const child = fork(machine);
    run(machine, machine.syscalls.exit(child), child);
    watcher.take();
    const before = pfnAt(machine, at(0));
    const page = got(run(machine, pages.pinUserPage(mm, at(0))));
    expect([page.pfn, page.writable, watcher.take()]).toEqual([before, false, []]);
    expect(machine.stats()['faults']).toMatchObject({ copyOnWrite: 0, reuse: 0 });
    pages.unpinPage(page.pfn);
    expectClean(machine);
  });

  it('for long is not of the zero page, nor of a file that a write would copy', () => {
    const { machine, pages, mm, got } = bench();
    map(machine, 1, { at: at(8), file: machine.files.create('f', PAGE, (_, into) => into.fill(3)) });
    for (const page of [0, 8]) {
      const brief = got(run(machine, pages.pinUserPage(mm, at(page))));
      store(machine, at(page), 1);
      expect(pfnAt(machine, at(page))).not.toBe(brief.pfn);
      pages.unpinPage(brief.pfn);
      run(machine, machine.syscalls.madvise(p1(machine), at(page), PAGE, 'dontneed'));
      const long = got(run(machine, pages.pinUserPage(mm, at(page), { longterm: true })));
      store(machine, at(page), 1);
      expect(pfnAt(machine, at(page))).toBe(long.pfn);
      pages.unpinPage(long.pfn);
    }
    expectClean(machine);
  });

  it('for long does not write to a shared file on a disk; to shared memory it does', () => {
    const { machine, pages, mm, got } = bench();
    map(machine, 1, { at: at(8), flags: ['shared'], file: machine.files.create('f', PAGE) });
    map(machine, 1, { at: at(9), flags: ['shared'] });
    const pin = (page: number, options: object) => run(machine, pages.pinUserPage(mm, at(page), options));
    expect(pin(8, { write: true, longterm: true })).toBe('EFAULT');
    for (const result of [pin(8, { write: true }), pin(8, { longterm: true }), pin(9, { write: true, longterm: true })])
      pages.unpinPage(got(result).pfn);
    expectClean(machine);
  });

  it('the fast way serves what needs neither fault nor VMA', () => {
    const { machine, pages, mm, got } = bench();
    map(machine, 1, { at: at(8), file: machine.files.create('f', PAGE) });
    store(machine, at(0), 1);
    load(machine, at(1));
    load(machine, at(8));
    const own = got(pages.pinUserPageFast(mm, at(0), { longterm: true }));
    expect(machine.pinnedPages).toBe(1);
    pages.unpinPage(own.pfn);
    expect(pages.pinUserPageFast(mm, at(1), { longterm: true })).toBeUndefined();
    expect(pages.pinUserPageFast(mm, at(8), { longterm: true })).toBeUndefined();
    pages.unpinPage(got(pages.pinUserPageFast(mm, at(8))).pfn);
    fork(machine);
    expect(pages.pinUserPageFast(mm, at(0))).toBeUndefined();
    expectClean(machine);
  });
});

describe('several pages at once', () => {
  it('are got or pinned up to the first that cannot be had', () => {
    const { machine, pages, mm } = bench();
    const got = run(machine, pages.getUserPages(mm, at(2), 4, { write: true })) as UserPage[];
    expect(got.map(({ pfn }) => pfn)).toEqual([pfnAt(machine, at(2)), pfnAt(machine, at(3))]);
    got.forEach(({ pfn }) => pages.putPage(pfn));
    const pinned = run(machine, pages.pinUserPages(mm, at(0), 2, { longterm: true })) as UserPage[];
    expect([pinned.length, machine.pinnedPages]).toEqual([2, 2]);
    pinned.forEach(({ pfn }) => pages.unpinPage(pfn));
    expect(run(machine, pages.getUserPages(mm, at(5), 4))).toBe('EFAULT');
    expectClean(machine);
  });
});
