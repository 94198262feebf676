/** The machines of the benchmark: no oracles, direct mode, and what a program does on them in the words of its calls. */
import { Machine, MemorySwapDevice, type MmapCall, type Process } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';

export const PAGE = 4096;
export const GIB: number = 2 ** 30;
/** Pages of one measurement, as in `timing.c`. */
export const PAGES = 16384;
/** Where everything is mapped that does not say otherwise: at the border of a page table. */
export const AREA: number = 64 * GIB;
/** Where it is moved to. */
export const TARGET: number = 1024 * GIB;

const byte = Uint8Array.of(1);

/** One program on a machine of its own. */
export class Model {
  readonly machine: Machine;
  readonly process: Process;

  constructor(ramBytes: number = 512 * 2 ** 20) {
    this.machine = new Machine({ ramBytes, swapBytes: 0, swapDevice: new MemorySwapDevice(), oracles: 'off' });
    this.process = this.machine.processes.get('p1') as Process;
  }

  run<T>(routine: Routine<T>, process: Process = this.process): T {
    return this.machine.run('bench', routine, process);
  }

  map(pages: number, more: Partial<MmapCall> = {}): void {
    const call = { address: AREA, length: pages * PAGE, prot: 'rw', flags: ['private', 'anonymous', 'fixed'], ...more };
    this.must(this.run(this.machine.syscalls.mmap(this.process, call)));
  }

  unmap(pages: number, address: number = AREA): void {
    this.must(this.run(this.machine.syscalls.munmap(this.process, address, pages * PAGE)));
  }

  protect(address: number, pages: number, prot: string): void {
    this.must(this.run(this.machine.syscalls.mprotect(this.process, address, pages * PAGE, prot)));
  }

  drop(pages: number, address: number = AREA): void {
    this.must(this.run(this.machine.syscalls.madvise(this.process, address, pages * PAGE, 'dontneed')));
  }

  /** Stores one byte to each of `pages` pages, as the replay of a recording does: try, and fault where that fails. */
  write(pages: number, address: number = AREA, stride: number = PAGE): void {
    const { machine, process } = this;
    for (let i = 0; i < pages; i++) {
      const at = address + i * stride;
      if (!machine.tryStore(process, at, 1, byte)) this.run(machine.store(process, at, 1, byte));
    }
  }

  read(pages: number, address: number = AREA): void {
    const { machine, process } = this;
    for (let i = 0; i < pages; i++) {
      const at = address + i * PAGE;
      if (!machine.tryLoad(process, at, 1, byte)) this.run(machine.load(process, at, 1, byte));
    }
  }

  /** Areas of one page with a gap behind each, so that none merges. */
  manyAreas(count: number, touch: 'touched' | 'untouched'): void {
    const from = 2 * TARGET;
    for (let i = 0; i < count; i++) this.map(1, { address: from + 2 * i * PAGE });
    if (touch === 'touched') this.write(count, from, 2 * PAGE);
  }

  private must<T>(result: T): T {
    if (typeof result === 'string') throw new Error(`the model answers ${result}`);
    return result;
  }
}

/** A machine whose frames have all been used once, as those of a real one have. */
export function warmModel(): Model {
  const model = new Model();
  model.map(PAGES * 3);
  model.write(PAGES * 3);
  model.unmap(PAGES * 3);
  return model;
}
