/** Runs of accesses: what the fast way makes, and where it stops. */
import { Machine, MemorySwapDevice, type Process } from '../src/index.ts';

const AREA = 0x10000000;
const [FETCH, LOAD, STORE, MODIFY] = [0, 1, 2, 3];

function mapped(pages: number): { machine: Machine; process: Process } {
  const machine = new Machine({ ramBytes: 2 ** 24, swapBytes: 0, swapDevice: new MemorySwapDevice(), oracles: 'off' });
  const process = machine.processes.get('p1') as Process;
  const call = { address: AREA, length: pages * 4096, prot: 'rw', flags: ['private', 'anonymous', 'fixed'] } as const;
  expect(machine.run('map', machine.syscalls.mmap(process, call), process)).toBe(AREA);
  return { machine, process };
}

/** Rows of kind, address and size. */
function runOf(rows: readonly (readonly [number, number, number])[]) {
  return {
    kinds: Uint8Array.from(rows, ([kind]) => kind),
    addresses: Float64Array.from(rows, ([, address]) => address),
    sizes: Int32Array.from(rows, ([, , size]) => size),
  };
}

function bytesAt(machine: Machine, process: Process, address: number, size: number): number[] {
  const into = new Uint8Array(size);
  expect(machine.run('read', machine.load(process, address, size, into), process)).toBeUndefined();
  return [...into];
}

function hitsOf(machine: Machine): number {
  return machine.stats()['tlb']?.['hits'] ?? 0;
}

function touch(machine: Machine, process: Process, page: number): void {
  const byte = Uint8Array.of(1);
  expect(machine.run('touch', machine.store(process, AREA + page * 4096, 1, byte), process)).toBeUndefined();
}

test('a run stops at the first access that needs a fault', () => {
  const { machine, process } = mapped(2);
  touch(machine, process, 0);
  const run = runOf([
    [STORE, AREA + 8, 8],
    [LOAD, AREA + 16, 4],
    [MODIFY, AREA + 24, 2],
    [STORE, AREA + 4096, 8],
    [LOAD, AREA, 8],
  ]);
  expect(machine.tryRun(process, run, 0, 5)).toBe(3);
  expect(machine.tryRun(process, run, 4, 5)).toBe(5);
  expect(bytesAt(machine, process, AREA + 8, 8)).not.toEqual(new Array(8).fill(0));
});

test('an access to two pages stores to both, once the TLB reaches both', () => {
  const { machine, process } = mapped(2);
  touch(machine, process, 0);
  const run = runOf([[STORE, AREA + 4090, 12]]);
  expect(machine.tryRun(process, run, 0, 1)).toBe(0);
  touch(machine, process, 1);
  const hits = hitsOf(machine);
  expect(machine.tryRun(process, run, 0, 1)).toBe(1);
  expect(hitsOf(machine) - hits).toBe(2);
  const written = bytesAt(machine, process, AREA + 4088, 16);
  expect(written.slice(0, 2)).toEqual([0, 0]);
  expect(written.slice(2, 14)).not.toContain(0);
  expect(written.slice(14)).toEqual([0, 0]);
});

test('what may not execute stops the run, on one page and on two', () => {
  const { machine, process } = mapped(2);
  touch(machine, process, 0);
  touch(machine, process, 1);
  const run = runOf([
    [FETCH, AREA, 4],
    [FETCH, AREA + 4094, 4],
  ]);
  expect(machine.tryRun(process, run, 0, 2)).toBe(0);
  expect(machine.tryRun(process, run, 1, 2)).toBe(1);
});
