/** The end of a process while other tasks of it are inside a call or an access: who is sent home, and who tears down. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import { AREA, PAGE, expectClean, fill, kernelOf, layout, machineOf, map, mmOf, p1 } from './machine.ts';

const at = (page: number): number => AREA + page * PAGE;
const SEEDS = Number(process.env['RACE_SEEDS'] ?? 100);
const SECOND = 10 ** 9;

/** Runs a task of p1, and answers into `log` under its name. */
function spawn(
  machine: Machine,
  log: Record<string, unknown>,
  name: string,
  routine: Routine<unknown>,
  after = 0,
): void {
  machine.spawn(
    name,
    (function* () {
      if (after > 0) yield* kernelOf(machine).scheduler.sleep(after * SECOND);
      log[name] = (yield* routine) ?? 'done';
    })(),
    p1(machine),
  );
}

/** Holds the mmapLock of p1 for reading, as a kernel thread would, for so many seconds. */
function holdLock(machine: Machine, seconds: number): void {
  const { mmapLock } = mmOf(machine);
  machine.spawn(
    'holder',
    (function* () {
      yield* mmapLock.acquireRead();
      yield* kernelOf(machine).scheduler.sleep(seconds * SECOND);
      mmapLock.releaseRead();
    })(),
  );
}

function bench() {
  const machine = machineOf();
  map(machine, 8, { at: at(0) });
  fill(machine, at(0), 2, 1);
  const log: Record<string, unknown> = {};
  return { machine, log, process: p1(machine), calls: machine.syscalls };
}

describe('exit', () => {
  it('does not wait for a task in a call, which tears the address space down when it leaves', () => {
    const { machine, log, process, calls } = bench();
    const mm = mmOf(machine);
    // What mincore waits for is no killable wait.
    const { mmapLock } = mm;
    machine.spawn(
      'holder',
      (function* () {
        yield* mmapLock.acquireWrite();
        yield* kernelOf(machine).scheduler.sleep(5 * SECOND);
        log['users while it waits'] = mm.users;
        mmapLock.releaseWrite();
      })(),
    );
    spawn(machine, log, 'mincore', calls.mincore(process, at(0), 2 * PAGE));
    spawn(machine, log, 'exit', calls.exit(process));
    machine.runAll();
    expect(log).toEqual({ exit: 'done', 'users while it waits': 1, mincore: Uint8Array.of(1, 1) });
    expect(kernelOf(machine).mms.size).toBe(0);
    expectClean(machine);
  });

  it('ends a wait for the mmapLock with EINTR', () => {
    const { machine, log, process, calls } = bench();
    holdLock(machine, 5);
    spawn(machine, log, 'munmap', calls.munmap(process, at(0), PAGE));
    spawn(machine, log, 'brk', calls.brk(process, 0));
    spawn(machine, log, 'exit', calls.exit(process), 1);
    machine.runAll();
    expect(log).toEqual({ munmap: 'EINTR', brk: 0, exit: 'done' });
    expectClean(machine);
  });

  it('ends an access between two pages, and leaves nothing to make a call or an access', () => {
    const machine = machineOf({ seed: 1 });
    const process = p1(machine);
    map(machine, 2, { at: at(0) });
    const ends = new Set<unknown>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const raced = machineOf({ seed });
      map(raced, 2, { at: at(0) });
      const log: Record<string, unknown> = {};
      spawn(raced, log, 'store', raced.store(p1(raced), at(1) - 2, 4, Uint8Array.of(1, 2, 3, 4)));
      spawn(raced, log, 'exit', raced.syscalls.exit(p1(raced)));
      raced.runAll();
      const end = log['store'];
      ends.add(typeof end === 'object' ? JSON.stringify(end) : end);
      expect([seed, raced.shutdown()]).toEqual([seed, []]);
    }
    expect([...ends].sort()).toEqual([
      'done',
      `{"signal":"SIGKILL","code":"EXIT","address":${at(1) - 2}}`,
      `{"signal":"SIGKILL","code":"EXIT","address":${at(1)}}`,
      `{"signal":"SIGSEGV","code":"SEGV_MAPERR","address":${at(1) - 2}}`,
    ]);
    machine.run('test', machine.syscalls.exit(process), process);
    expect(machine.run('test', machine.syscalls.munmap(process, at(0), PAGE))).toBe('ESRCH');
    expect(machine.run('test', machine.syscalls.fork(process))).toBe('ESRCH');
    expectClean(machine);
  });
});

describe('exec', () => {
  it('kills the other tasks and replaces the address space when they are gone', () => {
    const { machine, log, process, calls } = bench();
    const old = mmOf(machine);
    holdLock(machine, 5);
    // Not a killable wait: the lock is held for reading, which is no hindrance, and then this one holds it too.
    const { mmapLock } = old;
    machine.spawn(
      'writer',
      (function* () {
        yield* mmapLock.acquireWrite();
        log['mm of p1 before the others are gone'] = mmOf(machine) === old;
        mmapLock.releaseWrite();
      })(),
    );
    spawn(machine, log, 'mincore', calls.mincore(process, at(0), PAGE));
    spawn(machine, log, 'munmap', calls.munmap(process, at(0), PAGE));
    spawn(machine, log, 'exec', calls.exec(process));
    spawn(machine, log, 'late call', calls.munmap(process, at(0), PAGE), 1);
    spawn(machine, log, 'late access', machine.store(process, at(0), 1, Uint8Array.of(1)), 1);
    spawn(machine, log, 'exit', calls.exit(process), 1);
    machine.runAll();
    expect(log).toEqual({
      'mm of p1 before the others are gone': true,
      mincore: Uint8Array.of(1),
      munmap: 'EINTR',
      exec: 'done',
      'late call': 'EINTR',
      'late access': { signal: 'SIGKILL', code: 'EXEC', address: at(0) },
      exit: 'done',
    });
    expect([process.exited, layout(machine, AREA)]).toEqual([false, []]);
    expect(mmOf(machine)).not.toBe(old);
    expectClean(machine);
  });

  it('fails when the OOM killer comes first', () => {
    const { machine, log, process, calls } = bench();
    const { mmapLock } = mmOf(machine);
    machine.spawn(
      'holder',
      (function* () {
        yield* mmapLock.acquireWrite();
        yield* kernelOf(machine).scheduler.sleep(5 * SECOND);
        mmapLock.releaseWrite();
      })(),
    );
    spawn(machine, log, 'mincore', calls.mincore(process, at(0), PAGE));
    spawn(machine, log, 'exec', calls.exec(process));
    machine.spawn('oom', machine.oom(process));
    machine.runAll();
    expect(log).toEqual({ mincore: Uint8Array.of(1), exec: 'EAGAIN' });
    expect(process.exited).toBe(true);
    expectClean(machine);
  });

  it.each(['exec', 'exit'] as const)('beside another %s, in any schedule', (rival) => {
    const ends = new Set<string>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const machine = machineOf({ seed });
      const { syscalls } = machine;
      const log: Record<string, unknown> = {};
      map(machine, 4, { at: at(0) });
      spawn(machine, log, 'exec', syscalls.exec(p1(machine)));
      spawn(machine, log, 'rival', syscalls[rival](p1(machine)));
      spawn(machine, log, 'populate', syscalls.madvise(p1(machine), at(0), 4 * PAGE, 'populate_write'));
      machine.runAll();
      ends.add(`${log['exec']} ${log['rival']} ${p1(machine).exited ? 'gone' : 'there'}`);
      expect([seed, machine.shutdown()]).toEqual([seed, []]);
    }
    const expected = {
      exec: ['EINTR done there', 'done EINTR there', 'done done there'],
      exit: ['ESRCH done gone', 'done done gone', 'done done there'],
    };
    expect([...ends].sort()).toEqual(expected[rival]);
  });
});

describe('the OOM killer', () => {
  it('sends the tasks of its victim home, whoever they work for besides', () => {
    const { machine, log, process, calls } = bench();
    holdLock(machine, 1);
    const populated = (function* () {
      // A task of nobody makes a call for p1.
      log['munmap'] = yield* calls.munmap(process, at(0), PAGE);
    })();
    machine.spawn('nobody', populated);
    machine.spawn('oom', machine.oom(process));
    machine.runAll();
    expect(log).toEqual({ munmap: 'EINTR' });
    expect(machine.stats()['oom']).toMatchObject({ kills: 1, reapFailed: 0 });
    expectClean(machine);
  });
});
