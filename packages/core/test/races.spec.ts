/** Every pair of operations on the same memory, under random schedules, while a device and a CPU go on using it. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { ContractViolation } from '../src/contract.ts';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { AREA, PAGE, fill, fork, load, machineOf, map, p1, run } from './machine.ts';
import { mirror } from './mirror.ts';
import { attachTo } from './spy.ts';

const SEEDS = Number(process.env['RACE_SEEDS'] ?? 8);
const FIRST = Number(process.env['RACE_FIRST'] ?? 0);
const at = (page: number): number => AREA + page * PAGE;
/** Where the anonymous, the shared, the file's and the private file's pages begin; four each. */
const BASES = [0, 100, 200, 300];

type Operation = (machine: Machine, process: Process) => Routine<unknown>;

/** Does it to a part of each of the four mappings. */
const onEach = (call: (machine: Machine, process: Process, page: number) => Routine<unknown>): Operation =>
  function* (machine, process) {
    for (const base of BASES) yield* call(machine, process, base + 1);
  };

const OPERATIONS: Record<string, Operation> = {
  munmap: onEach(({ syscalls }, process, page) => syscalls.munmap(process, at(page), 2 * PAGE)),
  'mprotect r': onEach(({ syscalls }, process, page) => syscalls.mprotect(process, at(page), PAGE, 'r')),
  'mprotect -': onEach(({ syscalls }, process, page) => syscalls.mprotect(process, at(page), 2 * PAGE, '-')),
  mremap: onEach(({ syscalls }, process, page) =>
    syscalls.mremap(process, at(page), 2 * PAGE, 2 * PAGE, ['maymove', 'fixed'], at(page + 510)),
  ),
  'mremap that keeps': onEach(({ syscalls }, process, page) =>
    syscalls.mremap(process, at(page), 2 * PAGE, 2 * PAGE, ['maymove', 'dontunmap'], 0),
  ),
  dontneed: onEach(({ syscalls }, process, page) => syscalls.madvise(process, at(page), 2 * PAGE, 'dontneed')),
  free: ({ syscalls }, process) => syscalls.madvise(process, at(0), 3 * PAGE, 'free'),
  *fork({ syscalls }, process) {
    const child = yield* syscalls.fork(process);
    if (typeof child !== 'string') yield* syscalls.exit(child);
  },
  reclaim: (machine) => machine.reclaim(10),
  'truncate to nothing': ({ files }) => files.truncate('f', 0),
  'truncate a page': ({ files }) => files.truncate('f', PAGE + 100),
  sync: ({ files }) => files.sync('f'),
  write: ({ files }) => files.write('f', PAGE - 2, Uint8Array.of(90, 91, 92, 93)),
  store: onEach((machine, process, page) => machine.store(process, at(page), 1, Uint8Array.of(77))),
};

function race(seed: number, pair: readonly Operation[]): void {
  const machine = machineOf({ seed, frames: 96, swapPages: 96, cpus: 3 });
  const process = p1(machine);
  const file = machine.files.create('f', 4 * PAGE, (index, into) => into.fill(index + 1));
  map(machine, 4, { at: at(0) });
  map(machine, 4, { at: at(100), flags: ['shared'] });
  map(machine, 4, { at: at(200), file, flags: ['shared'] });
  map(machine, 4, { at: at(300), file });
  for (const base of BASES) fill(machine, at(base), 3, base + 10);
  const child = fork(machine);
  const device = attachTo(machine, mirror());
  pair.forEach((operation, i) => machine.spawn(`operation ${i}`, operation(machine, process), process));
  machine.spawn(
    'device',
    (function* () {
      for (const kind of ['store', 'load'] as const) {
        for (const base of BASES) {
          const data = Uint8Array.of(60);
          yield* device.access({ process: process.handle, space: 'process', address: at(base + 1), kind, data });
        }
      }
    })(),
    process,
  );
  machine.spawn('cpu', onEach((m, p, page) => m.store(p, at(page) + 1, 1, Uint8Array.of(5)))(machine, child), child);
  machine.runAll();
  const look = (): void => {
    for (const who of [process, child])
      for (const base of BASES) for (let i = 0; i < 4; i++) load(machine, at(base + i), who);
  };
  look();
  run(machine, machine.files.truncate('f', 4 * PAGE));
  look();
  const found = machine.shutdown();
  if (found.length > 0) throw new ContractViolation(found[0]);
}

describe('two tasks that throw away the same page', () => {
  it('leave it to a store between them, in any schedule', () => {
    for (let seed = 0; seed < 200; seed++) {
      const machine = machineOf({ seed, frames: 64 });
      const process = p1(machine);
      map(machine, 3, { at: at(0) });
      fill(machine, at(0), 3, 1);
      machine.spawn('dontneed', machine.syscalls.madvise(process, at(1), 2 * PAGE, 'dontneed'), process);
      machine.spawn('free', machine.syscalls.madvise(process, at(0), 3 * PAGE, 'free'), process);
      machine.spawn('store', machine.store(process, at(1), 1, Uint8Array.of(60)), process);
      machine.runAll();
      expect([0, 60]).toContain(load(machine, at(1)));
      expect([seed, machine.shutdown()]).toEqual([seed, []]);
    }
  });
});

const names = Object.keys(OPERATIONS);

describe.each(names)('%s', (name) => {
  const others = names.slice(names.indexOf(name));
  it(`beside ${others.join(', ')}`, () => {
    const found: string[] = [];
    for (const other of others) {
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        try {
          race(seed, [OPERATIONS[name], OPERATIONS[other]]);
        } catch (error) {
          found.push(`${other}, seed ${seed}: ${(error as Error).message}`);
        }
      }
    }
    expect(found).toEqual([]);
  });
});
