import type { Routine } from '@mmu-notifier/plugin-api';
import { violation } from '../../test/machine.ts';
import { type Bench, direct, pause, plain, seeded } from '../../test/scheduling.ts';
import type { ContractViolation } from '../contract.ts';
import { Completion } from './completion.ts';
import { LockClasses } from './lock-order.ts';
import { Mutex } from './mutex.ts';
import { SeqCount } from './seqcount.ts';
import { RwSemaphore } from './rw-semaphore.ts';
import { SpinLock } from './spinlock.ts';

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

/** Two tasks add to a counter in two steps; without a lock an addition can get lost. */
function increments(bench: Bench, guard: (body: Routine<void>) => Routine<void>): number {
  let counter = 0;
  const add = function* (): Routine<void> {
    const seen = counter;
    yield* pause(bench);
    counter = seen + 1;
  };
  for (const name of ['a', 'b']) bench.scheduler.spawn(name, guard(add()));
  bench.scheduler.runAll();
  return counter;
}

describe.each([
  ['a mutex', (b: Bench) => new Mutex(b.scheduler, b.lockdep, LockClasses.mmap, 'lock')],
  ['a spinlock', (b: Bench) => new SpinLock(b.scheduler, b.lockdep, LockClasses.pageTable, 'lock')],
])('%s', (_, make) => {
  it('lets one task in, in any schedule', () => {
    for (const seed of SEEDS) {
      const bench = seeded(seed);
      const lock = make(bench);
      const counter = increments(bench, function* (body) {
        yield* lock.acquire();
        yield* body;
        lock.release();
      });
      expect([seed, counter]).toEqual([seed, 2]);
    }
  });

  it('is needed for that', () => {
    expect(SEEDS.some((seed) => increments(seeded(seed), (body) => body) === 1)).toBe(true);
  });

  it('answers a try instead of waiting', () => {
    const bench = direct();
    const { scheduler } = bench;
    const lock = make(bench);
    const task = scheduler.createTask('test', undefined);
    const attempts = scheduler.run(
      task,
      plain(() => {
        const got = [lock.tryAcquire(), lock.tryAcquire(), lock.held];
        lock.release();
        return [...got, lock.held];
      }),
    );
    expect(attempts).toEqual([true, false, true, false]);
  });

  it('cannot be released by a task that does not hold it', () => {
    const bench = direct();
    const lock = make(bench);
    bench.scheduler.spawn(
      'stranger',
      plain(() => lock.release()),
    );
    expect(violation(() => bench.scheduler.runAll())).toMatchObject({
      oracle: 'lock-misuse',
      message: 'stranger releases lock, which it does not hold',
    });
  });
});

describe('a spinlock', () => {
  const sleepUnder = (acquire: (bench: Bench, lock: SpinLock) => Routine<void>) => () => {
    const bench = direct();
    const lock = new SpinLock(bench.scheduler, bench.lockdep, LockClasses.driver, 'spin');
    bench.scheduler.spawn('task', acquire(bench, lock));
    bench.scheduler.runAll();
  };

  it('forbids its holder to sleep: on a mutex, a semaphore, a queue or the clock', () => {
    const sleeps: ((bench: Bench) => Routine<void>)[] = [
      (b) => new Mutex(b.scheduler, b.lockdep, LockClasses.driver, 'mutex').acquire(),
      (b) => new RwSemaphore(b.scheduler, b.lockdep, LockClasses.driver, 'rwsem').acquireRead(),
      (b) => new Completion(b.scheduler, 'completion').wait(),
      (b) => b.scheduler.sleep(1),
    ];
    for (const sleep of sleeps) {
      const found = violation(
        sleepUnder(function* (bench, lock) {
          yield* lock.acquire();
          yield* sleep(bench);
        }),
      );
      expect(found).toMatchObject({ oracle: 'sleep-in-atomic', task: 'task' });
      expect(found.message).toMatch('while it holds spin');
    }
  });

  it('allows sleeping again after its release', () => {
    expect(
      sleepUnder(function* (bench, lock) {
        yield* lock.acquire();
        lock.release();
        yield* bench.scheduler.sleep(1);
      }),
    ).not.toThrow();
  });
});

describe('a rw-semaphore', () => {
  function semaphore(bench: Bench, sleeps: 'may' | 'never' = 'may'): RwSemaphore {
    return new RwSemaphore(bench.scheduler, bench.lockdep, LockClasses.mmap, 'mmapLock', sleeps);
  }

  /** Tasks that hold the lock until `gate` opens, and say when they came in. */
  function cast(bench: Bench, lock: RwSemaphore) {
    const gate = new Completion(bench.scheduler, 'gate');
    const log: string[] = [];
    const reader = (name: string) =>
      bench.scheduler.spawn(
        name,
        (function* () {
          yield* lock.acquireRead();
          log.push(name);
          yield* gate.wait();
          lock.releaseRead();
        })(),
      );
    const writer = (name: string) =>
      bench.scheduler.spawn(
        name,
        (function* () {
          yield* lock.acquireWrite();
          log.push(name);
          lock.releaseWrite();
        })(),
      );
    const open = () =>
      bench.scheduler.spawn(
        'open',
        plain(() => (log.push('open'), gate.completeAll())),
      );
    return { log, reader, writer, open };
  }

  it('lets readers in together', () => {
    const bench = direct();
    const { log, reader, open } = cast(bench, semaphore(bench));
    reader('r1');
    reader('r2');
    open();
    bench.scheduler.runAll();
    expect(log).toEqual(['r1', 'r2', 'open']);
  });

  it('holds new readers back while a writer waits', () => {
    const bench = direct();
    const { log, reader, writer, open } = cast(bench, semaphore(bench));
    reader('r1');
    writer('w');
    reader('r2');
    open();
    bench.scheduler.runAll();
    expect(log).toEqual(['r1', 'open', 'w', 'r2']);
  });

  it('lets a killed task go, and the readers in that only it kept out', () => {
    const bench = direct();
    const lock = semaphore(bench);
    const { log, reader, open } = cast(bench, lock);
    reader('r1');
    const held: [string, boolean][] = [];
    const writer = bench.scheduler.spawn(
      'w',
      (function* () {
        held.push(['w', yield* lock.acquireWriteKillable()]);
        held.push(['again', yield* lock.acquireWriteKillable()], ['to read', yield* lock.acquireReadKillable()]);
        lock.releaseRead();
      })(),
    );
    reader('r2');
    bench.scheduler.spawn(
      'killer',
      plain(() => (log.push('kill'), bench.scheduler.kill(writer, 'EXIT'))),
    );
    open();
    bench.scheduler.runAll();
    expect(log).toEqual(['r1', 'kill', 'r2', 'open']);
    // One that does not have to wait gets it.
    expect(held).toEqual([
      ['w', false],
      ['again', false],
      ['to read', true],
    ]);
  });

  it('refuses a reader that only tries, while a writer waits', () => {
    const bench = direct();
    const lock = semaphore(bench);
    const { log, reader, writer, open } = cast(bench, lock);
    reader('r1');
    writer('w');
    bench.scheduler.spawn(
      'try',
      plain(() => void log.push(`try ${lock.tryAcquireRead()}`)),
    );
    open();
    bench.scheduler.runAll();
    expect(log).toContain('try false');
  });

  it('turns a writer into a reader without letting another writer in', () => {
    const bench = direct();
    const lock = semaphore(bench);
    const { log, reader, writer, open } = cast(bench, lock);
    bench.scheduler.spawn(
      'downgrader',
      (function* () {
        yield* lock.acquireWrite();
        yield* bench.scheduler.sleep(1);
        lock.downgrade();
        log.push('downgraded');
        yield* bench.scheduler.sleep(1);
        log.push('done');
        lock.releaseRead();
      })(),
    );
    writer('w');
    open();
    bench.scheduler.runAll();
    expect(log).toEqual(['open', 'downgraded', 'done', 'w']);
    reader('r');
    bench.scheduler.runAll();
    expect(log.at(-1)).toBe('r');
  });

  it('is reported when one task reads twice: a writer in between would deadlock it', () => {
    const bench = direct();
    const lock = semaphore(bench);
    bench.scheduler.spawn(
      'twice',
      (function* () {
        yield* lock.acquireRead();
        yield* lock.acquireRead();
      })(),
    );
    expect(violation(() => bench.scheduler.runAll()).message).toBe('twice acquires mmapLock, which it holds already');
  });

  /** A reader waits for what a second reader does after it, which a writer in between holds back. */
  function endsOf(writers: 0 | 1): Set<string> {
    const ends = new Set<string>();
    for (const seed of SEEDS) {
      const bench = seeded(seed);
      const lock = semaphore(bench);
      const { writer } = cast(bench, lock);
      const gate = new Completion(bench.scheduler, 'second reader');
      const first = function* (): Routine<void> {
        yield* lock.acquireRead();
        yield* gate.wait();
        lock.releaseRead();
      };
      const second = function* (): Routine<void> {
        yield* lock.acquireRead();
        lock.releaseRead();
        gate.completeAll();
      };
      bench.scheduler.spawn('first', first());
      if (writers === 1) writer('w');
      bench.scheduler.spawn('second', second());
      try {
        bench.scheduler.runAll();
        ends.add('held');
      } catch (error) {
        ends.add((error as ContractViolation).violation.oracle);
      }
    }
    return ends;
  }

  it('deadlocks two readers by a writer that waits between them, under some schedules', () => {
    expect(endsOf(1)).toEqual(new Set(['held', 'deadlock']));
    expect(endsOf(0)).toEqual(new Set(['held']));
  });

  it.each([
    ['directly', direct],
    ['under a strategy', () => seeded(1)],
  ])('leaves a daemon waiting for another that never lets go: a run is over, %s', (_, boot) => {
    const bench = boot();
    const lock = semaphore(bench);
    const work = new Completion(bench.scheduler, 'work');
    const daemon = function* (): Routine<void> {
      yield* lock.acquireWrite();
      yield* work.wait();
      lock.releaseWrite();
    };
    for (const name of ['one', 'two']) bench.scheduler.spawn(name, daemon(), undefined, 'daemon');
    let fired = false;
    bench.scheduler.timers.arm(1, () => (fired = true));
    bench.scheduler.runAll();
    expect([lock.writeHeld, fired]).toEqual([false, false]);
    expect(lock.tryAcquireRead()).toBe(false);
  });

  it('forbids sleeping where it is a rwlock', () => {
    const bench = direct();
    const lock = semaphore(bench, 'never');
    bench.scheduler.spawn(
      'task',
      (function* () {
        yield* lock.acquireRead();
        yield* bench.scheduler.sleep(1);
      })(),
    );
    expect(violation(() => bench.scheduler.runAll()).oracle).toBe('sleep-in-atomic');
  });

  it('never has a writer together with anybody, in any schedule', () => {
    for (const seed of SEEDS) {
      const bench = seeded(seed);
      const lock = semaphore(bench);
      let [readers, writers] = [0, 0];
      for (const kind of ['read', 'write', 'read', 'write', 'read'] as const) {
        bench.scheduler.spawn(
          kind,
          (function* () {
            yield* kind === 'read' ? lock.acquireRead() : lock.acquireWrite();
            if (kind === 'read') readers++;
            else writers++;
            yield* pause(bench);
            expect([seed, writers === 0 || (writers === 1 && readers === 0)]).toEqual([seed, true]);
            if (kind === 'read') {
              readers--;
              lock.releaseRead();
            } else {
              writers--;
              lock.releaseWrite();
            }
          })(),
        );
      }
      bench.scheduler.runAll();
    }
  });
});

describe('a completion', () => {
  it('releases everybody who waits and everybody who comes later, until it is armed again', () => {
    const bench = direct();
    const done = new Completion(bench.scheduler, 'done');
    bench.scheduler.spawn('early', done.wait());
    bench.scheduler.spawn(
      'completer',
      plain(() => done.completeAll()),
    );
    bench.scheduler.spawn('late', done.wait());
    bench.scheduler.runAll();
    done.reinit();
    bench.scheduler.spawn('next', done.wait());
    expect(violation(() => bench.scheduler.runAll()).message).toBe('next waits for done');
  });
});

describe('waiting', () => {
  const owner = () => ({ name: 'p1', signalPending: false, killed: false });

  it('lets one through for each complete', () => {
    const { scheduler } = direct();
    const done = new Completion(scheduler, 'done');
    scheduler.spawn('a', done.wait());
    scheduler.spawn('b', done.wait());
    scheduler.spawn(
      'completer',
      plain(() => done.complete()),
    );
    expect(violation(() => scheduler.runAll()).message).toBe('b waits for done');
  });

  it('ends with EINTR when a signal comes, and only where the wait is interruptible', () => {
    for (const interruptible of [true, false]) {
      const { scheduler } = direct();
      const process = owner();
      const done = new Completion(scheduler, 'done');
      const answers: unknown[] = [];
      scheduler.spawn(
        'waiter',
        (function* (): Routine<void> {
          answers.push(interruptible ? yield* done.waitInterruptible() : yield* done.wait());
        })(),
        process,
      );
      scheduler.spawn(
        'killer',
        plain(() => scheduler.signal(process)),
      );
      if (interruptible) scheduler.runAll();
      else expect(violation(() => scheduler.runAll()).oracle).toBe('deadlock');
      expect(answers).toEqual(interruptible ? ['EINTR'] : []);
      expect(process.signalPending).toBe(!interruptible);
    }
  });

  it('ends when the time is over, or before', () => {
    const { scheduler } = direct();
    const done = new Completion(scheduler, 'done');
    const answers: unknown[] = [];
    const waits = (nanoseconds: number) =>
      (function* (): Routine<void> {
        answers.push([yield* done.waitTimeout(nanoseconds), scheduler.now]);
      })();
    scheduler.spawn('short', waits(10));
    scheduler.spawn('long', waits(100));
    scheduler.spawn(
      'completer',
      (function* (): Routine<void> {
        yield* scheduler.sleep(50);
        done.completeAll();
      })(),
    );
    scheduler.runAll();
    expect(answers).toEqual([
      [false, 10],
      [true, 50],
    ]);
  });
});

describe('a sequence count', () => {
  /** A writer changes two values in two steps; answers whether a reader ever saw one of each. */
  const torn = (seed: number, retry: boolean): boolean => {
    const bench = seeded(seed);
    const count = new SeqCount(bench.scheduler, 'seq');
    let [a, b, seen] = [0, 0, false];
    bench.scheduler.spawn(
      'writer',
      (function* (): Routine<void> {
        for (let i = 1; i <= 3; i++) {
          count.writeBegin();
          a = i;
          yield* pause(bench);
          b = i;
          count.writeEnd();
          yield* pause(bench);
        }
      })(),
    );
    bench.scheduler.spawn(
      'reader',
      (function* (): Routine<void> {
        for (;;) {
          const sequence = retry ? yield* count.readBegin() : 0;
          const first = a;
          yield* pause(bench);
          const second = b;
          if (retry && count.readRetry(sequence)) continue;
          seen = first !== second;
          return;
        }
      })(),
    );
    bench.scheduler.runAll();
    return seen;
  };

  it('never lets a reader use what is torn, in any schedule', () => {
    for (const seed of SEEDS) expect([seed, torn(seed, true)]).toEqual([seed, false]);
  });

  it('is needed for that', () => {
    expect(SEEDS.some((seed) => torn(seed, false))).toBe(true);
  });

  it('answers a try while somebody writes, and reports two writers', () => {
    const { scheduler } = direct();
    const count = new SeqCount(scheduler, 'seq');
    count.writeBegin();
    expect(count.tryReadBegin()).toBeUndefined();
    expect(violation(() => count.writeBegin()).oracle).toBe('lock-misuse');
  });
});

describe('a lock that is taken without a routine', () => {
  it('is refused where somebody could come between, or holds it', () => {
    const [free, preempted] = [direct(), seeded(1)].map(
      (bench) => new Mutex(bench.scheduler, bench.lockdep, LockClasses.mmap, 'lock'),
    );
    expect([free?.acquireNow(), free?.acquireNow(), preempted?.acquireNow()]).toEqual([true, false, false]);
  });
});
