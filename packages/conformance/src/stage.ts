/**
 * What a scenario plays on: a machine with one process, its memory, and the device under test, which mirrors the process.
 * A device's access answers the byte that it loaded, or how it was refused, as a word.
 */
import { ContractViolation, Machine, MemorySwapDevice, type Process, type Strategy } from '@mmu-notifier/core';
import { type Device, type Errno, type Routine, type SecondaryMmuPlugin, isErrno } from '@mmu-notifier/plugin-api';

import { type Observed, during } from './watch.ts';

export const PAGE = 4096;
/** Where the process has its memory. */
export const AREA = 0x100000000;
/** Pages of it. */
export const PAGES = 4;
/** What a scenario calls its device. */
export const DEVICE = 'device';
/** What each page holds at the beginning. */
export const BEFORE = 0xaa;

/** A byte, or why there is none: an errno, a signal, or how the device ended the access. */
export type Seen = number | string;

/** What lies behind the memory. */
export type Backing = 'anonymous' | 'file' | 'shmem';

const RAM = 2 ** 20;
const FILE = 'file';

/** Who decides, who watches, and who is told. */
export interface Surroundings {
  readonly strategy?: Strategy;
  readonly seen?: Observed | undefined;
  readonly tell?: (text: string) => void;
}

export class Stage {
  readonly machine: Machine;
  readonly process: Process;
  /** Names that a scenario gave to what it saw; part of how a run ended. */
  private readonly seen = new Map<string, Seen>();
  private readonly plugin: SecondaryMmuPlugin;
  private attached: Device | undefined;
  private readonly observed: Observed | undefined;
  private readonly tell: (text: string) => void;
  private space = 'process';
  private base = AREA;

  constructor(plugin: SecondaryMmuPlugin, { strategy, seen, tell = () => undefined }: Surroundings = {}) {
    this.plugin = plugin;
    this.observed = seen;
    this.tell = tell;
    this.machine = new Machine({
      ramBytes: RAM,
      swapBytes: RAM,
      swapDevice: new MemorySwapDevice(),
      oracles: 'on',
      ...(strategy === undefined ? {} : { strategy }),
    });
    this.process = this.machine.processes.get('p1') as Process;
  }

  get device(): Device {
    if (this.attached === undefined) throw new Error('the scenario has attached no device yet');
    return this.attached;
  }

  /** Memory of the process at {@link AREA}: `PAGES` pages, each with {@link BEFORE} in its first byte where they are written. */
  *map(backing: Backing = 'anonymous', contents: 'written' | 'untouched' = 'written'): Routine<void> {
    if (backing === 'file')
      this.machine.files.create(
        FILE,
        PAGES * PAGE,
        new Uint8Array(PAGES * PAGE).fill(contents === 'written' ? BEFORE : 0),
      );
    const file = backing === 'file' ? this.machine.files.get(FILE) : undefined;
    const flags = [backing === 'anonymous' ? 'private' : 'shared', ...(file ? [] : ['anonymous']), 'fixed'];
    const call = { address: AREA, length: PAGES * PAGE, prot: 'rw', flags };
    yield* this.machine.syscalls.mmap(this.process, file === undefined ? call : { ...call, file, offset: 0 });
    if (contents === 'untouched' || backing === 'file') return;
    for (let page = 0; page < PAGES; page++) yield* this.cpuStore(page, BEFORE);
  }

  *attach(): Routine<void> {
    this.attached = yield* this.machine.attach(DEVICE, this.plugin);
  }

  /** @returns why the device does not mirror the process. */
  *open(process: Process = this.process): Routine<Errno | undefined> {
    const { handle } = process;
    const error = yield* this.device.open(handle);
    if (error !== undefined || this.device.reach === undefined) return error;
    const reach = yield* this.device.reach(handle, AREA as never, PAGES * PAGE);
    if (isErrno(reach)) {
      yield* this.device.close(handle);
      return reach;
    }
    ({ space: this.space, address: this.base } = reach);
    return undefined;
  }

  *close(): Routine<void> {
    yield* this.device.close(this.process.handle);
  }

  *load(page: number, process: Process = this.process): Routine<Seen> {
    const data = new Uint8Array(1);
    return (yield* this.access('load', page, data, process)) ?? (data[0] as number);
  }

  /** @returns `done`, or why not. */
  *store(page: number, value: number, process: Process = this.process): Routine<Seen> {
    return (yield* this.access('store', page, Uint8Array.of(value), process)) ?? 'done';
  }

  /** A load of the device, of which the scenario remembers what it found. */
  *noteLoad(page = 0): Routine<void> {
    this.note('load', yield* this.load(page));
  }

  *noteStore(value: number, page = 0): Routine<void> {
    this.note('store', yield* this.store(page, value));
  }

  /** Bytes that begin one before the end of `page`, so that an access of two crosses into the next. */
  *loadAcross(page: number): Routine<Seen> {
    return (yield* this.access('load', page, new Uint8Array(2), this.process, PAGE - 1)) ?? 'done';
  }

  *cpuLoad(page: number, process: Process = this.process, at: number = AREA): Routine<Seen> {
    const data = new Uint8Array(1);
    const signal = yield* this.machine.load(process, at + page * PAGE, 1, data);
    return signal?.signal ?? (data[0] as number);
  }

  *cpuStore(page: number, value: number, process: Process = this.process): Routine<Seen> {
    const signal = yield* this.machine.store(process, AREA + page * PAGE, 1, Uint8Array.of(value));
    return signal?.signal ?? 'done';
  }

  /** The scenario remembers what it saw under a name. */
  note(name: string, seen: Seen): Seen {
    this.seen.set(name, seen);
    return seen;
  }

  noted(name: string): Seen | undefined {
    return this.seen.get(name);
  }

  /** @throws ContractViolation unless `seen` is one of `allowed`, or a refusal where that is allowed. */
  expect(what: string, seen: Seen | undefined, ...allowed: (Seen | typeof REFUSED | undefined)[]): void {
    if (seen === undefined) return;
    if (allowed.includes(seen) || (allowed.includes(REFUSED) && typeof seen === 'string' && seen !== 'done')) return;
    const wanted = [...new Set(allowed.filter((one) => one !== undefined).map(words))];
    throw new ContractViolation({
      oracle: 'conformance',
      message: `${what}: found ${words(seen)}, expected ${wanted.join(' or ')}`,
    });
  }

  /** How the run ended, as text. */
  outcome(): string {
    return [...this.seen].map(([name, seen]) => `${name}=${words(seen)}`).join(' ');
  }

  private *access(
    kind: 'load' | 'store',
    page: number,
    data: Uint8Array,
    process: Process,
    offset = 0,
  ): Routine<string | undefined> {
    const address = this.base + page * PAGE + offset;
    this.tell(`${kind} of page ${page}${data.length > 1 ? ` and ${page + 1}` : ''}`);
    const access = this.device.access({ process: process.handle, space: this.space, address, kind, data });
    const result = yield* this.observed === undefined ? access : during(this.observed, kind, access);
    const bytes = (): string => [...data].map(words).join(' ');
    this.tell(
      `= ${result === 'done' ? (kind === 'load' ? bytes() : 'done') : typeof result === 'object' ? result.exit : result}`,
    );
    if (result === 'done') return undefined;
    return typeof result === 'object' ? result.exit : result;
  }
}

/** Any word: the device said no. */
export const REFUSED: unique symbol = Symbol('a refusal');

function words(seen: Seen | typeof REFUSED): string {
  if (typeof seen === 'symbol') return 'a refusal';
  return typeof seen === 'number' ? seen.toString(16).padStart(2, '0') : seen;
}
