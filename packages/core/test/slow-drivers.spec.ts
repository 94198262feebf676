/** Who waits for whom while a driver is told: not readers for an unmapping, and not advices about another VMA. */
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

function* read(machine: Machine): Routine<void> {
  const { mmapLock } = mmOf(machine);
  yield* mmapLock.acquireRead();
  mmapLock.releaseRead();
}

/** Makes the call, and does something else, takes mmapLock for reading, while the driver answers. */
function during(
  { machine, order }: ReturnType<typeof bench>,
  call: Routine<unknown>,
  meanwhile: Routine<unknown> = read(machine),
): string[] {
  const { scheduler } = kernelOf(machine);
  machine.spawn('call', call, p1(machine));
  machine.spawn(
    'meanwhile',
    (function* () {
      yield* scheduler.sleep(500);
      yield* meanwhile;
      order.push('done');
    })(),
    p1(machine),
  );
  machine.runAll();
  return order;
}

describe('what may be read while a driver is told that a range goes', () => {
  it('is the rest of the address space, in munmap', () => {
    const at = bench();
    expect(during(at, at.machine.syscalls.munmap(p1(at.machine), AREA, 4 * PAGE))).toEqual(['start', 'done', 'told']);
    expectClean(at.machine);
  });

  it('and in an mremap that shrinks', () => {
    const at = bench();
    const { machine } = at;
    const shrink = machine.syscalls.mremap(p1(machine), AREA, 8 * PAGE, 4 * PAGE, [], 0);
    expect(during(at, shrink)).toEqual(['start', 'done', 'told']);
    expectClean(at.machine);
  });

  it('and in a brk that shrinks, which the reader sees done', () => {
    const at = bench();
    const { machine } = at;
    const process = p1(machine);
    machine.run('grow', machine.syscalls.brk(process, HEAP + 4 * PAGE), process);
    fill(machine, HEAP, 4, 1);
    expect(during(at, machine.syscalls.brk(process, HEAP + PAGE))).toEqual(['start', 'done', 'told']);
    expect(mmOf(machine).brk).toBe(HEAP + PAGE);
    expectClean(machine);
  });

  it('is nothing where something else is mapped in its place: the range must not be seen empty', () => {
    const at = bench();
    const flags = ['private', 'anonymous', 'fixed'] as const;
    const mmap = at.machine.syscalls.mmap(p1(at.machine), { address: AREA, length: 4 * PAGE, prot: 'rw', flags });
    expect(during(at, mmap)).toEqual(['start', 'told', 'done']);
    expectClean(at.machine);
  });
});

describe('an advice about one VMA, while mmapLock is held for writing', () => {
  /** Something else comes in the place of the first half of the area, and the driver takes long to let go of it. */
  const mapOver = (machine: Machine): Routine<unknown> =>
    machine.syscalls.mmap(p1(machine), {
      address: AREA,
      length: 4 * PAGE,
      prot: 'rw',
      flags: ['private', 'anonymous', 'fixed'],
    });
  const OTHER = AREA + 64 * PAGE;
  const other = (): ReturnType<typeof bench> => {
    const at = bench();
    map(at.machine, 4, { at: OTHER });
    fill(at.machine, OTHER, 4, 1);
    return at;
  };

  it.each(['dontneed', 'free'])('does not wait: %s', (advice) => {
    const at = other();
    const advised = at.machine.syscalls.madvise(p1(at.machine), OTHER, 2 * PAGE, advice);
    // Its own window is a second one.
    expect(during(at, mapOver(at.machine), advised)).toEqual(['start', 'start', 'told', 'told', 'done']);
    expectClean(at.machine);
  });

  it.each([
    ['cold', OTHER, 2],
    ['dontneed', OTHER - PAGE, 2],
    ['dontneed', OTHER + 3 * PAGE, 2],
  ])('waits where it needs more than that: %s', (advice, address, pages) => {
    const at = other();
    const advised = at.machine.syscalls.madvise(p1(at.machine), address, pages * PAGE, advice);
    const order = during(at, mapOver(at.machine), advised);
    expect(order.slice(0, 2)).toEqual(['start', 'told']);
    expectClean(at.machine);
  });
});
