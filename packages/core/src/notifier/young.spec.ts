/** Whether a page was used: by whom it is asked, and who answers for all (I23). */
import type { MmuNotifierOps } from '@mmu-notifier/plugin-api';
import { AREA, PAGE, kernelOf, machineOf, map, mmOf, run } from '../../test/machine.ts';
import { attachTo, spy } from '../../test/spy.ts';
import { clearFlushYoung, clearYoung, testYoung } from './young.ts';

/** Three subscribers that write down what they are asked; `yes` says so. */
function bench(yes: string | undefined) {
  const machine = machineOf();
  map(machine, 2, { at: AREA });
  const asked: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const answers = (what: string) =>
      function* () {
        asked.push(`${name} ${what}`);
        return name === yes;
      };
    const ops: MmuNotifierOps = {
      clearFlushYoung: answers('clears, flushes'),
      clearYoung: answers('clears'),
      testYoung: answers('looks'),
    };
    attachTo(machine, spy(() => ops).plugin, name);
  }
  return { machine, kernel: kernelOf(machine), mm: mmOf(machine), asked };
}

describe('asking for age', () => {
  it('clears with every subscriber, and one yes is a yes', () => {
    const { machine, kernel, mm, asked } = bench('c');
    expect(run(machine, clearFlushYoung(kernel, mm, AREA, AREA + PAGE))).toBe(true);
    expect(run(machine, clearYoung(kernel, mm, AREA, AREA + PAGE))).toBe(true);
    expect(asked).toEqual([
      ...['c', 'b', 'a'].map((name) => `${name} clears, flushes`),
      ...['c', 'b', 'a'].map((name) => `${name} clears`),
    ]);
  });

  it('answers no when nobody has used it', () => {
    const { machine, kernel, mm } = bench(undefined);
    expect(run(machine, clearFlushYoung(kernel, mm, AREA, AREA + PAGE))).toBe(false);
    expect(run(machine, testYoung(kernel, mm, AREA))).toBe(false);
  });

  it('looks only until somebody says yes', () => {
    const { machine, kernel, mm, asked } = bench('b');
    expect(run(machine, testYoung(kernel, mm, AREA))).toBe(true);
    expect(asked).toEqual(['c looks', 'b looks']);
  });
});
