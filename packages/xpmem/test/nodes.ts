/** Two devices of one machine that are two nodes: `home` has the source, `away` uses its segment over a link. */
import { Machine, MemorySwapDevice, SeededStrategy } from '@mmu-notifier/core';
import type { LinkFaults, Process } from '@mmu-notifier/core';
import type { Device, DeviceAccessResult, Errno, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { XpmemDevice } from '../src/device.ts';
import { xpmem } from '../src/plugin.ts';
import type { AwayNode } from '../src/remote/away.ts';
import type { RemoteAccess } from '../src/remote/permits.ts';
import type { XpmemShared } from '../src/shared.ts';
import { AREA, PAGE } from './machine.ts';

export interface Options {
  readonly seed?: number;
  /** How often the strategy lets something happen. */
  readonly probability?: number;
  readonly links?: LinkFaults;
  readonly leaseNs?: number;
  readonly mode?: string;
  /** What is attached as the home node in place of the plugin. */
  readonly wrap?: (plugin: SecondaryMmuPlugin) => SecondaryMmuPlugin;
}

export const PAGES = 4;

export class Nodes {
  readonly machine: Machine;
  readonly source: Process;
  readonly consumer: Process;
  readonly home: Device;
  readonly away: Device;
  readonly segid: string;

  constructor({ seed, probability, links, leaseNs = 1e8, mode = '666', wrap }: Options = {}) {
    this.machine = new Machine({
      ramBytes: 128 * PAGE,
      swapBytes: 256 * PAGE,
      swapDevice: new MemorySwapDevice(),
      oracles: 'on',
      cpus: 2,
      ...(seed === undefined ? {} : { strategy: new SeededStrategy(seed, probability) }),
      ...(links === undefined ? {} : { links }),
    });
    this.source = this.machine.processes.get('p1') as Process;
    const child = this.run(this.machine.syscalls.fork(this.source));
    if (typeof child === 'string') throw new Error(child);
    this.consumer = child;
    const plugin = xpmem({ listen: 'home', leaseNs });
    this.home = this.run(this.machine.attach('home', wrap?.(plugin) ?? plugin));
    this.away = this.run(this.machine.attach('away', xpmem({ leaseNs })));
    this.run(this.home.open(this.source.handle));
    this.run(this.away.open(this.consumer.handle));
    const call = { address: AREA, length: PAGES * PAGE, prot: 'rw', flags: ['private', 'fixed'] };
    this.run(this.machine.syscalls.mmap(this.source, call));
    for (let page = 0; page < PAGES; page++)
      this.run(this.machine.store(this.source, AREA + page * PAGE, 1, Uint8Array.of(page + 1)));
    this.segid = this.run(this.verb(this.home, this.source, `make ${AREA} ${PAGES * PAGE} ${mode}`)) as string;
  }

  run<T>(routine: Routine<T>, process: Process = this.source): T {
    return this.machine.run('test', routine, process);
  }

  verb(device: Device, process: Process, words: string): Routine<Errno | string | undefined> {
    const [name = '', ...args] = words.split(' ');
    const action = device.actions?.[name];
    if (action === undefined) throw new Error(`no action "${name}"`);
    return action(process.handle, args);
  }

  /** A verb of the consumer on its node. */
  say(words: string): Errno | string | undefined {
    return this.run(this.verb(this.away, this.consumer, words), this.consumer);
  }

  access(apid: string, kind: 'load' | 'store', address: number, data: Uint8Array): Routine<DeviceAccessResult> {
    return this.away.access({ process: this.consumer.handle, space: apid, address, kind, data });
  }

  list(apid: string, accesses: readonly RemoteAccess[]): Routine<{ done: number; error: Errno | undefined }> {
    return (this.away as XpmemDevice).accessList(this.consumer.handle, Number(apid), accesses);
  }

  byte(address: number): number {
    const data = new Uint8Array(1);
    this.run(this.machine.load(this.source, address, 1, data));
    return data[0] as number;
  }

  /** Virtual time. */
  sleep(nanoseconds: number): Routine<void> {
    return (this.home as unknown as { shared: XpmemShared }).shared.host.tasks.sleep(nanoseconds);
  }

  /** What the other node holds of this one. */
  get node(): AwayNode | undefined {
    const { shared } = this.away as unknown as { shared: XpmemShared };
    return this.away instanceof XpmemDevice ? shared.nodes.get('home') : undefined;
  }

  /** Pages that the other node would use now. */
  usable(): number[] {
    return [...Array(PAGES).keys()].filter((page) => this.node?.usable(Number(this.segid), page) === true);
  }

  stat(device: string, name: string): number {
    return this.machine.stats()[device]?.[name] ?? NaN;
  }

  expectClean(): void {
    expect(this.machine.shutdown()).toEqual([]);
    this.machine.close();
  }
}
