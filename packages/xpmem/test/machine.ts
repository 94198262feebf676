/** Machines with XPMEM: small, with every oracle on, and short words for what tests say often. */
import { ContractViolation, Machine, MemorySwapDevice, SeededStrategy } from '@mmu-notifier/core';
import type { Kconfig, Process, Violation } from '@mmu-notifier/core';
import type { Device, Errno, Routine } from '@mmu-notifier/plugin-api';
import type { XpmemOptions } from '../src/options.ts';
import { xpmem } from '../src/plugin.ts';

export const PAGE = 4096;
/** Where the source has its memory. */
export const AREA = 0x10000000;

export interface Options {
  readonly frames?: number;
  readonly seed?: number;
  readonly xpmem?: XpmemOptions;
  readonly kconfig?: Partial<Kconfig>;
  /** Of the consumer. */
  readonly open?: unknown;
}

export class XpmemMachine {
  readonly machine: Machine;
  /** Has `AREA`. */
  readonly source: Process;
  readonly consumer: Process;
  readonly device: Device;

  constructor(options: Options = {}) {
    this.machine = new Machine({
      ramBytes: (options.frames ?? 256) * PAGE,
      swapBytes: 256 * PAGE,
      swapDevice: new MemorySwapDevice(),
      oracles: 'on',
      cpus: 2,
      ...(options.seed === undefined ? {} : { strategy: new SeededStrategy(options.seed) }),
      ...(options.kconfig === undefined ? {} : { kconfig: options.kconfig }),
    });
    this.source = this.machine.processes.get('p1') as Process;
    this.consumer = this.fork();
    this.device = this.run(this.machine.attach('xpmem', xpmem(options.xpmem)));
    this.open(this.source);
    this.open(this.consumer, options.open);
  }

  fork(): Process {
    const child = this.run(this.machine.syscalls.fork(this.source));
    if (typeof child === 'string') throw new Error(child);
    return child;
  }

  open(process: Process, options?: unknown): void {
    const error = this.run(this.device.open(process.handle, options), process);
    if (error !== undefined) throw new Error(`open answers ${error}`);
  }

  run<T>(routine: Routine<T>, process: Process = this.source): T {
    return this.machine.run('test', routine, process);
  }

  /** Pages of the source, page n holds n + 1. */
  map(pages: number, at: number = AREA, prot = 'rw'): void {
    const call = { address: at, length: pages * PAGE, prot: 'rw', flags: ['private', 'fixed'] };
    const address = this.run(this.machine.syscalls.mmap(this.source, call));
    if (address !== at) throw new Error(`mmap answers ${address}`);
    for (let page = 0; page < pages; page++) this.store(at + page * PAGE, page + 1);
    if (prot !== 'rw') this.run(this.machine.syscalls.mprotect(this.source, at, pages * PAGE, prot));
  }

  /** A byte, or the signal. */
  load(address: number, process: Process = this.source): number | string {
    const data = new Uint8Array(1);
    return this.run(this.machine.load(process, address, 1, data), process)?.signal ?? (data[0] as number);
  }

  store(address: number, value: number, process: Process = this.source): string | undefined {
    return this.run(this.machine.store(process, address, 1, Uint8Array.of(value)), process)?.signal;
  }

  actionOf(process: Process, words: string): Routine<Errno | string | undefined> {
    const [verb = '', ...args] = words.split(' ');
    const action = this.device.actions?.[verb];
    if (action === undefined) throw new Error(`no action "${verb}"`);
    return action(process.handle, args);
  }

  /** One verb of a process. */
  say(process: Process, words: string): Errno | string | undefined {
    return this.run(this.actionOf(process, words), process);
  }

  /** A segment of the source. @returns its id. */
  make(pages: number, mode = '666', at: number = AREA): string {
    return this.say(this.source, `make ${at} ${pages * PAGE} ${mode}`) as string;
  }

  /** Attaches pages of a segment. @returns where. */
  attach(segid: string, pages: number, offset = 0, process: Process = this.consumer): number {
    const apid = this.say(process, `get ${segid} rw`);
    const address = Number(this.say(process, `attach ${apid} ${offset} ${pages * PAGE}`));
    if (Number.isNaN(address)) throw new Error(`${apid} cannot be attached`);
    return address;
  }

  stat(name: string): number {
    return this.machine.stats()['xpmem']?.[name] ?? NaN;
  }

  /** `test_mem_leak`: what is pinned when the device has gone. */
  pinsAtTheEnd(): number {
    this.run(this.device.detach());
    return this.stat('pages_pinned') - this.stat('pages_unpinned');
  }

  /** Every book balances: `test_mem_leak` is part of every test. */
  expectClean(): void {
    expect([...(this.device.invariants?.() ?? [])]).toEqual([]);
    expect(this.machine.check()).toEqual([]);
    expect(this.pinsAtTheEnd()).toBe(0);
    expect(this.machine.shutdown()).toEqual([]);
    this.machine.close();
  }
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
