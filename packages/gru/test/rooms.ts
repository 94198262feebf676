/** The rooms of the driver on a machine, without a device around them. */
import type { Machine } from '@mmu-notifier/core';
import { isErrno } from '@mmu-notifier/plugin-api';
import type { MmHandle, PluginHost } from '@mmu-notifier/plugin-api';
import { createContext } from '../src/contexts.ts';
import type { Gts } from '../src/driver/gts.ts';
import type { GruShared } from '../src/driver/shared.ts';
import { checkContextOptions, checkOptions } from '../src/options.ts';
import type { GruContextOptions, GruOptions } from '../src/options.ts';
import { makeShared } from '../src/plugin.ts';
import { GruMachine } from './machine.ts';

export interface Rooms {
  readonly it: GruMachine;
  readonly machine: Machine;
  readonly shared: GruShared;
  readonly mm: MmHandle;
  context(options?: GruContextOptions, process?: string): Gts;
}

/** A machine with a GRU, and a second set of rooms beside it that only the test uses. */
export function rooms(options: GruOptions = {}): Rooms {
  const hosts: PluginHost[] = [];
  const it = new GruMachine({
    wrap: (plugin) => ({
      ...plugin,
      attach(host) {
        hosts.push(host);
        return plugin.attach(host);
      },
    }),
  });
  it.map(4);
  const config = checkOptions(options);
  const shared = makeShared(hosts[0] as PluginHost, config);
  const context = (more: GruContextOptions = {}, process = 'p1'): Gts => {
    const wanted = checkContextOptions(more, config.context, config.blades);
    const gts = it.run(createContext(shared, { name: process, mm: it.process.handle.mm }, wanted));
    if (isErrno(gts)) throw new Error(gts);
    return gts;
  };
  return { it, machine: it.machine, shared, mm: it.process.handle.mm as MmHandle, context };
}
