import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { type Bench, direct, pause, seeded } from '../../test/scheduling.ts';
import { Mutex } from '../locking/mutex.ts';
import { InterruptTimer } from './interrupt-timer.ts';
import { WorkQueue } from './work-queue.ts';

function queueOf({ scheduler, lockdep }: Bench, order: 'ordered' | 'unbound' = 'ordered'): WorkQueue {
  return new WorkQueue(scheduler, lockdep, 'wq', order);
}

/** Runs `body` as a task, and all that comes of it. */
function task(bench: Bench, body: () => Routine<void>): void {
  bench.scheduler.spawn('task', body());
  bench.scheduler.runAll();
}

describe('a work queue', () => {
  it('runs an item once for all that queued it before it began', () => {
    const bench = direct();
    const queue = queueOf(bench);
    let runs = 0;
    const item = queue.item('item', function* () {
      runs++;
    });
    task(bench, function* () {
      expect([item.queue(), item.queue(), item.pending]).toEqual([true, false, true]);
      yield* queue.flush();
      expect([runs, item.pending, item.queue()]).toEqual([1, false, true]);
    });
    expect(runs).toBe(2);
  });

  const overlap = (seed: number, order: 'ordered' | 'unbound'): number => {
    const bench = seeded(seed);
    const queue = queueOf(bench, order);
    let [inside, most] = [0, 0];
    task(bench, function* () {
      for (const name of ['a', 'b', 'c']) {
        queue
          .item(name, function* () {
            most = Math.max(most, ++inside);
            yield* pause(bench);
            inside--;
          })
          .queue();
      }
    });
    return most;
  };

  it('runs ordered items one after the other, unbound ones beside each other', () => {
    const seeds = Array.from({ length: 30 }, (_, seed) => seed);
    expect(Math.max(...seeds.map((seed) => overlap(seed, 'ordered')))).toBe(1);
    expect(Math.max(...seeds.map((seed) => overlap(seed, 'unbound')))).toBeGreaterThan(1);
  });

  it('never runs one item twice at a time, in any schedule', () => {
    for (let seed = 0; seed < 30; seed++) {
      const bench = seeded(seed);
      const queue = queueOf(bench, 'unbound');
      let inside = 0;
      const item = queue.item('item', function* () {
        expect([seed, ++inside]).toEqual([seed, 1]);
        yield* pause(bench);
        inside--;
      });
      task(bench, function* () {
        for (let i = 0; i < 4; i++) {
          item.queue();
          yield* pause(bench);
        }
      });
    }
  });

  it('takes an item back, and waits for one that runs', () => {
    const bench = direct();
    const { scheduler } = bench;
    const queue = queueOf(bench);
    const log: string[] = [];
    const item = queue.item('item', function* () {
      log.push('begins');
      yield* scheduler.sleep(10);
      log.push('ends');
    });
    task(bench, function* () {
      item.queue();
      expect(item.cancel()).toBe(true);
      item.queue();
      yield* scheduler.sleep(1);
      expect(item.cancel()).toBe(false);
      expect(yield* item.cancelSync()).toBe(false);
      log.push('cancelled');
    });
    expect(log).toEqual(['begins', 'ends', 'cancelled']);
  });

  it('begins later in virtual time, or now for who flushes', () => {
    const bench = direct();
    const { scheduler } = bench;
    const log: number[] = [];
    const item = queueOf(bench).item('item', function* () {
      log.push(scheduler.now);
    });
    task(bench, function* () {
      item.queueAfter(100);
      yield* scheduler.sleep(200);
      item.queueAfter(100);
      yield* item.flush();
      item.queueAfter(100);
      expect(yield* item.cancelSync()).toBe(true);
      yield* scheduler.sleep(200);
    });
    expect(log).toEqual([100, 200]);
  });

  it('reports who waits for an item under a lock that it takes, even if this run got away with it', () => {
    const bench = direct();
    const { scheduler, lockdep } = bench;
    const lock = new Mutex(scheduler, lockdep, lockdep.driverClass('lock'), 'lock');
    const item = queueOf(bench).item('item', function* () {
      yield* lock.acquire();
      lock.release();
    });
    const found = violation(() =>
      task(bench, function* () {
        item.queue();
        yield* item.flush();
        yield* lock.acquire();
        yield* item.flush();
      }),
    );
    expect(found).toMatchObject({
      oracle: 'lock-order',
      message: 'item is acquired under lock, elsewhere the other way round',
    });
  });

  it('reports an item that waits for itself', () => {
    const bench = direct();
    const item = queueOf(bench).item('item', () => item.flush());
    expect(violation(() => task(bench, plainQueue(item))).message).toMatch('acquires item, which it holds already');
  });
});

function plainQueue(item: { queue(): boolean }): () => Routine<void> {
  return function* () {
    item.queue();
  };
}

describe('a timer', () => {
  it('expires in virtual time, in interrupt context', () => {
    const bench = direct();
    const { scheduler, lockdep } = bench;
    const log: unknown[] = [];
    const timer = new InterruptTimer(scheduler, lockdep, 'timer', function* () {
      log.push(scheduler.now, scheduler.current.kind);
    });
    task(bench, function* () {
      timer.arm(50);
      timer.arm(70);
      expect(timer.pending).toBe(true);
      yield* scheduler.sleep(100);
    });
    expect(log).toEqual([70, 'interrupt']);
    expect(timer.pending).toBe(false);
  });

  it('must not sleep', () => {
    const bench = direct();
    const { scheduler, lockdep } = bench;
    const timer = new InterruptTimer(scheduler, lockdep, 'timer', () => scheduler.sleep(1));
    const found = violation(() =>
      task(bench, function* () {
        timer.arm(1);
        yield* scheduler.sleep(10);
      }),
    );
    expect(found.oracle).toBe('sleep-in-atomic');
  });

  it('does not run any more once cancelSync has returned, in any schedule', () => {
    for (let seed = 0; seed < 30; seed++) {
      const bench = seeded(seed);
      const { scheduler, lockdep } = bench;
      let gone = false;
      const timer = new InterruptTimer(scheduler, lockdep, 'timer', function* () {
        yield* pause(bench);
        expect([seed, gone]).toEqual([seed, false]);
      });
      task(bench, function* () {
        timer.arm(1);
        yield* scheduler.sleep(1);
        yield* timer.cancelSync();
        gone = true;
      });
    }
  });
});
