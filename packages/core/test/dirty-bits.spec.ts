/**
 * A pte that is writable and clean (lazily freed memory) gets its dirty bit from the hardware, at any moment, lock or no
 * lock. Whoever changes the pte must read and replace it in one step, or the store is lost with the page.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { AREA, PAGE, kernelOf, load, machineOf, map, p1, run, store } from './machine.ts';

const SEEDS = 60;
const TARGET = AREA + 64 * PAGE;

const CHANGES: Record<string, (machine: Machine, process: Process) => Routine<unknown>> = {
  mprotect: ({ syscalls }, process) => syscalls.mprotect(process, AREA, PAGE, 'rwx'),
  mremap: ({ syscalls }, process) => syscalls.mremap(process, AREA, PAGE, PAGE, ['maymove', 'fixed'], TARGET),
  reclaim: (machine) => machine.reclaim(1),
};

/** @returns whether the store was made, and whether the page knows of it afterwards. */
function race(seed: number, change: (machine: Machine, process: Process) => Routine<unknown>): boolean {
  const machine = machineOf({ seed });
  const process = p1(machine);
  map(machine, 1, { at: AREA });
  store(machine, AREA, 1);
  run(machine, machine.syscalls.madvise(process, AREA, PAGE, 'free'));
  let stored = false;
  machine.spawn('change', change(machine, process), process);
  machine.spawn(
    'store',
    (function* () {
      stored = (yield* machine.store(process, AREA, 1, Uint8Array.of(7))) === undefined;
    })(),
    process,
  );
  machine.runAll();
  for (let i = 0; i < 4; i++) run(machine, machine.reclaim(1));
  const at = kernelOf(machine).mms.get(1)?.vmas.at(TARGET) === undefined ? AREA : TARGET;
  if (stored) expect({ seed, found: load(machine, at) }).toEqual({ seed, found: 7 });
  return stored;
}

describe('a store to lazily freed memory is kept', () => {
  it.each(Object.entries(CHANGES))('while %s changes the pte', (_, change) => {
    let stores = 0;
    for (let seed = 0; seed < SEEDS; seed++) if (race(seed, change)) stores++;
    expect(stores).toBeGreaterThan(SEEDS / 4);
  });
});

describe('a store to a shared file mapping', () => {
  it('is written by the next sync, whatever the one under way saw of it', () => {
    for (let seed = 0; seed < 4 * SEEDS; seed++) {
      const machine = machineOf({ seed });
      const process = p1(machine);
      const file = machine.files.create('f', PAGE);
      for (const page of [0, 1, 2]) {
        map(machine, 1, { at: AREA + page * PAGE, file, flags: ['shared'] });
        load(machine, AREA + page * PAGE);
      }
      store(machine, AREA + PAGE, 1);
      machine.spawn('sync', machine.files.sync('f'));
      machine.spawn('store', machine.store(process, AREA, 1, Uint8Array.of(7)), process);
      machine.runAll();
      run(machine, machine.files.sync('f'));
      const onDisk = new Uint8Array(PAGE);
      kernelOf(machine).files.get(1)?.store.read(0, onDisk);
      expect([seed, onDisk[0]]).toEqual([seed, 7]);
    }
  });
});
