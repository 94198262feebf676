/** Life of a subscription: registration under all locks, unregistration, sharing by get and put, release at exit. */
import type { MmuNotifierOps, NotifierSubscription, Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../machine.ts';
import { withoutGuard } from '../testing.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  kernelOf,
  load,
  machineOf,
  map,
  mmOf,
  p1,
  run,
  store,
  violation,
} from '../../test/machine.ts';
import { attachTo, spy, writesDown } from '../../test/spy.ts';

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

/** A machine with anonymous and file memory, and a host whose services a test may call by itself. */
function bench(options = {}) {
  const machine = machineOf(options);
  map(machine, 4, { at: AREA });
  fill(machine, AREA, 4, 1);
  map(machine, 4, { at: AREA + 8 * PAGE, file: machine.files.create('f', 4 * PAGE), flags: ['shared'] });
  const watcher = spy();
  run(machine, machine.attach('spy', watcher.plugin));
  const log: string[] = [];
  const ops = writesDown(log);
  const register = (with_: MmuNotifierOps = ops) =>
    run(machine, watcher.host().notifiers.register(mmOf(machine), with_));
  return { machine, host: watcher.host(), log, ops, register };
}

function subscribed(result: NotifierSubscription | string): NotifierSubscription {
  if (typeof result === 'string') throw new Error(`registration answered ${result}`);
  return result;
}

const munmap = (machine: Machine, pages = 1) => machine.syscalls.munmap(p1(machine), AREA, pages * PAGE);

describe('register', () => {
  it('hears every window from then on', () => {
    const { machine, register, log } = bench();
    run(machine, munmap(machine));
    subscribed(register());
    run(machine, munmap(machine, 2));
    expect(log).toEqual(['start UNMAP 0+2', 'end UNMAP 0+2']);
    expect(machine.stats()['notifier']).toMatchObject({ registrations: 1, starts: 1, ends: 1 });
  });

  it('holds the mm by one count', () => {
    const { machine, register, host } = bench();
    const mm = mmOf(machine);
    const { count } = mm;
    const subscription = subscribed(register());
    expect(mm.count).toBe(count + 1);
    run(machine, host.notifiers.unregister(subscription));
    expect(mm.count).toBe(count);
  });

  it('answers EINVAL for a TLB flush hook together with start or end', () => {
    const { register, ops, machine } = bench();
    const archInvalidateSecondaryTlbs = (): void => undefined;
    const { invalidateRangeStart, invalidateRangeEnd } = ops;
    expect(register({ archInvalidateSecondaryTlbs, invalidateRangeStart: invalidateRangeStart! })).toBe('EINVAL');
    expect(register({ archInvalidateSecondaryTlbs, invalidateRangeEnd: invalidateRangeEnd! })).toBe('EINVAL');
    subscribed(register({ archInvalidateSecondaryTlbs }));
    expect(mmOf(machine).notifiers?.list).toHaveLength(1);
  });

  it('answers EINTR when a signal is pending, and then no lock is held', () => {
    const { machine, register, log } = bench();
    machine.syscalls.signal(p1(machine));
    expect(register()).toBe('EINTR');
    const { anonVmas, files } = kernelOf(machine);
    expect([...files.values()].some(({ allLocksMark }) => allLocksMark)).toBe(false);
    expect(anonVmas.get(1)?.allLocksMark).toBe(false);
    expect(mmOf(machine).notifiers?.list ?? []).toEqual([]);
    subscribed(register());
    run(machine, munmap(machine));
    expect(log).toHaveLength(2);
    expectClean(machine);
  });

  it('leaves no lock held when the signal comes half-way', () => {
    const { machine, register } = bench();
    const { files } = kernelOf(machine);
    const [file] = [...files.values()];
    const acquireWrite = file.iMmapLock.acquireWrite.bind(file.iMmapLock);
    const acquireWriteNow = file.iMmapLock.acquireWriteNow.bind(file.iMmapLock);
    file.iMmapLock.acquireWrite = function* (...nesting) {
      yield* acquireWrite(...nesting);
      machine.syscalls.signal(p1(machine));
    };
    file.iMmapLock.acquireWriteNow = () => false;
    expect(register()).toBe('EINTR');
    expect(file.allLocksMark).toBe(false);
    file.iMmapLock.acquireWrite = acquireWrite;
    file.iMmapLock.acquireWriteNow = acquireWriteNow;
    run(machine, munmap(machine));
    run(machine, machine.files.truncate('f', 0));
    subscribed(register());
    expectClean(machine);
  });

  it('refuses an address space that has no users any more', () => {
    const { machine, host, ops } = bench();
    const mm = mmOf(machine);
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(() => machine.run('driver', host.notifiers.register(mm, ops))).toThrow('no users any more');
  });

  const joinsDuring = (rival: (machine: Machine) => Routine<unknown>, seed: number): string | undefined => {
    const { machine, host, ops } = bench({ seed });
    const process = p1(machine);
    store(machine, AREA + 8 * PAGE, 1);
    map(machine, 1, { at: AREA + 20 * PAGE });
    load(machine, AREA + 20 * PAGE);
    // Somebody listens already, so that windows are opened at all.
    attachTo(machine, spy().plugin, 'first');
    machine.spawn('rival', rival(machine), process);
    machine.spawn('register', host.notifiers.register(mmOf(machine), ops), process);
    try {
      return violation(() => machine.runAll()).oracle;
    } catch (error) {
      if (!(error as Error).message.startsWith('expected a violation')) throw error;
      return undefined;
    }
  };

  /** Its window is not under the mmapLock of this process. */
  const truncate = (machine: Machine) => machine.files.truncate('f', 0);
  /** Replaces the zero page; its window is under the VMA's own lock. */
  const fault = (machine: Machine) => machine.store(p1(machine), AREA + 20 * PAGE, 1, Uint8Array.of(1));

  it.each([
    ['truncate', truncate],
    ['fault', fault],
  ])('never joins in the middle of a window that a %s opened, in any schedule', (_, rival) => {
    expect(SEEDS.filter((seed) => joinsDuring(rival, seed) !== undefined)).toEqual([]);
  });

  it.each([
    ['all locks', 'take-all-locks', truncate],
    ['the marks of VMAs', 'vma-marks', fault],
  ] as const)('needs %s for that', (_, guard, rival) => {
    const restore = withoutGuard(guard);
    try {
      const oracles = SEEDS.map((seed) => joinsDuring(rival, seed)).filter((oracle) => oracle !== undefined);
      expect(new Set(oracles)).toEqual(new Set(['registration']));
    } finally {
      restore();
    }
  });
});

describe('unregister', () => {
  it('calls release, and no callback comes after it', () => {
    const { machine, register, host, log } = bench();
    const subscription = subscribed(register());
    run(machine, host.notifiers.unregister(subscription));
    run(machine, munmap(machine));
    expect(log).toEqual(['release']);
  });

  it('waits for the callbacks that run, in any schedule', () => {
    for (const seed of SEEDS) {
      const { machine, host } = bench({ seed });
      let inside = 0;
      let heardAfter = false;
      let gone = false;
      const callback = function* () {
        inside++;
        heardAfter ||= gone;
        yield* host.sync.preempt('in a callback');
        yield* host.sync.preempt('still in a callback');
        inside--;
      };
      const ops: MmuNotifierOps = {
        *invalidateRangeStart() {
          yield* callback();
          return 'done';
        },
        invalidateRangeEnd: callback,
      };
      const subscription = subscribed(run(machine, host.notifiers.register(mmOf(machine), ops)));
      machine.spawn('munmap', munmap(machine), p1(machine));
      machine.spawn('truncate', machine.files.truncate('f', 0));
      machine.spawn(
        'unregister',
        (function* () {
          yield* host.notifiers.unregister(subscription);
          gone = true;
          expect([seed, inside]).toEqual([seed, 0]);
        })(),
      );
      machine.runAll();
      expect([seed, heardAfter]).toEqual([seed, false]);
      expectClean(machine);
    }
  });

  it('may race with exit: both may call release, and the mm is let go once', () => {
    for (const seed of SEEDS) {
      const { machine, host, log, ops } = bench({ seed });
      const mm = mmOf(machine);
      host.processes.grab(mm);
      const subscription = subscribed(run(machine, host.notifiers.register(mm, ops)));
      machine.spawn('exit', machine.syscalls.exit(p1(machine)), p1(machine));
      machine.spawn('unregister', host.notifiers.unregister(subscription));
      machine.runAll();
      const releases = log.filter((line) => line === 'release').length;
      expect([seed, releases >= 1 && releases <= 2]).toEqual([seed, true]);
      expect([seed, mm.count, mm.users]).toEqual([seed, 1, 0]);
      expectClean(machine);
    }
  });

  it('after exit only lets the mm go', () => {
    const { machine, register, host, log } = bench();
    const subscription = subscribed(register());
    run(machine, machine.syscalls.exit(p1(machine)));
    machine.run('driver', host.notifiers.unregister(subscription));
    expect(log).toEqual(['release']);
    expectClean(machine);
  });
});

describe('get and put', () => {
  it('share one subscription for the same callbacks and mm', () => {
    const { machine, host, log, ops } = bench();
    const notifiers = host.notifiers;
    const mm = mmOf(machine);
    const freed: number[] = [];
    const shared: MmuNotifierOps = { ...ops, freeNotifier: ({ id }) => void freed.push(id) };
    const [a, b] = [run(machine, notifiers.get(mm, shared)), run(machine, notifiers.get(mm, shared))].map(subscribed);
    expect(a).toBe(b);
    run(machine, munmap(machine));
    expect(log).toEqual(['start UNMAP 0+1', 'end UNMAP 0+1']);
    notifiers.put(a);
    expect(freed).toEqual([]);
    notifiers.put(b);
    run(machine, notifiers.synchronize());
    expect(freed).toEqual([1]);
    expect(log).not.toContain('release');
    run(machine, munmap(machine, 2));
    expect(log).toHaveLength(2);
    expectClean(machine);
  });

  it('register anew for other callbacks', () => {
    const { machine, host, ops } = bench();
    const a = run(machine, host.notifiers.get(mmOf(machine), ops));
    const b = run(machine, host.notifiers.get(mmOf(machine), { ...ops }));
    expect(a).not.toBe(b);
  });

  it('free a grace period after the last put', () => {
    const { machine, host } = bench();
    const freed: string[] = [];
    const held: NotifierSubscription[] = [];
    const ops: MmuNotifierOps = {
      *invalidateRangeStart() {
        host.notifiers.put(held[0]);
        expect(freed).toEqual([]);
        return 'done';
      },
      freeNotifier: () => void freed.push('freed'),
    };
    held.push(subscribed(run(machine, host.notifiers.get(mmOf(machine), ops))));
    run(machine, munmap(machine));
    expect(freed).toEqual(['freed']);
  });

  it('answer what the allocation of the driver answers', () => {
    const { machine, host, ops } = bench();
    const refused = run(machine, host.notifiers.get(mmOf(machine), { ...ops, allocNotifier: () => 'ENOMEM' }));
    expect(refused).toBe('ENOMEM');
    expect(mmOf(machine).notifiers).toBeUndefined();
  });
});

describe('release at exit', () => {
  it('runs for every subscription before anybody is unlinked', () => {
    const { machine, register } = bench();
    const linked: number[] = [];
    for (let i = 0; i < 3; i++) {
      register({
        *release() {
          linked.push(mmOf_.notifiers?.list.length ?? 0);
        },
      });
    }
    const mmOf_ = mmOf(machine);
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(linked).toEqual([3, 3, 3]);
    expect(mmOf_.notifiers?.list).toEqual([]);
  });
});
