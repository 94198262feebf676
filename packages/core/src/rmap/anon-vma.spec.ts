import type { Vma } from '../mm/vma.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  fork,
  kernelOf,
  machineOf,
  map,
  mmOf,
  p1,
  pfnAt,
  run,
  store,
} from '../../test/machine.ts';
import type { Machine } from '../machine.ts';
import { rmapWalk, slotMapping } from './rmap.ts';

const at = (page: number): number => AREA + page * PAGE;

/** Who maps the frame, as the reverse map finds it: `mm 1 page 0`. */
function mappers(machine: Machine, pfn: number | undefined): string[] {
  const kernel = kernelOf(machine);
  const found: string[] = [];
  run(
    machine,
    rmapWalk(kernel, pfn as number, function* (vma: Vma, va: number) {
      if (slotMapping(kernel, vma, va, pfn as number) >= 0) found.push(`mm ${vma.mm.id} page ${(va - AREA) / PAGE}`);
      return 'go on';
    }),
  );
  return found.sort();
}

describe('the reverse map of anonymous memory', () => {
  it('finds a page in every process that shares it', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    fill(machine, at(0), 2, 1);
    const child = fork(machine);
    fork(machine, child);
    expect(mappers(machine, pfnAt(machine, at(1)))).toEqual(['mm 1 page 1', 'mm 2 page 1', 'mm 3 page 1']);
  });

  it('looks for what a child made in the child and its children only', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    store(machine, at(0), 2, child);
    const grandchild = fork(machine, child);
    const pfn = pfnAt(machine, at(0), child);
    expect(mappers(machine, pfn)).toEqual(['mm 2 page 0', 'mm 3 page 0']);
    const { anonVmas, frames } = kernelOf(machine);
    const visited = anonVmas.get(frames.mapping[pfn as number])?.tree.size;
    expect(visited).toBe(2);
    expect(pfnAt(machine, at(0), grandchild)).toBe(pfn);
  });

  it('follows a split, a merge and a move', () => {
    const machine = machineOf();
    const { syscalls } = machine;
    map(machine, 4, { at: at(0) });
    fill(machine, at(0), 4, 1);
    const pfn = pfnAt(machine, at(2));
    run(machine, syscalls.mprotect(p1(machine), at(2), PAGE, 'r'));
    expect(mappers(machine, pfn)).toEqual(['mm 1 page 2']);
    run(machine, syscalls.mprotect(p1(machine), at(2), PAGE, 'rw'));
    expect(mappers(machine, pfn)).toEqual(['mm 1 page 2']);
    run(machine, syscalls.mremap(p1(machine), at(2), PAGE, PAGE, ['maymove', 'fixed'], at(50)));
    expect(mappers(machine, pfn)).toEqual(['mm 1 page 50']);
    expectClean(machine);
  });

  it('keeps what a child needs after its parent has gone', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(mappers(machine, pfnAt(machine, at(0), child))).toEqual(['mm 2 page 0']);
    run(machine, machine.syscalls.exit(child), child);
    expect(kernelOf(machine).anonVmas.count).toBe(0);
  });

  it('gives a VMA its anon_vma at the first fault', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    expect(kernelOf(machine).anonVmas.count).toBe(0);
    store(machine, at(0), 1);
    expect(mmOf(machine).vmas.at(at(0))?.anonVma?.tree.size).toBe(1);
  });
});

describe('the reverse map of a file', () => {
  it('finds a page at every offset that shows it', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 8 * PAGE);
    map(machine, 8, { at: at(0), file, flags: ['shared'] });
    map(machine, 2, { at: at(20), file, flags: ['shared'], offset: 5 * PAGE });
    store(machine, at(6), 1);
    store(machine, at(21), 1);
    expect(mappers(machine, pfnAt(machine, at(6)))).toEqual(['mm 1 page 21', 'mm 1 page 6']);
  });
});
