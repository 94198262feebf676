/** A VMA that is cut inside 2 MiB of its own: with huge pages configured notifiers hear of all 2 MiB. */
import type { Machine } from '../src/machine.ts';
import { PAGE, expectClean, machineOf, map, p1, run, store } from './machine.ts';
import { attachTo, spy } from './spy.ts';

const HUGE = 2 ** 21;
const AT = 64 * HUGE;

function unmapped(kconfig: { TRANSPARENT_HUGEPAGE: boolean }, from: number, touch: boolean): number {
  const machine: Machine = machineOf({ kconfig });
  map(machine, (2 * HUGE) / PAGE, { at: AT });
  attachTo(machine, spy().plugin);
  if (touch) store(machine, AT, 1);
  const before = machine.stats()['notifier']?.['starts'] ?? 0;
  run(machine, machine.syscalls.munmap(p1(machine), AT + from, PAGE));
  const starts = (machine.stats()['notifier']?.['starts'] ?? 0) - before;
  expectClean(machine);
  return starts;
}

describe('a page unmapped in the middle of 2 MiB', () => {
  it('is one window without huge pages, and one more for the split with them', () => {
    expect(unmapped({ TRANSPARENT_HUGEPAGE: false }, 8 * PAGE, true)).toBe(1);
    expect(unmapped({ TRANSPARENT_HUGEPAGE: true }, 8 * PAGE, true)).toBe(2);
  });

  it('splits nothing where there are no page tables, or at a border of 2 MiB', () => {
    expect(unmapped({ TRANSPARENT_HUGEPAGE: true }, 8 * PAGE, false)).toBe(1);
    // The lower edge is a border; behind the upper one the VMA no longer has all of the 2 MiB to itself.
    expect(unmapped({ TRANSPARENT_HUGEPAGE: true }, HUGE, true)).toBe(2);
  });
});
