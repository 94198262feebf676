/** The devices of a replay: attached before it begins, opened for every program image, closed when it ends. */
import type { Machine, Process } from '@mmu-notifier/core';
import type { Device, DeviceAccess, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { InputError } from '../errors.ts';
import type { Deferred, RemoteNode } from '../remote/remote-node.ts';

/** A request that is used again and again: an access allocates nothing. */
type ReusedAccess = { -readonly [K in keyof DeviceAccess]: DeviceAccess[K] };

/** One attached device and what it was asked to do. */
export interface PlayedDevice {
  readonly name: string;
  readonly plugin: SecondaryMmuPlugin;
  readonly device: Device;
  /** Accesses of the recording that it made; a read-modify-write is one, made of a load and a store. */
  accesses: number;
  /** Accesses that it could not serve, by errno or exit. */
  readonly refused: Record<string, number>;
  /** Where another process makes its accesses. */
  readonly remote: RemoteNode | undefined;
}

export class DeviceSet {
  readonly devices: PlayedDevice[] = [];
  private readonly machine: Machine;
  private request: ReusedAccess | undefined;

  constructor(machine: Machine, plugins: readonly SecondaryMmuPlugin[], node?: RemoteNode) {
    this.machine = machine;
    for (const plugin of plugins) {
      const name = this.freeName(plugin.name);
      const remote = node?.plugin === plugin ? node : undefined;
      const device = machine.run(name, machine.attach(name, plugin));
      if (remote !== undefined) machine.run(name, remote.listen());
      this.devices.push({ name, plugin, device, accesses: 0, refused: {}, remote });
    }
  }

  /** Accesses that another process has not made yet. */
  get deferred(): boolean {
    return this.devices.some(({ remote }) => remote !== undefined && remote.waiting > 0);
  }

  /** Gives every device the address space that the process has now. @throws InputError when a driver refuses it. */
  open(process: Process): void {
    for (const { name, device, remote } of this.devices) {
      const opened = this.machine.run(name, device.open(process.handle), process);
      const refused = opened ?? (remote && this.machine.run(name, remote.opened(device, process), process));
      if (refused !== undefined)
        throw new InputError(`driver ${name}: it answered ${refused} when it was opened for ${process.name}`);
    }
  }

  /** The address space is gone: what the devices still hold of it goes too. */
  close(process: Process): void {
    for (const { name, device } of this.devices) this.machine.run(name, device.close(process.handle));
  }

  /** One load or store by device `index`; false when it cannot serve it. */
  access(index: number, process: Process, kind: DeviceAccess['kind'], address: number, data: Uint8Array): boolean {
    const played = this.devices[index] as PlayedDevice;
    if (played.remote !== undefined) {
      played.remote.defer(process, kind, address, data);
      return true;
    }
    const request = (this.request ??= { process: process.handle, space: 'process', address, kind, data });
    request.process = process.handle;
    request.kind = kind;
    request.address = address;
    request.data = data;
    if (this.machine.tryDeviceAccess(played.device, request)) return true;
    const result = this.machine.run(played.name, played.device.access(request), process);
    if (result === 'done') return true;
    refuse(played, typeof result === 'string' ? result : `exit ${result.exit}`);
    return false;
  }

  /** Whether those that wait should be made now. */
  get isFull(): boolean {
    return this.devices.some(({ remote }) => remote?.isFull === true);
  }

  /** Makes what waits. @returns what could not be made. */
  flush(): Deferred[] {
    return this.devices.flatMap((played) => {
      const failed = played.remote && this.machine.run(played.name, played.remote.flush());
      for (const { reason } of failed ?? []) {
        refuse(played, reason);
        played.accesses--;
      }
      return failed?.map(({ access }) => access) ?? [];
    });
  }

  /** Device `index` has made an access of the recording. */
  count(index: number): void {
    (this.devices[index] as PlayedDevice).accesses++;
  }

  private freeName(name: string): string {
    const taken = new Set(this.devices.map((device) => device.name));
    if (!taken.has(name)) return name;
    let number = 2;
    while (taken.has(`${name}${number}`)) number++;
    return `${name}${number}`;
  }
}

function refuse({ refused }: PlayedDevice, reason: string): void {
  refused[reason] = (refused[reason] ?? 0) + 1;
}
