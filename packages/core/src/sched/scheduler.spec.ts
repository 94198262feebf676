import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { direct, pause, plain, seeded, under } from '../../test/scheduling.ts';
import { LockClasses } from '../locking/lock-order.ts';
import { Mutex } from '../locking/mutex.ts';
import { describePoint, PointKind, point, pointKind, pointObject } from './preemption-point.ts';
import { WaitQueue } from './wait-queue.ts';

describe('the run loop', () => {
  it('runs a routine that nobody disturbs to its end in direct mode', () => {
    const bench = direct();
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      bench.scheduler.spawn(
        name,
        (function* () {
          for (let i = 0; i < 3; i++) {
            yield* pause(bench);
            log.push(name);
          }
        })(),
      );
    }
    bench.scheduler.runAll();
    expect(log.join('')).toBe('aaabbb');
  });

  it('gives the same run for the same seed, and other runs for other seeds', () => {
    const traceOf = (seed: number): string => {
      const bench = seeded(seed);
      let trace = '';
      for (const name of ['a', 'b', 'c']) {
        bench.scheduler.spawn(
          name,
          (function* () {
            for (let i = 0; i < 5; i++) {
              yield* pause(bench);
              trace += name;
            }
          })(),
        );
      }
      bench.scheduler.runAll();
      return trace;
    };
    expect(traceOf(7)).toBe(traceOf(7));
    expect(new Set(Array.from({ length: 20 }, (_, seed) => traceOf(seed))).size).toBeGreaterThan(10);
  });

  it('answers choices from the strategy, and 0 in direct mode', () => {
    expect(direct().scheduler.choose(5, 'lost message')).toBe(0);
    const asked: string[] = [];
    const bench = under({
      pick: () => 0,
      choose: (count, what) => {
        asked.push(`${what} of ${count}`);
        return count - 1;
      },
    });
    expect(bench.scheduler.choose(5, 'lost message')).toBe(4);
    expect(asked).toEqual(['lost message of 5']);
  });

  it('tells a pending signal to the first wait that asks, once', () => {
    const { scheduler } = direct();
    const owner = { name: 'p1', signalPending: true, killed: false };
    const task = scheduler.createTask('syscall', owner);
    expect(
      scheduler.run(
        task,
        plain(() => [scheduler.interrupted(), scheduler.interrupted()]),
      ),
    ).toEqual([true, false]);
    expect(owner.signalPending).toBe(false);
    expect(
      scheduler.run(
        scheduler.createTask('kthread', undefined),
        plain(() => scheduler.interrupted()),
      ),
    ).toBe(false);
  });

  it('lets virtual time pass only when nobody can run', () => {
    const { scheduler } = direct();
    const log: string[] = [];
    const sleeper = (name: string, nanoseconds: number) =>
      (function* () {
        yield* scheduler.sleep(nanoseconds);
        log.push(`${name}@${scheduler.now}`);
      })();
    scheduler.spawn('late', sleeper('late', 500));
    scheduler.spawn('early', sleeper('early', 100));
    scheduler.spawn(
      'busy',
      plain(() => void log.push(`busy@${scheduler.now}`)),
    );
    scheduler.runAll();
    expect(log).toEqual(['busy@0', 'early@100', 'late@500']);
  });

  it('names in a deadlock who waits for what, and what he holds', () => {
    const bench = direct();
    const { scheduler, lockdep } = bench;
    const lock = new Mutex(scheduler, lockdep, LockClasses.mmap, 'the lock');
    const queue = new WaitQueue(scheduler, 'the queue');
    scheduler.spawn(
      'holder',
      (function* () {
        yield* lock.acquire();
        yield* queue.waitUntil(() => false);
      })(),
    );
    scheduler.spawn('waiter', lock.acquire());
    const found = violation(() => scheduler.runAll());
    expect(found.oracle).toBe('deadlock');
    expect(found.message).toBe('holder waits for the queue, holds the lock; waiter waits for the lock');
    expect(found.tasks?.map(({ name }) => name)).toEqual(['holder', 'waiter']);
  });

  it('reports a routine that goes on for ever as a livelock', () => {
    const { scheduler } = direct();
    const endless = (function* (): Routine<void> {
      for (;;) yield point(PointKind.Explicit, 0);
    })();
    expect(violation(() => scheduler.run(scheduler.createTask('spins', undefined), endless)).oracle).toBe('livelock');
  });

  it('reports a task that ends with a lock', () => {
    const { scheduler, lockdep } = direct();
    const lock = new Mutex(scheduler, lockdep, LockClasses.mmap, 'the lock');
    scheduler.spawn('forgetful', lock.acquire());
    expect(violation(() => scheduler.runAll())).toMatchObject({
      oracle: 'leaked-lock',
      message: 'forgetful ended while it holds the lock',
    });
  });

  it('puts seed and schedule into a violation, so that the run can be had again', () => {
    const traceOf = (): unknown => {
      const bench = seeded(11);
      for (const name of ['a', 'b']) {
        bench.scheduler.spawn(
          name,
          (function* (): Routine<void> {
            for (let i = 0; i < 4; i++) yield* pause(bench);
            bench.scheduler.fail('test', `${name} was first`);
          })(),
        );
      }
      return violation(() => bench.scheduler.runAll());
    };
    expect(traceOf()).toMatchObject({ seed: 11, schedule: expect.arrayContaining([expect.any(String)]) });
    expect(traceOf()).toEqual(traceOf());
  });

  it('goes on after a routine threw what was no violation: its task is gone', () => {
    const { scheduler } = direct();
    const task = scheduler.createTask('refused', undefined);
    const refused = plain(() => {
      throw new RangeError('not like this');
    });
    expect(() => scheduler.run(task, refused)).toThrow(RangeError);
    scheduler.spawn(
      'next',
      plain(() => undefined),
    );
    expect(() => scheduler.runAll()).not.toThrow();
    expect(scheduler.current.name).toBe('boot');
  });
});

describe('a wait queue', () => {
  it('wakes a waiter again until its condition holds', () => {
    const { scheduler } = direct();
    const queue = new WaitQueue(scheduler, 'queue');
    let value = 0;
    let woken = 0;
    scheduler.spawn(
      'waiter',
      queue.waitUntil(() => (woken++, value === 3)),
    );
    for (let i = 1; i <= 3; i++) {
      scheduler.spawn(
        'waker',
        plain(() => ((value = i), queue.wakeAll())),
      );
    }
    scheduler.runAll();
    expect(woken).toBeGreaterThan(1);
    expect(queue.sleepers).toBe(0);
  });

  it('wakes one sleeper, the one that came first', () => {
    const { scheduler } = direct();
    const queue = new WaitQueue(scheduler, 'queue');
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      scheduler.spawn(
        name,
        (function* () {
          yield* queue.block();
          log.push(name);
        })(),
      );
    }
    scheduler.spawn(
      'waker',
      plain(() => queue.wakeOne()),
    );
    expect(violation(() => scheduler.runAll()).message).toBe('b waits for queue');
    expect(log).toEqual(['a']);
  });
});

describe('a preemption point', () => {
  it('packs an object and a kind into one number', () => {
    const p = point(PointKind.PteStore, 2 ** 40);
    expect([pointKind(p), pointObject(p)]).toEqual([PointKind.PteStore, 2 ** 40]);
    expect(describePoint(point(PointKind.LockAcquire, 17))).toBe('LockAcquire 17');
  });
});
