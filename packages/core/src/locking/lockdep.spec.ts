import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { type Bench, direct } from '../../test/scheduling.ts';
import { type LockClass, type LockClassName, LockClasses } from './lock-order.ts';
import { Mutex } from './mutex.ts';
import { SpinLock } from './spinlock.ts';
import { Srcu } from './srcu.ts';

function mutex({ scheduler, lockdep }: Bench, of: LockClass, name: string): Mutex {
  return new Mutex(scheduler, lockdep, of, name);
}

/** A task of its own takes the locks in order, and releases them. */
function takes({ scheduler }: Bench, ...locks: Mutex[]): void {
  scheduler.spawn(
    'task',
    (function* (): Routine<void> {
      for (const lock of locks) yield* lock.acquire();
      for (const lock of locks.reverse()) lock.release();
    })(),
  );
  scheduler.runAll();
}

describe('lockdep', () => {
  it('accepts the order of the lock tree', () => {
    const bench = direct();
    const order = ['inode', 'mmap', 'invalidate', 'folio', 'iMmap', 'anonVma', 'driver'] as const;
    expect(() => takes(bench, ...order.map((name) => mutex(bench, LockClasses[name], name)))).not.toThrow();
  });

  it('reports an acquisition against the tree, even if this run got away with it', () => {
    const bench = direct();
    const found = violation(() =>
      takes(bench, mutex(bench, LockClasses.iMmap, 'i_mmap f'), mutex(bench, LockClasses.mmap, 'mmapLock')),
    );
    expect(found.oracle).toBe('lock-order');
    expect(found.message).toBe(
      'mmapLock is acquired under i_mmap f; the lock tree has mm.mmapLock outside mapping.i_mmap',
    );
  });

  it('reports a cycle between locks of drivers', () => {
    const bench = direct();
    const a = mutex(bench, bench.lockdep.driverClass('a'), 'a');
    const b = mutex(bench, bench.lockdep.driverClass('b'), 'b');
    takes(bench, a, b);
    expect(violation(() => takes(bench, b, a)).message).toBe('a is acquired under b, elsewhere the other way round');
  });

  it('finds a cycle over three locks', () => {
    const bench = direct();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => mutex(bench, bench.lockdep.driverClass(name), name));
    takes(bench, a, b);
    takes(bench, b, c);
    expect(violation(() => takes(bench, c, a)).oracle).toBe('lock-order');
  });

  it('reports recursion', () => {
    const bench = direct();
    const lock = mutex(bench, LockClasses.mmap, 'mmapLock');
    expect(violation(() => takes(bench, lock, lock)).message).toBe('task acquires mmapLock, which it holds already');
  });

  it('reports two locks of one class, unless the acquirer says that they nest', () => {
    const bench = direct();
    const two = () =>
      ['one', 'two'].map((name) => new SpinLock(bench.scheduler, bench.lockdep, LockClasses.pageTable, name));
    const nest = (nesting: 'nested' | 'single') => () => {
      const [outer, inner] = two();
      bench.scheduler.spawn(
        'task',
        (function* () {
          yield* outer.acquire();
          yield* inner.acquire(nesting);
          inner.release();
          outer.release();
        })(),
      );
      bench.scheduler.runAll();
    };
    expect(nest('nested')).not.toThrow();
    expect(violation(nest('single')).message).toMatch('of the same class');
  });

  it('learns nothing from a try', () => {
    const bench = direct();
    const a = mutex(bench, bench.lockdep.driverClass('a'), 'a');
    const b = mutex(bench, bench.lockdep.driverClass('b'), 'b');
    takes(bench, a, b);
    bench.scheduler.spawn(
      'task',
      (function* () {
        yield* b.acquire();
        expect(a.tryAcquire()).toBe(true);
        a.release();
        b.release();
      })(),
    );
    expect(() => bench.scheduler.runAll()).not.toThrow();
  });
});

describe('the lock tree', () => {
  const names = Object.keys(LockClasses) as LockClassName[];
  const cores = names.filter((name) => name !== 'driver');
  /** One task acquires the second under the first. */
  const pair = (outer: LockClassName, inner: LockClassName) => () => {
    const bench = direct();
    takes(bench, mutex(bench, LockClasses[outer], outer), mutex(bench, LockClasses[inner], inner));
  };

  it('accepts every pair downwards but the conflicts, and catches every pair upwards', () => {
    for (const outer of cores) {
      for (const inner of cores) {
        const [up, down] = [LockClasses[outer].rank, LockClasses[inner].rank];
        const conflict = outer === 'vmaRead' && inner === 'vmaWrite';
        if (up < down && !conflict) expect(pair(outer, inner)).not.toThrow();
        else expect(violation(pair(outer, inner)).oracle).toBe('lock-order');
      }
    }
  });

  it.each<[LockClassName, LockClassName]>([
    ['folio', 'iMmap'],
    ['hugetlbVma', 'hugetlbIMmap'],
    ['hugetlbIMmap', 'hugetlbFolio'],
    ['mmap', 'vmaWrite'],
    ['invalidate', 'folio'],
    ['pageTable', 'iPages'],
    ['writeProtect', 'pageTable'],
    ['fsReclaim', 'anonVma'],
    ['anonVma', 'notifierMap'],
  ])('has %s outside %s, and catches the twin', (outer, inner) => {
    expect(pair(outer, inner)).not.toThrow();
    expect(violation(pair(inner, outer)).oracle).toBe('lock-order');
  });

  it('catches a fault that waits for the writer of its own VMA', () => {
    expect(violation(pair('vmaRead', 'vmaWrite')).message).toBe(
      'task waits for vmaWrite, which waits for vmaRead that it holds',
    );
  });

  it('catches an allocation that may reclaim under what reclaim takes, and allows it elsewhere', () => {
    const under = (name: LockClassName) => () => {
      const bench = direct();
      bench.lockdep.acquired({ name, lockClass: LockClasses[name] });
      bench.lockdep.mightReclaim();
    };
    for (const name of ['mmap', 'invalidate', 'folio'] as const) expect(under(name)).not.toThrow();
    for (const name of ['iMmap', 'anonVma', 'notifierMap', 'zone'] as const) {
      expect(violation(under(name)).message).toMatch(/^memory that reclaim may have to free is acquired under/);
    }
  });

  it('catches mmapLock inside reclaim', () => {
    const bench = direct();
    bench.lockdep.enterReclaim();
    expect(
      violation(() => {
        bench.lockdep.check(mutex(bench, LockClasses.mmap, 'mmapLock'));
      }).message,
    ).toMatch(/^mmapLock is acquired under memory/);
    bench.lockdep.leaveReclaim();
  });

  it('catches a grace period that is waited for under a lock that a reader takes', () => {
    const inOrder = (outer: 'lock' | 'none') => () => {
      const bench = direct();
      const { scheduler, lockdep } = bench;
      const srcu = new Srcu(scheduler, lockdep, lockdep.driverClass('srcu'), 'srcu');
      const lock = mutex(bench, lockdep.driverClass('lock'), 'lock');
      scheduler.spawn(
        'reader',
        (function* (): Routine<void> {
          const token = srcu.readLock();
          yield* lock.acquire();
          lock.release();
          srcu.readUnlock(token);
        })(),
      );
      scheduler.spawn(
        'updater',
        (function* (): Routine<void> {
          if (outer === 'lock') yield* lock.acquire();
          yield* srcu.synchronize();
          if (outer === 'lock') lock.release();
        })(),
      );
      scheduler.runAll();
    };
    expect(inOrder('none')).not.toThrow();
    expect(violation(inOrder('lock')).message).toBe('srcu is acquired under lock, elsewhere the other way round');
  });
});
