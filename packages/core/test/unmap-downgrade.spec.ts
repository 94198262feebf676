/** While the pages of an unmapped range go, others may look at the address space: mmapLock is held for reading by then. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import { AREA, PAGE, expectClean, fill, kernelOf, machineOf, map, mmOf, p1 } from './machine.ts';
import { attachTo, spy } from './spy.ts';

const HEAP = 0x2000000;

/** A machine whose driver takes long to answer, and what happens meanwhile. */
function bench(): { machine: Machine; order: string[] } {
  const machine = machineOf({ heapStart: HEAP });
  const order: string[] = [];
  map(machine, 8, { at: AREA });
  fill(machine, AREA, 8, 1);
  const slow = spy(() => ({
    *invalidateRangeStart() {
      order.push('start');
      yield* kernelOf(machine).scheduler.sleep(1000);
      order.push('told');
      return 'done';
    },
  }));
  attachTo(machine, slow.plugin);
  return { machine, order };
}

/** Makes the call, and takes mmapLock for reading while the driver answers. */
function during({ machine, order }: ReturnType<typeof bench>, call: Routine<unknown>): string[] {
  const { scheduler } = kernelOf(machine);
  const { mmapLock } = mmOf(machine);
  machine.spawn('call', call, p1(machine));
  machine.spawn(
    'reader',
    (function* () {
      yield* scheduler.sleep(500);
      yield* mmapLock.acquireRead();
      order.push('read');
      mmapLock.releaseRead();
    })(),
  );
  machine.runAll();
  return order;
}

describe('what may be read while a driver is told that a range goes', () => {
  it('is the rest of the address space, in munmap', () => {
    const at = bench();
    expect(during(at, at.machine.syscalls.munmap(p1(at.machine), AREA, 4 * PAGE))).toEqual(['start', 'read', 'told']);
    expectClean(at.machine);
  });

  it('and in an mremap that shrinks', () => {
    const at = bench();
    const { machine } = at;
    const shrink = machine.syscalls.mremap(p1(machine), AREA, 8 * PAGE, 4 * PAGE, [], 0);
    expect(during(at, shrink)).toEqual(['start', 'read', 'told']);
    expectClean(at.machine);
  });

  it('and in a brk that shrinks, which the reader sees done', () => {
    const at = bench();
    const { machine } = at;
    const process = p1(machine);
    machine.run('grow', machine.syscalls.brk(process, HEAP + 4 * PAGE), process);
    fill(machine, HEAP, 4, 1);
    expect(during(at, machine.syscalls.brk(process, HEAP + PAGE))).toEqual(['start', 'read', 'told']);
    expect(mmOf(machine).brk).toBe(HEAP + PAGE);
    expectClean(machine);
  });

  it('is nothing where something else is mapped in its place: the range must not be seen empty', () => {
    const at = bench();
    const flags = ['private', 'anonymous', 'fixed'] as const;
    const mmap = at.machine.syscalls.mmap(p1(at.machine), { address: AREA, length: 4 * PAGE, prot: 'rw', flags });
    expect(during(at, mmap)).toEqual(['start', 'told', 'read']);
    expectClean(at.machine);
  });
});
