/** A guest on the fake machine: short words for what tests say often. */
import type { Device, DeviceAccess, DeviceAccessResult, Errno, Routine } from '@mmu-notifier/plugin-api';
import type { KvmOptions } from '../src/options.ts';
import { kvm } from '../src/plugin.ts';
import { FakeHost } from './fake-host.ts';
import type { FakeMm, FakeProcess } from './fake-host.ts';
import type { FakeTask } from './fake-sync.ts';

export const PAGE = 4096;
/** Where the tests' process has its memory. */
export const BASE = 0x100000;

export class Guest {
  readonly host: FakeHost;
  readonly process: FakeProcess;
  readonly mm: FakeMm;
  readonly device: Device;

  constructor(options: KvmOptions = {}, vmOptions?: unknown) {
    this.host = new FakeHost();
    this.process = this.host.process();
    this.mm = this.process.mm as FakeMm;
    this.device = this.host.sched.run(kvm(options).attach(this.host));
    const error = this.run(this.device.open(this.process, vmOptions));
    if (error !== undefined) throw new Error(error);
  }

  run<T>(routine: Routine<T>): T {
    return this.host.sched.run(routine);
  }

  task<T>(name: string, routine: Routine<T>): FakeTask<T> {
    return this.host.sched.task(name, routine);
  }

  access(
    kind: DeviceAccess['kind'],
    address: number,
    data: Uint8Array,
    space = 'process',
    process: FakeProcess = this.process,
  ): Routine<DeviceAccessResult> {
    return this.device.access({ process, space, address, kind, data });
  }

  /** The bytes, or how the load ended. */
  load(address: number, length = 1, space = 'process', process = this.process): readonly number[] | DeviceAccessResult {
    const data = new Uint8Array(length);
    const result = this.run(this.access('load', address, data, space, process));
    return result === 'done' ? [...data] : result;
  }

  store(address: number, bytes: readonly number[], space = 'process', process = this.process): DeviceAccessResult {
    return this.run(this.access('store', address, Uint8Array.from(bytes), space, process));
  }

  memslot(...words: string[]): Errno | string | undefined {
    return this.run(this.memslotRoutine(...words));
  }

  memslotRoutine(...words: string[]): Routine<Errno | string | undefined> {
    const action = this.device.actions?.['memslot'];
    if (action === undefined) throw new Error('no action "memslot"');
    return action(this.process, words);
  }

  /** gpas that the guest can reach without a fault. */
  reachable(): readonly number[] {
    return [...this.device.translations()].map(({ deviceAddress }) => deviceAddress);
  }

  /** Rules that the driver's own bookkeeping breaks. */
  broken(): readonly string[] {
    return [...(this.device.invariants?.() ?? [])].map(({ rule }) => rule);
  }
}
