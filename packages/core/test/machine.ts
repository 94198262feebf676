/** Machines for tests: small, with every oracle on and swap in memory, and calls that read like the field's. */
import type { Errno, LinkTransport, Routine } from '@mmu-notifier/plugin-api';
import { ContractViolation, type Violation } from '../src/contract.ts';
import type { Signal } from '../src/fault/user-fault.ts';
import type { Kconfig } from '../src/kconfig.ts';
import type { Kernel } from '../src/kernel.ts';
import type { LinkFaults } from '../src/links/link-faults.ts';
import type { MachineFile, Process } from '../src/machine-api.ts';
import { Machine } from '../src/machine.ts';
import type { MmStruct } from '../src/mm/mm-struct.ts';
import { asProcess } from '../src/process/process.ts';
import type { LiveClock } from '../src/sched/live.ts';
import { type Strategy, SeededStrategy } from '../src/sched/strategy.ts';
import { MemorySwapDevice, type SwapDevice } from '../src/swap/swap-device.ts';
import type { MachineTracer } from '../src/tracing/tracer.ts';

export const PAGE = 4096;
/** Where tests map what they map at a fixed address. */
export const AREA = 0x10000000;

export interface Options {
  readonly frames?: number;
  readonly swapPages?: number;
  /** Limit of the memory cgroup. */
  readonly memoryMaxPages?: number;
  readonly swapDevice?: SwapDevice;
  readonly seed?: number;
  readonly strategy?: Strategy;
  readonly cpus?: number;
  readonly heapStart?: number;
  readonly tracer?: MachineTracer;
  readonly kconfig?: Partial<Kconfig>;
  readonly live?: LiveClock;
  readonly links?: LinkFaults;
  readonly transport?: LinkTransport;
}

export function machineOf(options: Options = {}): Machine {
  const strategy = options.strategy ?? (options.seed === undefined ? undefined : new SeededStrategy(options.seed));
  return new Machine({
    ramBytes: (options.frames ?? 512) * PAGE,
    swapBytes: (options.swapPages ?? 256) * PAGE,
    ...(options.memoryMaxPages === undefined ? {} : { memoryMax: options.memoryMaxPages * PAGE }),
    swapDevice: options.swapDevice ?? new MemorySwapDevice(),
    oracles: 'on',
    ...(strategy === undefined ? {} : { strategy }),
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
    ...(options.kconfig === undefined ? {} : { kconfig: options.kconfig }),
    ...(options.heapStart === undefined ? {} : { heapStart: options.heapStart }),
    ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
    ...(options.live === undefined ? {} : { live: options.live }),
    ...(options.links === undefined ? {} : { links: options.links }),
    ...(options.transport === undefined ? {} : { transport: options.transport }),
  });
}

/** The rooms behind a machine, for tests that tamper with them or look where users cannot. */
export function kernelOf(machine: Machine): Kernel {
  return (machine as unknown as { kernel: Kernel }).kernel;
}

/** Allocations fail where memory is exhausted, and nobody dies of it. */
export function withoutOomKiller(machine: Machine): Machine {
  kernelOf(machine).allocator.outOfMemory = undefined;
  return machine;
}

export function p1(machine: Machine): Process {
  return machine.processes.get('p1') as Process;
}

export function mmOf(machine: Machine, process: Process = p1(machine)): MmStruct {
  return asProcess(process).mm as MmStruct;
}

export function run<T>(machine: Machine, routine: Routine<T>, process: Process = p1(machine)): T {
  return machine.run('test', routine, process);
}

export interface MapOptions {
  readonly at?: number;
  readonly prot?: string;
  readonly flags?: readonly string[];
  readonly file?: MachineFile;
  readonly offset?: number;
  readonly process?: Process;
}

/** `mmap`: private, anonymous and `rw` unless told otherwise; at a fixed address if one is given. */
export function mmapResult(machine: Machine, pages: number, options: MapOptions = {}): number | Errno {
  const process = options.process ?? p1(machine);
  const flags = options.flags ?? ['private'];
  return run(
    machine,
    machine.syscalls.mmap(process, {
      address: options.at ?? 0,
      length: pages * PAGE,
      prot: options.prot ?? 'rw',
      flags: options.at === undefined ? flags : [...flags, 'fixed'],
      ...(options.file === undefined ? {} : { file: options.file }),
      offset: options.offset ?? 0,
    }),
    process,
  );
}

export function map(machine: Machine, pages: number, options: MapOptions = {}): number {
  const address = mmapResult(machine, pages, options);
  if (typeof address === 'string') throw new Error(`mmap answered ${address}`);
  return address;
}

export function fork(machine: Machine, parent: Process = p1(machine)): Process {
  const child = run(machine, machine.syscalls.fork(parent), parent);
  if (typeof child === 'string') throw new Error(`fork answered ${child}`);
  return child;
}

/** Stores one byte, or bytes. @returns the signal. */
export function store(
  machine: Machine,
  address: number,
  value: number | Uint8Array,
  process: Process = p1(machine),
): Signal | undefined {
  const bytes = typeof value === 'number' ? Uint8Array.of(value) : value;
  return run(machine, machine.store(process, address, bytes.length, bytes), process);
}

/** Loads one byte. @returns it, or the signal. */
export function load(machine: Machine, address: number, process: Process = p1(machine)): number | Signal {
  const bytes = new Uint8Array(1);
  return run(machine, machine.load(process, address, 1, bytes), process) ?? bytes[0];
}

/** Stores `first`, `first + 1`, … into the pages from `address` on. */
export function fill(
  machine: Machine,
  address: number,
  pages: number,
  first: number,
  process: Process = p1(machine),
): void {
  for (let i = 0; i < pages; i++) {
    const failed = store(machine, address + i * PAGE, (first + i) & 255, process);
    if (failed !== undefined) throw new Error(`store to page ${i} raised ${failed.signal} ${failed.code}`);
  }
}

/** First bytes of the pages from `address` on. */
export function firstBytes(
  machine: Machine,
  address: number,
  pages: number,
  process: Process = p1(machine),
): (number | Signal)[] {
  return Array.from({ length: pages }, (_, i) => load(machine, address + i * PAGE, process));
}

/** `start-end prot` of every mapping, in pages relative to `base`. */
export function layout(machine: Machine, base: number, process: Process = p1(machine)): string[] {
  return machine.syscalls
    .maps(process)
    .map(({ start, end, prot }) => `${(start - base) / PAGE}-${(end - base) / PAGE} ${prot}`);
}

export function pfnAt(machine: Machine, address: number, process: Process = p1(machine)): number | undefined {
  return machine.syscalls.pagemap(process, address, 1)[0]?.pfn;
}

/** The violation that `action` is stopped by. */
export function violation(action: () => unknown): Violation {
  try {
    action();
  } catch (error) {
    if (error instanceof ContractViolation) return error.violation;
    throw error;
  }
  throw new Error('expected a violation, found none');
}

/** Everything is freed, and every book balances. */
export function expectClean(machine: Machine): void {
  expect(machine.shutdown()).toEqual([]);
  machine.close();
}
