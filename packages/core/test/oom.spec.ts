/** Out of memory: who dies, who goes on, and what the reaper may do to drivers. */
import type { MmuNotifierOps, Routine } from '@mmu-notifier/plugin-api';
import { badness } from '../src/reclaim/oom.ts';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { deviceLoad } from './device.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
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
} from './machine.ts';
import { mirror } from './mirror.ts';
import { attachTo, spy, writesDown } from './spy.ts';
import { umem } from './umem.ts';

const at = (page: number): number => AREA + page * PAGE;
const SEEDS = Number(process.env['RACE_SEEDS'] ?? 25);

/** Stores to page after page. @returns how many went well, and the signal that ended it. */
function eat(machine: Machine, process: Process, from: number, pages: number): [number, string | undefined] {
  for (let i = 0; i < pages; i++) {
    const failed = store(machine, at(from + i), 1, process);
    if (failed !== undefined) return [i, `${failed.signal} ${failed.code}`];
  }
  return [pages, undefined];
}

describe('a machine without memory and without swap', () => {
  it('kills the one process that there is, which gets SIGKILL', () => {
    const machine = machineOf({ frames: 64, swapPages: 0 });
    map(machine, 200, { at: at(0) });
    const [pages, signal] = eat(machine, p1(machine), 0, 200);
    expect(signal).toBe('SIGKILL OOM');
    expect(pages).toBeGreaterThan(30);
    expect(p1(machine).exited).toBe(true);
    expect(machine.oomKills).toEqual(['p1']);
    expect(machine.stats()['oom']).toMatchObject({ kills: 1 });
    expectClean(machine);
  });

  it('kills the largest process, and the one that asked goes on', () => {
    const machine = machineOf({ frames: 96, swapPages: 0 });
    map(machine, 100, { at: at(0) });
    const child = fork(machine);
    eat(machine, p1(machine), 0, 50);
    expect(badness(mmOf(machine))).toBeGreaterThan(badness(mmOf(machine, child)));
    expect(eat(machine, child, 0, 45)).toEqual([45, undefined]);
    expect(machine.oomKills).toEqual(['p1']);
    expect(p1(machine).exited).toBe(true);
    expect(load(machine, at(3), child)).toBe(1);
    expect(load(machine, at(0))).toMatchObject({ signal: 'SIGKILL', code: 'OOM' });
    expectClean(machine);
  });

  it('counts swapped pages and page tables too', () => {
    const machine = machineOf({ frames: 96, swapPages: 64 });
    map(machine, 100, { at: at(0) });
    fill(machine, at(0), 10, 1);
    const { rss, tablePages } = mmOf(machine);
    run(machine, machine.reclaim(6));
    expect(rss.swap).toBeGreaterThan(0);
    expect(badness(mmOf(machine))).toBe(10 + tablePages);
  });

  it('kills nobody while swap has room', () => {
    const machine = machineOf({ frames: 64, swapPages: 256 });
    map(machine, 200, { at: at(0) });
    expect(eat(machine, p1(machine), 0, 200)).toEqual([200, undefined]);
    expect(machine.oomKills).toEqual([]);
    expectClean(machine);
  });

  it('kills once for all who wait, in any schedule', () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const machine = machineOf({ seed, frames: 128, swapPages: 0, cpus: 3 });
      map(machine, 100, { at: at(0) });
      eat(machine, p1(machine), 0, 70);
      const eaters = [fork(machine), fork(machine)];
      run(machine, machine.syscalls.munmap(p1(machine), at(90), PAGE));
      const signals: unknown[] = [];
      for (const who of eaters) {
        run(machine, machine.syscalls.madvise(who, at(0), 100 * PAGE, 'dontneed'), who);
        machine.spawn(
          `eater ${who.name}`,
          (function* (): Routine<void> {
            for (let i = 0; i < 40; i++) {
              const failed = yield* machine.store(who, at(i), 1, Uint8Array.of(2));
              if (failed !== undefined) signals.push(failed);
            }
          })(),
          who,
        );
      }
      machine.runAll();
      expect([seed, machine.oomKills, signals]).toEqual([seed, ['p1'], []]);
      expect([seed, machine.shutdown()]).toEqual([seed, []]);
    }
  });
});

describe('a device of a victim', () => {
  it('is released by the exit, before a page is freed', () => {
    const machine = machineOf({ frames: 96, swapPages: 0 });
    map(machine, 100, { at: at(0) });
    const child = fork(machine);
    eat(machine, p1(machine), 0, 50);
    const device = attachTo(machine, mirror());
    expect(deviceLoad(machine, device, at(1))).toBe(1);
    expect(eat(machine, child, 0, 45)[0]).toBe(45);
    expect([...device.translations()]).toEqual([]);
    expectClean(machine);
  });
});

/** A machine whose process has private memory, a shared file, and a device that hears everything. */
function bench(ops?: (log: string[]) => MmuNotifierOps, options = {}) {
  const machine = machineOf(options);
  map(machine, 3, { at: at(0) });
  map(machine, 2, { at: at(8), file: machine.files.create('f', 2 * PAGE), flags: ['shared'] });
  map(machine, 2, { at: at(16), prot: 'rwx' });
  for (const page of [0, 8, 16]) fill(machine, at(page), 2, page + 1);
  const watcher = spy(ops);
  attachTo(machine, watcher.plugin);
  return { machine, watcher };
}

describe('the reaper', () => {
  it('takes private memory in windows that must not block, one for each VMA; then the exit releases', () => {
    const blockable: boolean[] = [];
    const { machine, watcher } = bench((log) => ({
      ...writesDown(log),
      *invalidateRangeStart(range) {
        blockable.push(range.blockable);
        return yield* writesDown(log).invalidateRangeStart!(range);
      },
    }));
    const { rss } = mmOf(machine);
    const seen = run(
      machine,
      (function* () {
        const complete = yield* machine.oom(p1(machine));
        return [complete, rss.anon, rss.file];
      })(),
    );
    expect(seen).toEqual([true, 0, 2]);
    expect(watcher.take()).toEqual([
      'start CLEAR 0+3',
      'end CLEAR 0+3',
      'start CLEAR 16+2',
      'end CLEAR 16+2',
      'release',
    ]);
    expect(blockable).toEqual([false, false]);
    expect(p1(machine).exited).toBe(true);
    expectClean(machine);
  });

  it('leaves the VMA of a driver that refuses, comes again ten times, and gives up', () => {
    let refusals = 0;
    const { machine } = bench(() => ({
      *invalidateRangeStart({ start, blockable }) {
        if (blockable || start !== at(16)) return 'done';
        refusals++;
        return 'EAGAIN';
      },
    }));
    const { rss } = mmOf(machine);
    // Somebody keeps the exit from unmapping.
    const held = mmOf(machine).mmapLock;
    machine.spawn(
      'somebody',
      (function* () {
        yield* held.acquireRead();
        yield* kernelOf(machine).scheduler.sleep(10 ** 10);
        held.releaseRead();
      })(),
    );
    const mm = mmOf(machine);
    kernelOf(machine).oom.processes = undefined;
    machine.spawn(
      'oom',
      (function* () {
        expect(yield* machine.oom(p1(machine))).toBe(false);
        expect([rss.anon, rss.file]).toEqual([2, 2]);
      })(),
    );
    machine.runAll();
    expect(refusals).toBe(10);
    expect(mm.unstable).toBe(true);
    expect(machine.stats()['oom']).toMatchObject({ kills: 1, reapFailed: 1 });
    expectClean(machine);
  });

  it('comes when the exit is stuck in a release, and lets the others go on', () => {
    const machine = machineOf({ frames: 96, swapPages: 0 });
    const { scheduler } = kernelOf(machine);
    map(machine, 100, { at: at(0) });
    const child = fork(machine);
    eat(machine, p1(machine), 0, 50);
    const order: string[] = [];
    const stuck = spy(() => ({
      *invalidateRangeStart() {
        order.push('reaped');
        return 'done';
      },
      *release() {
        yield* scheduler.sleep(10 ** 11);
        order.push('released');
      },
    }));
    attachTo(machine, stuck.plugin);
    expect(eat(machine, child, 0, 45)[0]).toBe(45);
    order.push('the other went on');
    machine.runAll();
    expect(order).toEqual(['reaped', 'the other went on', 'released']);
    expectClean(machine);
  });

  it('leaves a process that was reaped nothing to find: its faults fail', () => {
    const { machine } = bench();
    const mm = mmOf(machine);
    kernelOf(machine).oom.processes = undefined;
    const process = p1(machine);
    run(machine, machine.oom(process));
    expect(mm.unstable).toBe(true);
    expect(load(machine, at(0))).toMatchObject({ signal: 'SIGKILL' });
    expectClean(machine);
  });

  it('reports a driver that sleeps, where it would deadlock with memory that waits for the reaper', () => {
    const { machine } = bench(() => ({
      *invalidateRangeStart() {
        yield* kernelOf(machine).scheduler.sleep(1);
        return 'done';
      },
    }));
    expect(violation(() => run(machine, machine.oom(p1(machine)))).oracle).toBe('sleep-in-atomic');
  });

  it.each(['mirror', 'umem'])('beside the faults of a %s, in any schedule', (name) => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const { machine } = bench(undefined, { seed });
      const process = p1(machine);
      const device = attachTo(machine, name === 'mirror' ? mirror() : umem());
      for (const kind of ['load', 'store'] as const) {
        machine.spawn(
          `device ${kind}`,
          (function* (): Routine<void> {
            for (const page of [0, 8, 16, 1, 17]) {
              const data = Uint8Array.of(70);
              yield* device.access({ process: process.handle, space: 'process', address: at(page), kind, data });
            }
          })(),
        );
      }
      machine.spawn('cpu', machine.store(process, at(1), 1, Uint8Array.of(5)), process);
      machine.spawn('oom', machine.oom(process));
      machine.runAll();
      expect([seed, machine.shutdown()]).toEqual([seed, []]);
    }
  });
});
