/** A child of vfork lives in its parent's address space until it executes another program or exits. */
import type { Process } from '../src/machine-api.ts';
import type { Machine } from '../src/machine.ts';
import { AREA, PAGE, expectClean, fork, load, machineOf, map, mmOf, p1, run, store } from './machine.ts';

function family(): { machine: Machine; area: number; child: Process } {
  const machine = machineOf();
  const area = map(machine, 2);
  store(machine, area, 1);
  return { machine, area, child: run(machine, machine.syscalls.vfork(p1(machine))) as Process };
}

describe('vfork', () => {
  it('shares memory, mappings and notifiers: nothing is copied', () => {
    const { machine, area, child } = family();
    expect(mmOf(machine, child)).toBe(mmOf(machine));
    store(machine, area, 7, child);
    expect(load(machine, area)).toBe(7);
    expect(machine.stats()).toMatchObject({ mm: { fork: 0, vfork: 1 }, notifier: { starts: 0 } });
  });

  it('ends with exec or exit, and the parent keeps what it has', () => {
    const { machine, area, child } = family();
    run(machine, machine.syscalls.exec(child), child);
    expect(machine.syscalls.maps(child)).toEqual([]);
    run(machine, machine.syscalls.exit(child), child);
    const second = run(machine, machine.syscalls.vfork(p1(machine))) as Process;
    run(machine, machine.syscalls.exit(second), second);
    expect(load(machine, area)).toBe(1);
    expectClean(machine);
  });

  it('dies with its parent where memory is exhausted, and another process gets the memory', () => {
    const machine = machineOf({ frames: 96, swapPages: 0 });
    map(machine, 100, { at: AREA });
    const other = fork(machine);
    const child = run(machine, machine.syscalls.vfork(p1(machine))) as Process;
    for (let page = 0; page < 50; page++) store(machine, AREA + page * PAGE, 1);
    for (let page = 0; page < 45; page++) expect(store(machine, AREA + page * PAGE, 1, other)).toBeUndefined();
    expect(machine.oomKills).toEqual(['p1', 'p3']);
    expect([p1(machine).exited, child.exited, other.exited]).toEqual([true, true, false]);
    expect(machine.stats()['oom']).toMatchObject({ kills: 1 });
    expectClean(machine);
  });
});
