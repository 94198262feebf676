import { AREA, PAGE, expectClean, fill, firstBytes, machineOf, map, p1, run } from '../../test/machine.ts';

const at = (page: number): number => AREA + page * PAGE;

describe('a split', () => {
  it('hides no page from a truncate that comes in between, in any schedule', () => {
    for (let seed = 0; seed < 300; seed++) {
      const machine = machineOf({ seed, frames: 64 });
      const file = machine.files.create('f', 4 * PAGE);
      map(machine, 4, { at: at(0), file, flags: ['shared'] });
      fill(machine, at(0), 4, 1);
      machine.spawn('mprotect', machine.syscalls.mprotect(p1(machine), at(2), PAGE, 'r'), p1(machine));
      machine.spawn('truncate', machine.files.truncate('f', 0));
      machine.runAll();
      run(machine, machine.files.truncate('f', 4 * PAGE));
      expect([seed, ...firstBytes(machine, at(0), 4)]).toEqual([seed, 0, 0, 0, 0]);
      expectClean(machine);
    }
  });
});
