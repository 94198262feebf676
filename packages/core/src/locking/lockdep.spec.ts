import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { type Bench, direct } from '../../test/scheduling.ts';
import { type LockClass, LockClasses } from './lock-order.ts';
import { Mutex } from './mutex.ts';
import { SpinLock } from './spinlock.ts';

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
