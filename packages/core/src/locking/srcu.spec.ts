import { violation } from '../../test/machine.ts';
import { type Bench, direct, pause, plain, seeded } from '../../test/scheduling.ts';
import { Srcu } from './srcu.ts';

function domain(bench: Bench, sleeps: 'may' | 'never' = 'may'): Srcu {
  return new Srcu(bench.scheduler, bench.lockdep, bench.lockdep.driverClass('srcu'), 'srcu', sleeps);
}

describe('SRCU', () => {
  it('synchronize waits for the readers that began before it and for no later ones', () => {
    const bench = direct();
    const { scheduler } = bench;
    const srcu = domain(bench);
    const log: string[] = [];
    const reader = (name: string, nanoseconds: number) =>
      (function* () {
        const token = srcu.readLock();
        yield* scheduler.sleep(nanoseconds);
        log.push(name);
        srcu.readUnlock(token);
      })();
    scheduler.spawn('old', reader('old', 10));
    scheduler.spawn(
      'updater',
      (function* () {
        yield* srcu.synchronize();
        log.push('grace period over');
      })(),
    );
    scheduler.spawn('new', reader('new', 100));
    scheduler.runAll();
    expect(log).toEqual(['old', 'grace period over', 'new']);
  });

  it('does not wait where nobody reads', () => {
    const bench = direct();
    const srcu = domain(bench);
    expect(() => bench.scheduler.run(bench.scheduler.createTask('t', undefined), srcu.synchronize())).not.toThrow();
  });

  it('runs a deferred function after the grace period, at once where there is no reader', () => {
    const bench = direct();
    const srcu = domain(bench);
    const log: string[] = [];
    srcu.call(() => log.push('at once'));
    const token = srcu.readLock();
    srcu.call(() => log.push('deferred'));
    const later = srcu.readLock();
    expect(log).toEqual(['at once']);
    srcu.readUnlock(token);
    expect(log).toEqual(['at once', 'deferred']);
    srcu.readUnlock(later);
  });

  it('barrier waits until every deferred function has run', () => {
    const bench = direct();
    const { scheduler } = bench;
    const srcu = domain(bench);
    let freed = false;
    scheduler.spawn(
      'reader',
      (function* () {
        const token = srcu.readLock();
        srcu.call(() => (freed = true));
        yield* scheduler.sleep(5);
        srcu.readUnlock(token);
      })(),
    );
    scheduler.spawn(
      'waiter',
      (function* () {
        yield* srcu.barrier();
        expect(freed).toBe(true);
      })(),
    );
    scheduler.runAll();
  });

  it('catches a read section that is left twice', () => {
    const bench = direct();
    const srcu = domain(bench);
    const token = srcu.readLock();
    srcu.readUnlock(token);
    expect(violation(() => srcu.readUnlock(token)).oracle).toBe('srcu-misuse');
  });

  it('catches an updater that waits for a grace period inside its own read section', () => {
    const bench = direct();
    const srcu = domain(bench);
    bench.scheduler.spawn(
      'confused',
      (function* () {
        srcu.readLock();
        yield* srcu.synchronize();
      })(),
    );
    expect(violation(() => bench.scheduler.runAll())).toMatchObject({
      oracle: 'srcu-misuse',
      message: 'confused waits inside a read section of srcu for its own end',
    });
  });

  it('forbids readers to sleep where it is RCU', () => {
    const bench = direct();
    const rcu = domain(bench, 'never');
    bench.scheduler.spawn(
      'reader',
      (function* () {
        rcu.readLock();
        yield* bench.scheduler.sleep(1);
      })(),
    );
    expect(violation(() => bench.scheduler.runAll()).oracle).toBe('sleep-in-atomic');
  });

  it('lets nobody see what was freed after synchronize, in any schedule; needs it for that', () => {
    const seesFreed = (seed: number, waits: boolean): boolean => {
      const bench = seeded(seed);
      const srcu = domain(bench);
      let published = true;
      let freed = false;
      let seen = false;
      bench.scheduler.spawn(
        'reader',
        (function* () {
          const token = srcu.readLock();
          yield* pause(bench);
          const found = published;
          yield* pause(bench);
          if (found && freed) seen = true;
          srcu.readUnlock(token);
        })(),
      );
      bench.scheduler.spawn(
        'updater',
        (function* () {
          yield* pause(bench);
          published = false;
          if (waits) yield* srcu.synchronize();
          freed = true;
        })(),
      );
      bench.scheduler.runAll();
      return seen;
    };
    const seeds = Array.from({ length: 60 }, (_, seed) => seed);
    expect(seeds.filter((seed) => seesFreed(seed, true))).toEqual([]);
    expect(seeds.some((seed) => seesFreed(seed, false))).toBe(true);
  });

  it('runs plain code in a read section of its own', () => {
    const bench = direct();
    const srcu = domain(bench);
    bench.scheduler.spawn(
      'reader',
      plain(() => srcu.readUnlock(srcu.readLock())),
    );
    bench.scheduler.runAll();
  });
});
