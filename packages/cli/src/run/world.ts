/** What a script runs in: one machine, the names that the script has given, and the drivers that it may attach. */
import type { Machine, Process } from '@mmu-notifier/core';
import type { Device } from '@mmu-notifier/plugin-api';
import type { LoadedPlugin } from '../plugins.ts';
import { Bindings } from './bindings.ts';

/** A device, and the processes whose memory it was given. */
export interface AttachedDevice {
  readonly device: Device;
  readonly plugin: string;
  /** The one that accesses are made to: the first that was opened. */
  readonly process: Process;
}

export class World {
  readonly machine: Machine;
  readonly plugins: ReadonlyMap<string, LoadedPlugin>;
  readonly bindings: Bindings = new Bindings();
  readonly devices: Map<string, AttachedDevice> = new Map();

  constructor(machine: Machine, plugins: ReadonlyMap<string, LoadedPlugin>) {
    this.machine = machine;
    this.plugins = plugins;
  }

  /** The process that a script means, or `undefined` when there is none or it has exited. */
  process(name: string): Process | undefined {
    const found = this.machine.processes.get(this.bindings.processName(name));
    return found === undefined || found.exited ? undefined : found;
  }
}
