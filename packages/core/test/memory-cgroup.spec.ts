/** A memory cgroup: what is charged, whose pages go at the limit, and who dies there. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import { UsageError } from '../src/contract.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  firstBytes,
  fork,
  kernelOf,
  load,
  machineOf,
  map,
  p1,
  run,
  store,
} from './machine.ts';
import { attachTo, spy } from './spy.ts';

const at = (page: number): number => AREA + page * PAGE;
const cgroup = (machine: Machine): Record<string, number> => machine.stats()['cgroup'] as Record<string, number>;
const inLimit = (machine: Machine): boolean => cgroup(machine)['charged'] <= cgroup(machine)['max'];

/** A machine with plenty of memory, whose processes may have little of it. */
const limited = (memoryMaxPages: number, swapPages = 512): Machine =>
  machineOf({ frames: 2048, memoryMaxPages, swapPages });

describe('a memory cgroup', () => {
  it('reclaims its own pages at its limit, while the machine has memory to spare', () => {
    const machine = limited(64);
    const device = spy();
    attachTo(machine, device.plugin);
    map(machine, 200, { at: at(0) });
    fill(machine, at(0), 200, 1);
    expect(inLimit(machine)).toBe(true);
    expect(machine.stats()['memory']).toMatchObject({ kswapdWakes: 0 });
    expect(machine.stats()['swap']['pagesOut']).toBeGreaterThan(100);
    expect(firstBytes(machine, at(0), 200)).toEqual(Array.from({ length: 200 }, (_, i) => (i + 1) & 255));
    expect(inLimit(machine)).toBe(true);
    expectClean(machine);
  });

  it('is not charged for what was cached before, and leaves it alone', () => {
    const machine = limited(64);
    const file = machine.files.create('lib', 100 * PAGE, (_, into) => into.fill(7));
    machine.run('machine', machine.files.readAhead('lib'));
    const before = cgroup(machine)['charged'];
    map(machine, 100, { at: at(1000), file, prot: 'r' });
    expect(firstBytes(machine, at(1000), 100)).toEqual(new Array(100).fill(7));
    // Page tables only.
    expect(cgroup(machine)['charged'] - before).toBeLessThan(6);
    map(machine, 200, { at: at(0) });
    fill(machine, at(0), 200, 1);
    expect(machine.stats()['reclaim']).toMatchObject({ refaultsFile: 0 });
    expect(kernelOf(machine).lru.root.size).toBe(100);
    expectClean(machine);
  });

  it('is charged for the pages of a file that its process brings in', () => {
    const machine = limited(64);
    const file = machine.files.create('data', 100 * PAGE, (_, into) => into.fill(7));
    map(machine, 100, { at: at(0), file, prot: 'r' });
    expect(firstBytes(machine, at(0), 100)).toEqual(new Array(100).fill(7));
    expect(inLimit(machine)).toBe(true);
    expect(machine.stats()['reclaim']['freed']).toBeGreaterThan(30);
    expectClean(machine);
  });

  it('gives back what is freed', () => {
    const machine = limited(128);
    const before = cgroup(machine)['charged'];
    map(machine, 50, { at: at(0) });
    fill(machine, at(0), 50, 1);
    const child = fork(machine);
    store(machine, at(0), 2, child);
    run(machine, machine.syscalls.exit(child), child);
    expect(cgroup(machine)['charged'] - before).toBeGreaterThanOrEqual(50);
    run(machine, machine.syscalls.munmap(p1(machine), at(0), 50 * PAGE));
    expect(cgroup(machine)['charged'] - before).toBeLessThan(4);
    expectClean(machine);
    expect(cgroup(machine)['charged']).toBe(0);
  });

  it('kills for want of its own memory only', () => {
    const machine = limited(64, 0);
    map(machine, 200, { at: at(0) });
    for (let i = 0; i < 200; i++) store(machine, at(i), 1);
    expect(machine.oomKills).toEqual(['p1']);
    expect(machine.stats()['memory']['free']).toBeGreaterThan(1900);
    expectClean(machine);
  });

  it('has less for its processes when other things are charged to it', () => {
    const machine = limited(100);
    map(machine, 200, { at: at(0) });
    fill(machine, at(0), 20, 1);
    machine.chargeElsewhere(40);
    fill(machine, at(20), 180, 21);
    expect(cgroup(machine)['charged']).toBeLessThanOrEqual(60);
    expect(load(machine, at(0))).toBe(1);
    expectClean(machine);
  });

  it.each([1, 2, 3, 4, 5])('keeps its limit while tasks fault at the same time, seed %i', (seed) => {
    const machine = machineOf({ frames: 2048, memoryMaxPages: 64, swapPages: 512, seed });
    map(machine, 200, { at: at(0) });
    const writer = function* (from: number): Routine<void> {
      for (let i = from; i < from + 60; i++) yield* machine.store(p1(machine), at(i), 1, Uint8Array.of(i));
    };
    for (const from of [0, 60, 120]) machine.spawn(`writer from ${from}`, writer(from), p1(machine));
    machine.runAll();
    expect(firstBytes(machine, at(0), 180)).toEqual(Array.from({ length: 180 }, (_, i) => i));
    expect(inLimit(machine)).toBe(true);
    expectClean(machine);
  });

  it('is refused where it could not hold a process', () => {
    expect(() => limited(4)).toThrow(UsageError);
  });
});
