/** Machines with a GRU: small, with every oracle on, and short words for what tests say often. */
import { ContractViolation, Machine, MemorySwapDevice, SeededStrategy } from '@mmu-notifier/core';
import type { Kconfig, Process, Strategy, Violation } from '@mmu-notifier/core';
import type { Device, DeviceAccessResult, Errno, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import type { GruOptions } from '../src/options.ts';
import { gru } from '../src/plugin.ts';

export const PAGE = 4096;
/** Where the tests' process has its memory. */
export const AREA = 0x10000000;

export interface Options {
  readonly frames?: number;
  readonly swapPages?: number;
  readonly seed?: number;
  readonly strategy?: Strategy;
  readonly gru?: GruOptions;
  readonly open?: unknown;
  readonly kconfig?: Partial<Kconfig>;
  /** What is attached in place of the plugin. */
  readonly wrap?: (plugin: SecondaryMmuPlugin) => SecondaryMmuPlugin;
  /** Attached before it, and opened for the process. */
  readonly before?: (plugin: SecondaryMmuPlugin) => SecondaryMmuPlugin;
}

export class GruMachine {
  readonly machine: Machine;
  readonly process: Process;
  readonly device: Device;

  constructor(options: Options = {}) {
    const strategy = options.strategy ?? (options.seed === undefined ? undefined : new SeededStrategy(options.seed));
    this.machine = new Machine({
      ramBytes: (options.frames ?? 256) * PAGE,
      swapBytes: (options.swapPages ?? 256) * PAGE,
      swapDevice: new MemorySwapDevice(),
      oracles: 'on',
      cpus: 2,
      ...(strategy === undefined ? {} : { strategy }),
      ...(options.kconfig === undefined ? {} : { kconfig: options.kconfig }),
    });
    this.process = this.machine.processes.get('p1') as Process;
    const plugin = gru(options.gru);
    if (options.before !== undefined) {
      const first = this.run(this.machine.attach('first', options.before(plugin)));
      this.run(first.open(this.process.handle));
    }
    this.device = this.run(this.machine.attach('gru0', options.wrap?.(plugin) ?? plugin));
    this.open(this.process, options.open);
  }

  open(process: Process, options?: unknown): void {
    const error = this.run(this.device.open(process.handle, options), process);
    if (error !== undefined) throw new Error(`open answers ${error}`);
  }

  run<T>(routine: Routine<T>, process: Process = this.process): T {
    return this.machine.run('test', routine, process);
  }

  spawn(name: string, routine: Routine<unknown>, process: Process = this.process): void {
    this.machine.spawn(name, routine, process);
  }

  map(pages: number, at: number = AREA, prot = 'rw', more: readonly string[] = ['private']): void {
    const call = { address: at, length: pages * PAGE, prot, flags: [...more, 'fixed'] };
    const address = this.run(this.machine.syscalls.mmap(this.process, call));
    if (address !== at) throw new Error(`mmap answers ${address}`);
  }

  /** The CPU stores. */
  poke(address: number, bytes: readonly number[], process: Process = this.process): void {
    const data = Uint8Array.from(bytes);
    const signal = this.run(this.machine.store(process, address, data.length, data), process);
    if (signal !== undefined) throw new Error(`store at ${address} raises ${signal.signal}`);
  }

  /** The CPU loads. */
  peek(address: number, length = 1, process: Process = this.process): readonly number[] {
    const data = new Uint8Array(length);
    const signal = this.run(this.machine.load(process, address, length, data), process);
    if (signal !== undefined) throw new Error(`load at ${address} raises ${signal.signal}`);
    return [...data];
  }

  access(
    kind: 'load' | 'store',
    address: number,
    data: Uint8Array,
    process: Process = this.process,
  ): Routine<DeviceAccessResult> {
    return this.device.access({ process: process.handle, space: 'process', address, kind, data });
  }

  /** The device loads: bytes, or how it ended. */
  load(address: number, length = 1, process: Process = this.process): readonly number[] | DeviceAccessResult {
    const data = new Uint8Array(length);
    const result = this.run(this.access('load', address, data, process), process);
    return result === 'done' ? [...data] : result;
  }

  store(address: number, bytes: readonly number[], process: Process = this.process): DeviceAccessResult {
    return this.run(this.access('store', address, Uint8Array.from(bytes), process), process);
  }

  action(...words: string[]): Errno | string | undefined {
    return this.run(this.actionOf(this.process, ...words));
  }

  actionOf(process: Process, ...words: string[]): Routine<Errno | string | undefined> {
    const [verb = '', ...args] = words;
    const action = this.device.actions?.[verb];
    if (action === undefined) throw new Error(`no action "${verb}"`);
    return action(process.handle, args);
  }

  stat(name: string): number {
    const value = this.machine.stats()['gru0']?.[name];
    if (value === undefined) throw new Error(`no counter ${name}`);
    return value;
  }

  /** Pages of the area that the device reaches, `w` where it may store. */
  reachable(): readonly string[] {
    return [...this.device.translations()]
      .map(({ address, writable }) => `${(address - AREA) / PAGE}${writable ? 'w' : ''}`)
      .sort();
  }

  broken(): readonly string[] {
    return [...(this.device.invariants?.() ?? [])].map(({ message }) => message);
  }

  /** Everything is freed, and every book balances. */
  expectClean(): void {
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
