/** Windows that a driver backs: what the calls of a process do to them, and what the driver is told. */
import type { VirtualAddress } from '@mmu-notifier/plugin-api';
import { ADVICES } from '../src/mm/madvise.ts';
import { VmFlags } from '../src/mm/vm-flags.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fork,
  layout,
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
import { attachTo, spy, windows } from './spy.ts';
import { frameDriver, windowIn } from './windows.ts';

const at = (page: number): number => AREA + page * PAGE;
const va = (page: number): VirtualAddress => at(page) as VirtualAddress;
const BUS = { signal: 'SIGBUS', code: 'BUS_ADRERR' };

function bench(pages = 4, request = {}, options = {}) {
  const machine = machineOf(options);
  const driver = frameDriver(machine);
  const window = windowIn(machine, driver, pages, request);
  return { machine, driver, window, process: p1(machine), calls: machine.syscalls, mm: mmOf(machine) };
}

describe('a window', () => {
  it('is plain memory to the process, and bytes to the driver', () => {
    const { machine, driver, calls, process } = bench();
    expect(load(machine, at(1))).toBe(0);
    expect(store(machine, at(1), 7)).toBeUndefined();
    const pfn = driver.frames.get(at(1)) ?? fail();
    const bytes = new Uint8Array(2);
    driver.vmas.loadFrame(pfn, 0, 1, bytes, 1);
    expect([...bytes]).toEqual([0, 7]);
    driver.vmas.storeFrame(pfn, 4, 1, Uint8Array.of(9), 0);
    expect(load(machine, at(1) + 4)).toBe(9);
    expect(driver.take()).toEqual(['read 1+1']);
    expect(calls.rss(process)).toEqual({ anon: 0, file: 0, shmem: 0, swap: 0 });
    expectClean(machine);
    expect(driver.take()).toEqual(['unmapped 0+4', 'close']);
  });

  it('shows its name in maps, and lies where it was asked for', () => {
    const { machine, driver, calls, process, mm } = bench();
    expect(calls.maps(process)).toMatchObject([
      { start: at(0), end: at(4), prot: 'rw-', shared: true, file: '/dev/test' },
    ]);
    const chosen = run(machine, driver.window(mm, 3, { alignment: 2 ** 18, access: 'read' }));
    expect(chosen).toMatchObject({ mapped: true, name: '/dev/test' });
    if (typeof chosen !== 'string') expect(chosen.start % 2 ** 18).toBe(0);
    for (const [request, errno] of [
      [{ address: va(3) }, 'EEXIST'],
      [{ address: (AREA + 100 * PAGE + 1) as VirtualAddress }, 'EINVAL'],
      [{ length: 0 }, 'EINVAL'],
      [{ alignment: 12288 }, 'EINVAL'],
      [{ length: 2 ** 48 }, 'ENOMEM'],
    ] as const)
      expect([request, run(machine, driver.window(mm, 2, request))]).toEqual([request, errno]);
    expectClean(machine);
  });

  it('faults under mmapLock, because the driver may have to wait without it', () => {
    const { machine } = bench();
    store(machine, at(0), 1);
    expect(machine.stats()['vmaLock']).toMatchObject({ retry: 1 });
    expect(machine.stats()['faults']).toMatchObject({ device: 1, total: 1 });
    expectClean(machine);
  });

  it('tells a process of what the driver cannot serve', () => {
    const { machine, driver } = bench();
    driver.answer = 'SIGBUS';
    expect(load(machine, at(2))).toMatchObject(BUS);
    driver.answer = 'maybe' as never;
    expect(violation(() => load(machine, at(2))).oracle).toBe('fault-answer');
  });

  it('lets a fault wait with no lock held, and begins it anew', () => {
    const { machine, driver, mm } = bench();
    let held: boolean | undefined;
    driver.answer = {
      retryAfter: (function* () {
        held = mm.mmapLock.held;
        yield* driver.host.processes.mmapWriteLock(mm);
        driver.host.processes.mmapWriteUnlock(mm);
        driver.answer = undefined;
      })(),
    };
    expect(store(machine, at(0), 3)).toBeUndefined();
    expect([held, ...driver.take()]).toEqual([false, 'write 0+1', 'write 0+1']);
    expectClean(machine);
  });

  it('asks the driver again for a page that was zapped, and only for that', () => {
    const { machine, driver, window } = bench();
    for (const page of [0, 1, 2]) store(machine, at(page), page + 1);
    driver.take();
    run(machine, driver.vmas.zap(window, va(1), va(2)));
    expect([0, 1, 2].map((page) => load(machine, at(page)))).toEqual([1, 2, 3]);
    expect(driver.take()).toEqual(['read 1+1']);
    expectClean(machine);
  });

  it('takes no other page where one is', () => {
    const { machine, driver, window, mm } = bench();
    store(machine, at(0), 1);
    const insert = function* (page: number) {
      const pfn = yield* driver.vmas.allocateFrame();
      if (typeof pfn === 'string') return pfn;
      yield* driver.host.processes.mmapReadLock(mm);
      const answer = yield* driver.vmas.insertPfn(window, va(page), { pfn, writable: true });
      driver.host.processes.mmapReadUnlock(mm);
      driver.vmas.freeFrame(pfn);
      return answer;
    };
    expect(run(machine, insert(0))).toBe('EBUSY');
    expect(run(machine, insert(4))).toBe('EFAULT');
    expectClean(machine);
  });
});

describe('what goes round the page', () => {
  it('cannot have it: GUP, range faults, looks at the tables', () => {
    const { machine, driver, mm } = bench();
    store(machine, at(0), 1);
    const { pages } = driver.host;
    for (const page of [0, 1]) {
      expect(run(machine, pages.getUserPage(mm, va(page), { write: true }))).toBe('EFAULT');
      expect(run(machine, pages.pinUserPage(mm, va(page)))).toBe('EFAULT');
      expect(pages.getUserPageFast(mm, va(page))).toBeUndefined();
      expect(pages.atomicLookup(mm, va(page))).toBeUndefined();
      expect(pages.pinUserPageFast(mm, va(page))).toBeUndefined();
      expect(pages.atomicLookup(mm, va(page))).toBeUndefined();
      expect(pages.hostMappingLevel(mm, va(page))).toBeUndefined();
      const range = { start: va(page), end: va(page + 1) };
      expect(run(machine, pages.rangeFault(mm, { ...range, want: 'read' }))).toBe('EFAULT');
      expect(run(machine, pages.rangeFault(mm, { ...range, want: 'snapshot' }))).toEqual([undefined]);
    }
    expect(driver.take()).toEqual(['write 0+1']);
    expectClean(machine);
  });

  it('leaves it alone: reclaim, the OOM reaper', () => {
    const { machine, process } = bench();
    store(machine, at(0), 5);
    const pfn = pfnAt(machine, at(0));
    run(machine, machine.reclaim(100));
    expect(pfnAt(machine, at(0))).toBe(pfn);
    expect(load(machine, at(0))).toBe(5);
    expect(machine.run('oom', machine.oom(process))).toBe(true);
    expectClean(machine);
  });
});

describe('calls of the process', () => {
  it('fork: the child has none', () => {
    const { machine, driver, calls, process } = bench();
    store(machine, at(0), 1);
    const child = fork(machine);
    expect(calls.maps(child)).toEqual([]);
    expect(load(machine, at(0), child)).toMatchObject({ signal: 'SIGSEGV' });
    expect(run(machine, calls.madvise(process, at(0), PAGE, 'dofork'))).toBe('EINVAL');
    run(machine, calls.exit(child), child);
    expect(driver.take()).toEqual(['write 0+1']);
    expectClean(machine);
  });

  it('munmap of a part: the driver is told when nothing reaches the part, and closes after the last', () => {
    const { machine, driver, window, calls, process } = bench();
    for (const page of [0, 1, 2, 3]) store(machine, at(page), page);
    driver.take();
    run(machine, calls.munmap(process, at(1), PAGE));
    // The driver has freed the page's frame by now, which is a violation while a pte or a TLB reaches it.
    expect(driver.take()).toEqual(['unmapped 1+1']);
    expect(layout(machine, AREA)).toEqual(['0-1 rw-', '2-4 rw-']);
    expect([0, 2].map((page) => load(machine, at(page)))).toEqual([0, 2]);
    run(machine, driver.vmas.zap(window, va(0), va(4)));
    expect(load(machine, at(3))).toBe(3);
    run(machine, calls.munmap(process, at(0), 3 * PAGE));
    expect(driver.take()).toEqual(['read 3+1', 'unmapped 0+1', 'unmapped 2+1']);
    expect(window.mapped).toBe(true);
    map(machine, 4, { at: at(2) });
    expect(driver.take()).toEqual(['unmapped 3+1', 'close']);
    expect(window.mapped).toBe(false);
    expectClean(machine);
  });

  it.each(['exit', 'exec'] as const)('%s: the driver is told at the end', (call) => {
    const { machine, driver, window, calls, process } = bench();
    store(machine, at(0), 1);
    driver.take();
    run<unknown>(machine, calls[call](process));
    expect(driver.take()).toEqual(['unmapped 0+4', 'close']);
    run(machine, driver.vmas.zap(window, va(0), va(4)));
    run(machine, driver.vmas.unmap(window));
    expectClean(machine);
    expect(driver.take()).toEqual([]);
  });

  it('mremap: it cannot grow or be kept, and what moves is the driver’s no more', () => {
    const { machine, driver, calls, process } = bench();
    for (const page of [0, 1]) store(machine, at(page), 1);
    driver.take();
    const mremap = (from: number, to: number, flags: string[], where = 0) =>
      run(machine, calls.mremap(process, at(0), from * PAGE, to * PAGE, flags, where));
    expect(mremap(4, 5, ['maymove'])).toBe('EFAULT');
    expect(mremap(0, 4, ['maymove'])).toBe('EFAULT');
    expect(mremap(4, 4, ['maymove', 'dontunmap'])).toBe('EINVAL');
    expect(mremap(4, 3, [])).toBe(at(0));
    expect(mremap(1, 1, ['maymove', 'fixed'], at(10))).toBe(at(10));
    expect(driver.take()).toEqual(['unmapped 3+1', 'unmapped 0+1']);
    expect(load(machine, at(10))).toMatchObject(BUS);
    expect(load(machine, at(1))).toBe(1);
    expect(calls.maps(process).map(({ file }) => file)).toEqual(['/dev/test', '/dev/test']);
    run(machine, calls.munmap(process, at(10), PAGE));
    expect(driver.take()).toEqual([]);
    expectClean(machine);
  });

  it('mprotect: within what the window permits; write permission comes back by the driver', () => {
    const { machine, driver, calls, process } = bench();
    store(machine, at(0), 1);
    driver.take();
    const protect = (prot: string) => run(machine, calls.mprotect(process, at(0), PAGE, prot));
    expect(protect('r')).toBeUndefined();
    expect(store(machine, at(0), 2)).toMatchObject({ signal: 'SIGSEGV', code: 'SEGV_ACCERR' });
    expect(protect('-')).toBeUndefined();
    expect(load(machine, at(0))).toMatchObject({ signal: 'SIGSEGV' });
    expect(protect('rw')).toBeUndefined();
    expect(load(machine, at(0))).toBe(1);
    expect(store(machine, at(0), 3)).toBeUndefined();
    expect(driver.take()).toEqual(['write 0+1']);
    // Equal neighbours of a window stay apart.
    expect(layout(machine, AREA)).toEqual(['0-1 rw-', '1-4 rw-']);
    expectClean(machine);
  });

  it('mprotect: no write permission for a window that may not be written', () => {
    const { machine, driver, calls, process } = bench(4, { access: 'read' });
    expect(load(machine, at(0))).toBe(0);
    expect(run(machine, calls.mprotect(process, at(0), PAGE, 'rw'))).toBe('EACCES');
    expect(store(machine, at(0), 3)).toMatchObject({ signal: 'SIGSEGV' });
    expect(driver.take()).toEqual(['read 0+1']);
    expectClean(machine);
  });

  it('madvise, mlock, msync, mincore: as Linux answers for such memory', () => {
    const { machine, driver, calls, process, mm } = bench(4, { locked: true });
    store(machine, at(0), 4);
    const answers = ADVICES.map((advice) => [advice, run(machine, calls.madvise(process, at(0), 4 * PAGE, advice))]);
    expect(Object.fromEntries(answers)).toMatchObject({
      dontneed: 'EINVAL',
      free: 'EINVAL',
      remove: 'EINVAL',
      willneed: undefined,
      cold: 'EINVAL',
      pageout: 'EINVAL',
      dontfork: undefined,
      dofork: 'EINVAL',
      wipeonfork: 'EINVAL',
      keeponfork: undefined,
      populate_read: 'EINVAL',
      populate_write: 'EINVAL',
    });
    expect(run(machine, calls.munlock(process, at(0), 4 * PAGE))).toBeUndefined();
    expect(mm.vmas.at(at(0))?.has(VmFlags.Locked)).toBe(true);
    expect(run(machine, calls.mlock(process, at(0), 4 * PAGE))).toBeUndefined();
    expect(run(machine, calls.msync(process, at(0), PAGE, ['invalidate']))).toBe('EBUSY');
    expect(run(machine, calls.msync(process, at(0), PAGE, ['sync']))).toBe('EINVAL');
    expect([...(run(machine, calls.mincore(process, at(0), 2 * PAGE)) as Uint8Array)]).toEqual([1, 0]);
    expect(driver.take()).toEqual(['write 0+1']);
    expect(load(machine, at(0))).toBe(4);
    expectClean(machine);
  });

  it('madvise of a window that is not locked', () => {
    const { machine, calls, process } = bench();
    expect(run(machine, calls.madvise(process, at(0), PAGE, 'dontneed'))).toBe('EINVAL');
    expect(run(machine, calls.madvise(process, at(0), PAGE, 'pageout'))).toBe('EINVAL');
    expect(run(machine, calls.madvise(process, at(0), PAGE, 'remove'))).toBe('ENODEV');
    expectClean(machine);
  });
});

describe('notifiers of the window’s own address space', () => {
  it('hear of what the process does to it, and nothing of what the driver zaps', () => {
    const { machine, driver, window, calls, process } = bench();
    const watcher = spy();
    attachTo(machine, watcher.plugin);
    store(machine, at(0), 1);
    run(machine, driver.vmas.zap(window, va(0), va(4)));
    expect(watcher.take()).toEqual([]);
    store(machine, at(0), 1);
    run(machine, calls.mprotect(process, at(0), 2 * PAGE, 'r'));
    run(machine, calls.munmap(process, at(0), 2 * PAGE));
    expect(windows(watcher.take())).toEqual(['PROTECTION_VMA 0+2', 'UNMAP 0+2']);
    run(machine, driver.vmas.unmap(window));
    expect(windows(watcher.take())).toEqual(['UNMAP 2+2']);
    expectClean(machine);
  });
});

describe('the driver', () => {
  it('unmaps on whoever’s task', () => {
    const { machine, driver, window, calls, process } = bench();
    store(machine, at(0), 1);
    const child = fork(machine);
    run(machine, calls.munmap(process, at(1), PAGE));
    run(machine, driver.vmas.unmap(window), child);
    expect(driver.take()).toEqual(['write 0+1', 'unmapped 1+1', 'unmapped 0+1', 'unmapped 2+2', 'close']);
    expect(calls.maps(process)).toEqual([]);
    expectClean(machine);
  });

  it('works in the world of 2008, and with huge pages about', () => {
    for (const kconfig of [{ MMU_NOTIFIER_SLEEPABLE: false }, { TRANSPARENT_HUGEPAGE: true }]) {
      const { machine, driver, window, calls, process } = bench(4, {}, { kconfig });
      attachTo(machine, spy().plugin);
      store(machine, at(2), 1);
      run(machine, calls.munmap(process, at(1), PAGE));
      run(machine, driver.vmas.zap(window, va(0), va(4)));
      expect(load(machine, at(2))).toBe(1);
      expectClean(machine);
    }
  });

  it('maps nothing in an address space that is going', () => {
    const { machine, driver, calls, process, mm } = bench();
    run(machine, calls.exit(process));
    expect(machine.run('driver', driver.window(mm, 1))).toBe('ESRCH');
    expectClean(machine);
  });

  it('shows no frame that is not its own', () => {
    const { machine, driver, window, mm } = bench();
    map(machine, 1, { at: at(20) });
    store(machine, at(20), 1);
    const { pfn } = driver.host.pages.atomicLookup(mm, va(20)) ?? fail();
    const insert = function* () {
      yield* driver.host.processes.mmapReadLock(mm);
      yield* driver.vmas.insertPfn(window, va(0), { pfn, writable: false });
    };
    expect(violation(() => run(machine, insert())).message).toContain('none of its own');
    expect(violation(() => driver.vmas.freeFrame(pfn)).oracle).toBe('device-vma-misuse');
  });

  it('holds mmapLock when it makes a pte', () => {
    const { machine, driver, window } = bench();
    store(machine, at(0), 1);
    const pfn = driver.frames.get(at(0)) ?? fail();
    const insert = driver.vmas.insertPfn.bind(driver.vmas, window, va(1), { pfn, writable: false });
    expect(violation(() => run(machine, insert())).message).toContain('without mmapLock');
  });

  it('frees no frame that a pte maps', () => {
    const { machine, driver, calls, process } = bench();
    load(machine, at(0));
    // No TLB has it: only the pte is left to be seen.
    run(machine, calls.mprotect(process, at(0), PAGE, '-'));
    const found = violation(() => driver.vmas.freeFrame(driver.frames.get(at(0)) ?? fail()));
    expect(found).toMatchObject({ oracle: 'use-after-free' });
    expect(found.message).toContain('the pte of 0x10000000 in mm 1 maps it');
  });

  it('leaves no window and no frame behind', () => {
    const left = (cleanup: (driver: ReturnType<typeof frameDriver>) => void) => {
      const { machine, driver } = bench();
      store(machine, at(0), 1);
      cleanup(driver);
      return violation(() => run(machine, machine.detach('frames'))).oracle;
    };
    expect(left((driver) => driver.windows.splice(0))).toBe('leaked-window');
    expect(left((driver) => driver.frames.clear())).toBe('leak');
  });
});

function fail(): never {
  throw new Error('expected a frame');
}
