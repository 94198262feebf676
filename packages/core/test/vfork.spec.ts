/** A child of vfork lives in its parent's address space until it executes another program or exits. */
import type { Process } from '../src/machine-api.ts';
import type { Machine } from '../src/machine.ts';
import { expectClean, load, machineOf, map, mmOf, p1, run, store } from './machine.ts';

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
});
