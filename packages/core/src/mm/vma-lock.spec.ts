/** Faults under the lock of their VMA, and what makes them fall back to mmapLock. */
import type { Routine } from '@mmu-notifier/plugin-api';
import {
  AREA,
  PAGE,
  expectClean,
  fork,
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
import { Completion } from '../locking/completion.ts';
import { LockClasses } from '../locking/lock-order.ts';
import type { Machine } from '../machine.ts';
import type { Vma } from './vma.ts';
import { startVmaWrite, tryLockVma, unlockVma } from './vma-lock.ts';

const at = (page: number): number => AREA + page * PAGE;
const vmaAt = (machine: Machine, page: number): Vma => mmOf(machine).vmas.at(at(page)) as Vma;
const storing = (machine: Machine, page: number): Routine<unknown> =>
  machine.store(p1(machine), at(page), 1, Uint8Array.of(7));

/** Two mappings that do not merge, each with an anon_vma of its own. */
function twoAreas(): Machine {
  const machine = machineOf();
  for (const page of [0, 10]) {
    map(machine, 2, { at: at(page) });
    store(machine, at(page), 1);
  }
  return machine;
}

/** Holds mmapLock for writing, with the VMAs of some pages marked, until `done`. */
function* writes(machine: Machine, pages: readonly number[], done: Completion): Routine<void> {
  const { mmapLock } = mmOf(machine);
  yield* mmapLock.acquireWrite();
  for (const page of pages) yield* startVmaWrite(kernelOf(machine), vmaAt(machine, page));
  yield* done.wait();
  mmapLock.releaseWrite();
}

const vmaLockStats = (machine: Machine) => machine.stats()['vmaLock'];

describe('a fault', () => {
  it('goes on while another VMA of the mm is changed', () => {
    const machine = twoAreas();
    const done = new Completion(kernelOf(machine).scheduler, 'done');
    machine.spawn('writer', writes(machine, [0], done));
    machine.spawn(
      'fault',
      (function* () {
        yield* storing(machine, 11);
        done.completeAll();
      })(),
    );
    machine.runAll();
    expect(load(machine, at(11))).toBe(7);
    expectClean(machine);
  });

  it('waits for mmapLock where its own VMA is changed', () => {
    const machine = twoAreas();
    const done = new Completion(kernelOf(machine).scheduler, 'done');
    const { abort } = vmaLockStats(machine);
    machine.spawn('writer', writes(machine, [0, 10], done));
    let stored = false;
    machine.spawn(
      'fault',
      (function* () {
        yield* storing(machine, 11);
        stored = true;
      })(),
    );
    machine.spawn(
      'third',
      (function* () {
        expect(stored).toBe(false);
        done.completeAll();
      })(),
    );
    machine.runAll();
    expect(stored).toBe(true);
    expect(vmaLockStats(machine)['abort']).toBe(abort + 1);
    expectClean(machine);
  });

  it('that needs an anon_vma tries for mmapLock, and begins again under it', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    expect(vmaLockStats(machine)).toEqual({ success: 1, abort: 0, retry: 0, miss: 0 });
    map(machine, 1, { at: at(10) });
    const done = new Completion(kernelOf(machine).scheduler, 'done');
    machine.spawn('writer', writes(machine, [0], done));
    machine.spawn('fault', storing(machine, 10));
    machine.spawn(
      'third',
      (function* () {
        done.completeAll();
      })(),
    );
    machine.runAll();
    expect(vmaLockStats(machine)).toEqual({ success: 1, abort: 0, retry: 1, miss: 0 });
    expect(machine.stats()['faults']).toMatchObject({ total: 2, anonymous: 2 });
    expectClean(machine);
  });

  it('outside any VMA, and one that grows the stack, goes under mmapLock', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(300), flags: ['private', 'growsdown'] });
    store(machine, at(299), 1);
    expect(load(machine, at(400))).toMatchObject({ code: 'SEGV_MAPERR' });
    expect(vmaLockStats(machine)).toEqual({ success: 0, abort: 0, retry: 0, miss: 2 });
    expectClean(machine);
  });

  it('opens its window under the lock of its VMA alone', () => {
    const machine = machineOf();
    const held: boolean[] = [];
    const watcher = spy((log) => ({
      ...writesDown(log),
      *invalidateRangeStart() {
        const { lockdep } = kernelOf(machine);
        held.push(lockdep.holdsClass(LockClasses.vmaRead), lockdep.holdsClass(LockClasses.mmap));
        return 'done';
      },
    }));
    map(machine, 1, { at: at(0) });
    load(machine, at(0));
    attachTo(machine, watcher.plugin);
    store(machine, at(0), 1);
    expect(held).toEqual([true, false]);
    expectClean(machine);
  });
});

describe('startVmaWrite', () => {
  it('waits for the faults under way, and keeps later ones out until mmapLock is released', () => {
    const machine = twoAreas();
    const kernel = kernelOf(machine);
    const mm = mmOf(machine);
    const order: string[] = [];
    const go = new Completion(kernel.scheduler, 'go');
    machine.spawn(
      'reader',
      (function* () {
        const vma = tryLockVma(kernel, mm, at(0)) as Vma;
        yield* go.wait();
        order.push('reader is done');
        unlockVma(kernel, vma);
      })(),
    );
    machine.spawn(
      'writer',
      (function* () {
        yield* mm.mmapLock.acquireWrite();
        yield* startVmaWrite(kernel, vmaAt(machine, 0));
        order.push('writer is in');
        expect(tryLockVma(kernel, mm, at(0))).toBeUndefined();
        mm.mmapLock.downgrade();
        const vma = tryLockVma(kernel, mm, at(0));
        expect(vma).toBeDefined();
        unlockVma(kernel, vma as Vma);
        mm.mmapLock.releaseRead();
      })(),
    );
    machine.spawn(
      'third',
      (function* () {
        expect(order).toEqual([]);
        expect(tryLockVma(kernel, mm, at(0))).toBeUndefined();
        go.completeAll();
      })(),
    );
    machine.runAll();
    expect(order).toEqual(['reader is done', 'writer is in']);
    expectClean(machine);
  });

  it('under a lock that a fault may wait for is reported', () => {
    const machine = twoAreas();
    const kernel = kernelOf(machine);
    const { mmapLock } = mmOf(machine);
    const found = violation(() =>
      run(
        machine,
        (function* () {
          yield* mmapLock.acquireWrite();
          yield* kernel.folioLocks.lock(1);
          yield* startVmaWrite(kernel, vmaAt(machine, 0));
        })(),
      ),
    );
    expect(found.oracle).toBe('lock-order');
    expect(found.message).toContain('the write mark of a VMA is acquired under folio lock');
  });

  it('needs mmapLock for writing', () => {
    const machine = twoAreas();
    expect(() => run(machine, startVmaWrite(kernelOf(machine), vmaAt(machine, 0)))).toThrow(
      'a VMA is marked under mmapLock for writing',
    );
  });

  it('comes before fork protects a page, in any schedule: no store is lost or shared', () => {
    for (let seed = 0; seed < 60; seed++) {
      const machine = machineOf({ seed });
      map(machine, 2, { at: at(0) });
      store(machine, at(0), 1);
      machine.spawn('store', storing(machine, 0), p1(machine));
      machine.spawn('store beside it', storing(machine, 1), p1(machine));
      machine.spawn('fork', machine.syscalls.fork(p1(machine)), p1(machine));
      machine.runAll();
      const child = machine.processes.get('p2');
      expect([load(machine, at(0)), load(machine, at(1))]).toEqual([7, 7]);
      store(machine, at(0), 9, child);
      expect([seed, load(machine, at(0))]).toEqual([seed, 7]);
      fork(machine);
      expectClean(machine);
    }
  });
});
