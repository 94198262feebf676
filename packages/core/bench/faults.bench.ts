/** Faults of the CPU, for each page that is touched. */
import type { Process } from '@mmu-notifier/core';
import { type Model, PAGE, PAGES, warmModel } from './model.ts';
import { type Aim, type Row, cpuTime } from './row.ts';

const HALF: Aim = { kind: 'ratio', atMost: 1 / 2, text: '<= 1/2' };

let made: Model | undefined;

function model(): Model {
  if (made !== undefined) return made;
  made = warmModel();
  made.machine.files.create('file', PAGES * PAGE);
  return made;
}

/** Maps, prepares, measures one pass over all pages, and unmaps. */
function pass(map: (model: Model) => void, touch: (model: Model) => void): number {
  const on = model();
  map(on);
  const cost = cpuTime(PAGES, () => touch(on));
  on.unmap(PAGES);
  return cost;
}

const mapFile = (on: Model): void => {
  const file = on.machine.files.get('file');
  if (file !== undefined) on.map(PAGES, { flags: ['private', 'fixed'], file });
};

/** A child holds the pages while the parent writes. */
function copyOnWrite(): number {
  const on = model();
  on.map(PAGES);
  on.write(PAGES);
  const child = on.run(on.machine.syscalls.fork(on.process)) as Process;
  const cost = cpuTime(PAGES, () => on.write(PAGES));
  on.run(on.machine.syscalls.exit(child), child);
  on.unmap(PAGES);
  return cost;
}

/** Rows by the names that `timing.c` has for them. */
export const rows: readonly Row[] = [
  {
    name: 'first-touch write fault',
    kernel: 'write-fault',
    unit: 'ns',
    aim: HALF,
    measure: () =>
      pass(
        (on) => on.map(PAGES),
        (on) => on.write(PAGES),
      ),
  },
  {
    name: 'zero-page read fault',
    kernel: 'zero-fault',
    unit: 'ns',
    aim: HALF,
    measure: () =>
      pass(
        (on) => on.map(PAGES),
        (on) => on.read(PAGES),
      ),
  },
  { name: 'copy-on-write fault', kernel: 'cow-fault', unit: 'ns', aim: HALF, measure: copyOnWrite },
  {
    name: 'private file, page read',
    kernel: 'file-read-fault',
    unit: 'ns',
    aim: HALF,
    measure: () => pass(mapFile, (on) => on.read(PAGES)),
  },
  {
    name: 'private file, write fault',
    kernel: 'file-write-fault',
    unit: 'ns',
    aim: HALF,
    measure: () => pass(mapFile, (on) => on.write(PAGES)),
  },
];
