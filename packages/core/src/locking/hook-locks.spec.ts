/** What drivers meet at their callbacks, and what they must not do there. */
import type { MmuNotifierOps, PluginHost, Routine } from '@mmu-notifier/plugin-api';
import { AREA, PAGE, kernelOf, machineOf, map, mmOf, p1, run, store, violation } from '../../test/machine.ts';
import type { Machine } from '../machine.ts';
import { attachTo, spy } from '../../test/spy.ts';
import { direct } from '../../test/scheduling.ts';
import { type HookName, checkHookLocks } from './hook-locks.ts';
import { type LockClassName, LockClasses } from './lock-order.ts';

/** The current task comes to `hook` with a lock of that class. */
function comesWith(hook: HookName, name: LockClassName): () => void {
  const { scheduler, lockdep } = direct();
  lockdep.acquired({ name, lockClass: LockClasses[name] });
  return () => checkHookLocks(scheduler, hook);
}

describe('the locks at a callback', () => {
  const allowed: [HookName, LockClassName][] = [
    ['invalidateRange', 'mmap'],
    ['invalidateRange', 'anonVma'],
    ['invalidatePage', 'pageTable'],
    ['young', 'pageTable'],
    ['flushSecondary', 'pageTable'],
    ['allocNotifier', 'mmap'],
    ['unregister', 'driver'],
    ['releaseOnExit', 'notifierSrcu'],
  ];
  it.each(allowed)('%s may meet %s', (hook, name) => {
    expect(comesWith(hook, name)).not.toThrow();
  });

  const refused: [HookName, LockClassName][] = [
    ['invalidateRange', 'pageTable'],
    ['invalidateRange', 'pageMiddle'],
    ['young', 'swap'],
    ['flushSecondary', 'lru'],
    ['allocNotifier', 'iMmap'],
    ['unregister', 'mmap'],
    ['unregister', 'folio'],
    ['releaseOnExit', 'mmap'],
  ];
  it.each(refused)('%s never meets %s: it is caught', (hook, name) => {
    expect(violation(comesWith(hook, name)).oracle).toBe('hook-locks');
  });
});

/** A machine with a device whose start does what `start` says, after an munmap. */
function unmapped(start: (host: PluginHost) => Routine<void>): { machine: Machine; host: PluginHost } {
  const machine = machineOf();
  map(machine, 2, { at: AREA });
  store(machine, AREA, 1);
  const watcher = spy((_, host): MmuNotifierOps => ({
    *invalidateRangeStart() {
      yield* start(host);
      return 'done';
    },
  }));
  attachTo(machine, watcher.plugin);
  run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE));
  return { machine, host: watcher.host() };
}

describe('a callback', () => {
  it('may take the locks of its driver', () => {
    expect(() =>
      unmapped(function* (host) {
        const lock = host.sync.mutex('driver lock');
        yield* lock.acquire();
        lock.release();
      }),
    ).not.toThrow();
  });

  it('is caught taking an mmapLock', () => {
    const machine = machineOf();
    map(machine, 2, { at: AREA });
    const other = run(machine, machine.syscalls.fork(p1(machine)));
    if (typeof other === 'string') throw new Error(other);
    const watcher = spy((_, host): MmuNotifierOps => ({
      *invalidateRangeStart() {
        yield* host.processes.mmapReadLock(mmOf(machine, other));
        return 'done';
      },
    }));
    attachTo(machine, watcher.plugin);
    const found = violation(() => run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE)));
    expect(found.oracle).toBe('lock-order');
  });

  it('is caught allocating in a way that may reclaim', () => {
    const found = violation(() =>
      unmapped(function* (host) {
        host.sync.mightReclaim();
      }),
    );
    expect(found.message).toMatch(/^memory that reclaim may have to free is acquired under/);
  });

  it('is caught waiting for a grace period of its own domain', () => {
    expect(
      violation(() => {
        const machine = machineOf();
        map(machine, 2, { at: AREA });
        const { notifierSrcu } = kernelOf(machine);
        const watcher = spy((): MmuNotifierOps => ({
          *invalidateRangeStart() {
            yield* notifierSrcu.synchronize();
            return 'done';
          },
        }));
        attachTo(machine, watcher.plugin);
        run(machine, machine.syscalls.munmap(p1(machine), AREA, PAGE));
      }).message,
    ).toMatch(/inside a read section of mmu_notifier srcu for its own end$/);
  });

  /** A device whose start takes a lock has seen one; afterwards somebody does `inside` under that lock. */
  const underItsLock = (inside: (host: PluginHost, machine: Machine) => Routine<void>): (() => void) => {
    const takesIt = function* (host: PluginHost): Routine<void> {
      const lock = host.sync.mutex('driver lock');
      yield* lock.acquire();
      lock.release();
    };
    const { machine, host } = unmapped(takesIt);
    return () =>
      run(
        machine,
        (function* (): Routine<void> {
          const lock = host.sync.mutex('driver lock');
          yield* lock.acquire();
          yield* inside(host, machine);
          lock.release();
        })(),
      );
  };

  it('lets others allocate without reclaim under its lock', () => {
    expect(underItsLock(function* () {})).not.toThrow();
  });

  it('forbids its lock to whoever allocates with reclaim, before any reclaim has run', () => {
    const found = violation(
      underItsLock(function* (host) {
        host.sync.mightReclaim();
      }),
    );
    expect(found.message).toBe(
      'memory that reclaim may have to free is acquired under driver lock, elsewhere the other way round: fs_reclaim, then mmu_notifier_invalidate_range_start, then driver lock',
    );
  });

  it('forbids its lock to whoever takes an mmapLock, before the two have met', () => {
    const found = violation(
      underItsLock(function* (host, machine) {
        yield* host.processes.mmapReadLock(mmOf(machine));
      }),
    );
    expect(found.message).toBe('mmapLock of mm 1 is acquired under driver lock, elsewhere the other way round');
  });
});
