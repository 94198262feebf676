import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { type Bench, direct, pause, plain, seeded } from '../../test/scheduling.ts';
import { Mutex } from '../locking/mutex.ts';
import { SpinLock } from '../locking/spinlock.ts';

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

function spinLock({ scheduler, lockdep }: Bench, name: string): SpinLock {
  return new SpinLock(scheduler, lockdep, lockdep.driverClass(name), name);
}

describe('an IPI', () => {
  it('runs a function on each CPU that it names, without a process', () => {
    const { scheduler } = direct();
    const seen: unknown[] = [];
    scheduler.run(
      scheduler.createTask('sender', { name: 'p1', signalPending: false, killed: false }),
      plain(() =>
        scheduler.interrupts.sendIpi(0b11, (cpu) =>
          seen.push([cpu, scheduler.current.cpu, scheduler.current.owner, scheduler.current.name]),
        ),
      ),
    );
    expect(seen).toEqual([
      [0, 0, undefined, 'interrupt on cpu 0'],
      [1, 1, undefined, 'interrupt on cpu 1'],
    ]);
    expect(scheduler.current.name).toBe('boot');
  });

  it('finds who sleeps in its handler', () => {
    const { scheduler } = direct();
    scheduler.spawn(
      'sender',
      plain(() => scheduler.interrupts.sendIpi(1, () => scheduler.mightSleep('a mutex'))),
    );
    expect(violation(() => scheduler.runAll())).toMatchObject({
      oracle: 'sleep-in-atomic',
      message: 'interrupt on cpu 0 may sleep (a mutex) while it is an interrupt',
    });
  });

  /** A walk without locks on CPU 0, beside a sender that frees what it walks after everybody took the call. */
  function walk(bench: Bench, guarded: boolean): boolean {
    const { scheduler } = bench;
    let [freed, usedAfterFree] = [false, false];
    scheduler.spawn(
      'walker',
      (function* (): Routine<void> {
        if (guarded) scheduler.interrupts.save();
        const found = !freed;
        yield* pause(bench);
        if (found && freed) usedAfterFree = true;
        if (guarded) scheduler.interrupts.restore();
      })(),
      undefined,
      'ends',
      0,
    );
    scheduler.spawn(
      'sender',
      (function* (): Routine<void> {
        yield* pause(bench);
        yield* scheduler.interrupts.callOnCpus(0b01, () => undefined);
        freed = true;
      })(),
      undefined,
      'ends',
      1,
    );
    scheduler.runAll();
    return usedAfterFree;
  }

  it('waits for a CPU that has interrupts off, in any schedule: walks without locks rely on it', () => {
    for (const seed of SEEDS) expect([seed, walk(seeded(seed), true)]).toEqual([seed, false]);
  });

  it('needs interrupts off for that', () => {
    expect(SEEDS.some((seed) => walk(seeded(seed), false))).toBe(true);
  });

  it('is not sent with interrupts off: two CPUs could wait for each other', () => {
    const { scheduler } = direct();
    scheduler.spawn(
      'sender',
      (function* (): Routine<void> {
        scheduler.interrupts.save();
        yield* scheduler.interrupts.callOnCpus(3, () => undefined);
      })(),
    );
    expect(violation(() => scheduler.runAll()).message).toBe('sender calls other CPUs with interrupts off');
  });

  it('reports interrupts that are turned on and were not off', () => {
    const { scheduler } = direct();
    scheduler.spawn(
      'careless',
      plain(() => scheduler.interrupts.restore()),
    );
    expect(violation(() => scheduler.runAll()).oracle).toBe('lock-misuse');
  });
});

describe('an interrupt of a device', () => {
  it('comes as soon as its CPU has interrupts on', () => {
    const { scheduler } = direct();
    const log: string[] = [];
    scheduler.spawn(
      'task',
      plain(() => {
        scheduler.interrupts.save();
        scheduler.interrupts.raise('irq', 0, () => plain(() => void log.push('irq')));
        log.push('still off');
        scheduler.interrupts.restore();
      }),
      undefined,
      'ends',
      0,
    );
    scheduler.runAll();
    expect(log).toEqual(['still off', 'irq']);
  });

  it('must not sleep', () => {
    const { scheduler, lockdep } = direct();
    const mutex = new Mutex(scheduler, lockdep, lockdep.driverClass('mutex'), 'mutex');
    scheduler.interrupts.raise('irq', 0, () => mutex.acquire());
    expect(violation(() => scheduler.runAll()).oracle).toBe('sleep-in-atomic');
  });

  const counts = (bench: Bench, taken: 'irq' | 'plain') => {
    const { scheduler } = bench;
    const lock = spinLock(bench, 'device lock');
    scheduler.spawn(
      'task',
      (function* (): Routine<void> {
        if (taken === 'irq') {
          yield* lock.acquireIrq();
          lock.releaseIrq();
        } else {
          yield* lock.acquire();
          lock.release();
        }
      })(),
    );
    scheduler.interrupts.raise('irq', 0, function* (): Routine<void> {
      yield* lock.acquire();
      lock.release();
    });
    scheduler.runAll();
  };

  it('shares a spinlock that everybody else takes with interrupts off', () => {
    expect(() => counts(direct(), 'irq')).not.toThrow();
  });

  it('is caught where somebody takes that lock with interrupts on', () => {
    expect(violation(() => counts(direct(), 'plain'))).toMatchObject({
      oracle: 'lock-order',
      message: 'device lock is taken in an interrupt, and elsewhere with interrupts on: one CPU can wait for itself',
    });
  });
});
