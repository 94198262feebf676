/** What the first, the second and the wrong access to a page do. */
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  firstBytes,
  fork,
  kernelOf,
  load,
  machineOf,
  map,
  p1,
  pfnAt,
  run,
  store,
} from './machine.ts';

const at = (page: number): number => AREA + page * PAGE;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('anonymous memory', () => {
  it('is the zero page until it is written, and costs no frame', () => {
    const machine = machineOf();
    map(machine, 3, { at: at(0) });
    expect(firstBytes(machine, at(0), 2)).toEqual([0, 0]);
    expect(pfnAt(machine, at(0))).toBe(pfnAt(machine, at(1)));
    expect(machine.syscalls.rss(p1(machine)).anon).toBe(0);
    store(machine, at(0), 1);
    expect(pfnAt(machine, at(0))).not.toBe(pfnAt(machine, at(1)));
    store(machine, at(2), 1);
    expect(machine.stats()['faults']).toMatchObject({ zeroPage: 2, anonymous: 1, copyOnWrite: 1 });
    expect(machine.syscalls.rss(p1(machine)).anon).toBe(2);
    expectClean(machine);
  });

  it('is stored to across pages, and what comes before the byte that faults is done', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    expect(store(machine, at(1) - 2, Uint8Array.of(1, 2, 3))).toEqual({
      signal: 'SIGSEGV',
      code: 'SEGV_MAPERR',
      address: at(1),
    });
    expect([load(machine, at(1) - 2), load(machine, at(1) - 1)]).toEqual([1, 2]);
  });

  it('has accessed and dirty bits as hardware sets them', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    const bits = () => machine.syscalls.pagemap(p1(machine), at(0), 1)[0];
    expect(bits()).toMatchObject({ present: false, pfn: undefined });
    load(machine, at(0));
    expect(bits()).toMatchObject({ present: true, young: true, dirty: false, writable: false });
    store(machine, at(0), 1);
    expect(bits()).toMatchObject({ young: true, dirty: true, writable: true });
  });

  it('beyond user space faults', () => {
    const machine = machineOf();
    expect(load(machine, 2 ** 47 - 4096)).toMatchObject({ signal: 'SIGSEGV', code: 'SEGV_MAPERR' });
    expect(load(machine, 2 ** 47)).toEqual({ signal: 'SIGSEGV', code: 'SI_KERNEL', address: 0 });
  });
});

describe('a TLB', () => {
  it('serves the second access without a walk or a fault', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    store(machine, at(0), 1);
    const { hits } = machine.stats()['tlb'];
    const into = new Uint8Array(1);
    expect(machine.tryLoad(p1(machine), at(0), 1, into)).toBe(true);
    expect(machine.tryStore(p1(machine), at(0), 1, into)).toBe(true);
    expect(machine.stats()['tlb']['hits']).toBe(hits + 2);
  });

  it('tries nothing that needs a fault or crosses pages', () => {
    const machine = machineOf();
    map(machine, 2, { at: at(0) });
    expect(machine.tryStore(p1(machine), at(0), 1, Uint8Array.of(1))).toBe(false);
    fill(machine, at(0), 2, 1);
    expect(machine.tryLoad(p1(machine), at(1) - 1, 2, new Uint8Array(2))).toBe(false);
    expect(machine.tryFetch(p1(machine), at(0), 1, new Uint8Array(1))).toBe(false);
  });
});

describe('copy-on-write', () => {
  it('copies while others have the page, and reuses it when they have not', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const original = pfnAt(machine, at(0));
    const child = fork(machine);
    store(machine, at(0), 2);
    expect(pfnAt(machine, at(0))).not.toBe(original);
    store(machine, at(0), 3, child);
    expect(pfnAt(machine, at(0), child)).toBe(original);
    expect(machine.stats()['faults']).toMatchObject({ copyOnWrite: 1, reuse: 1 });
    expectClean(machine);
  });

  it('copies where somebody else holds a reference to a shared page', () => {
    const machine = machineOf();
    map(machine, 1, { at: at(0) });
    store(machine, at(0), 1);
    const child = fork(machine);
    const original = pfnAt(machine, at(0)) as number;
    run(machine, machine.syscalls.exit(child), child);
    const { allocator } = kernelOf(machine);
    allocator.get(original);
    store(machine, at(0), 2);
    expect(pfnAt(machine, at(0))).not.toBe(original);
    allocator.put(original);
    expectClean(machine);
  });
});

describe('a private file mapping', () => {
  it('shows what is written to the file until it is copied, and no more from then on', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 2 * PAGE, bytes('old'));
    map(machine, 2, { at: at(0), file });
    run(machine, machine.files.write('f', 0, bytes('new')));
    expect(load(machine, at(0))).toBe('n'.charCodeAt(0));
    store(machine, at(0), 1);
    run(machine, machine.files.write('f', 0, bytes('xyz')));
    expect(load(machine, at(0))).toBe(1);
    expect(load(machine, at(0) + 1)).toBe('e'.charCodeAt(0));
    expectClean(machine);
  });

  it('is copied at once where the first access is a write', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE, bytes('old'));
    map(machine, 1, { at: at(0), file });
    map(machine, 1, { at: at(4), file });
    store(machine, at(0), 1);
    expect([load(machine, at(0)), load(machine, at(0) + 1), load(machine, at(4))]).toEqual([1, 108, 111]);
    expect(machine.stats()['faults']['copyOnWrite']).toBe(1);
  });
});

describe('a shared file mapping', () => {
  it('is one memory for everybody who maps it', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 4 * PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    map(machine, 2, { at: at(10), file, flags: ['shared'], offset: 2 * PAGE });
    store(machine, at(2), 7);
    expect([load(machine, at(10)), pfnAt(machine, at(10))]).toEqual([7, pfnAt(machine, at(2))]);
    expectClean(machine);
  });

  it('writes its pages back and reads them again', () => {
    const machine = machineOf();
    const file = machine.files.create('f', 8 * PAGE);
    map(machine, 8, { at: at(0), file, flags: ['shared'] });
    fill(machine, at(0), 8, 1);
    expect(run(machine, machine.reclaim(8))).toBe(8);
    expect(machine.syscalls.rss(p1(machine)).file).toBe(0);
    expect(firstBytes(machine, at(0), 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expectClean(machine);
  });
});

describe('the end of a file', () => {
  const BUS = { signal: 'SIGBUS', code: 'BUS_ADRERR' };

  it.each(['private', 'shared'])('raises SIGBUS behind its last page: %s', (sharing) => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE + 1);
    map(machine, 4, { at: at(0), file, flags: [sharing] });
    expect([load(machine, at(1) + 4000), store(machine, at(1) + 4000, 5)]).toEqual([0, undefined]);
    expect(load(machine, at(2))).toMatchObject({ ...BUS, address: at(2) });
    expect(store(machine, at(3), 1)).toMatchObject(BUS);
  });

  it('comes after protection', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE);
    map(machine, 2, { at: at(0), file, prot: 'r' });
    expect(store(machine, at(1), 1)).toMatchObject({ signal: 'SIGSEGV', code: 'SEGV_ACCERR' });
  });

  it('moves with truncate and with write', () => {
    const machine = machineOf();
    const file = machine.files.create('f', PAGE);
    map(machine, 4, { at: at(0), file, flags: ['shared'] });
    run(machine, machine.files.truncate('f', 2 * PAGE));
    expect(load(machine, at(1))).toBe(0);
    run(machine, machine.files.write('f', 3 * PAGE, Uint8Array.of(9)));
    expect([load(machine, at(2)), load(machine, at(3))]).toEqual([0, 9]);
    expect(machine.files.get('f')?.length).toBe(3 * PAGE + 1);
  });
});
