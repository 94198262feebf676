/** Calls that change page tables: for each present page, and for ranges in which little or nothing is present. */
import type { Process } from '@mmu-notifier/core';
import { AREA, GIB, type Model, PAGE, PAGES, TARGET, warmModel } from './model.ts';
import { type Aim, type Row, cpuTime } from './row.ts';

const SAME: Aim = { kind: 'ratio', atMost: 1, text: '<= 1' };

let made: Model | undefined;

/** Measures `change` on an area that was written. `after` undoes it. */
function onWritten(change: (model: Model) => void, after: (model: Model) => void): number {
  made ??= warmModel();
  const on = made;
  on.map(PAGES);
  on.write(PAGES);
  const cost = cpuTime(PAGES, () => change(on));
  after(on);
  return cost;
}

function move(shift: number): number {
  const length = PAGES * PAGE;
  return onWritten(
    (on) => {
      const flags = ['maymove', 'fixed'];
      on.run(on.machine.syscalls.mremap(on.process, AREA, length, length, flags, TARGET + shift));
    },
    (on) => on.unmap(PAGES, TARGET + shift),
  );
}

function fork(): number {
  let child: Process | undefined;
  return onWritten(
    (on) => {
      child = on.run(on.machine.syscalls.fork(on.process)) as Process;
    },
    (on) => {
      if (child !== undefined) on.run(on.machine.syscalls.exit(child), child);
      on.unmap(PAGES);
    },
  );
}

/** The mean of many calls: one is short for a clock of microseconds. */
function sparse(bytes: number, present: number, calls: number): number {
  made ??= warmModel();
  const on = made;
  on.map(bytes / PAGE);
  const stride = bytes / Math.max(1, present);
  let cost = 0;
  for (let i = 0; i < calls; i++) {
    on.write(present, AREA, stride);
    cost += cpuTime(1, () => on.drop(bytes / PAGE));
  }
  on.unmap(bytes / PAGE);
  return cost / calls;
}

/** Rows by the names that `timing.c` has for them. */
export const rows: readonly Row[] = [
  {
    name: 'munmap, per page',
    kernel: 'munmap',
    unit: 'ns',
    aim: SAME,
    measure: () =>
      onWritten(
        (on) => on.unmap(PAGES),
        () => undefined,
      ),
  },
  {
    name: 'madvise(dontneed), per page',
    kernel: 'dontneed',
    unit: 'ns',
    aim: SAME,
    measure: () =>
      onWritten(
        (on) => on.drop(PAGES),
        (on) => on.unmap(PAGES),
      ),
  },
  {
    name: 'mprotect, per page',
    kernel: 'mprotect',
    unit: 'ns',
    aim: SAME,
    measure: () =>
      onWritten(
        (on) => on.protect(AREA, PAGES, 'r'),
        (on) => on.unmap(PAGES),
      ),
  },
  { name: 'mremap of whole tables, per page', kernel: 'mremap-tables', unit: 'ns', aim: SAME, measure: () => move(0) },
  { name: 'mremap of entries, per page', kernel: 'mremap-entries', unit: 'ns', aim: SAME, measure: () => move(PAGE) },
  { name: 'fork, per page', kernel: 'fork', unit: 'ns', aim: SAME, measure: fork },
  {
    name: 'dontneed of 4 GiB, 16 pages present',
    kernel: 'sparse-4g',
    unit: 'us',
    aim: { kind: 'cost', atMost: 30_000 },
    measure: () => sparse(4 * GIB, 16, 50),
  },
  {
    name: 'dontneed of 64 GiB, nothing present',
    kernel: 'empty-64g',
    unit: 'us',
    aim: { kind: 'cost', atMost: 10_000 },
    measure: () => sparse(64 * GIB, 0, 200),
  },
];
