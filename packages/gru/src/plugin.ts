/** The plugin: options to descriptor, `attach` to device. */
import { definePlugin } from '@mmu-notifier/plugin-api';
import type { Device, PluginHost, PluginTraits, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { GruDevice } from './device.ts';
import type { Blade } from './driver/blade.ts';
import { raiseInterrupt } from './driver/fault.ts';
import { GruState } from './driver/gru-state.ts';
import type { GruShared } from './driver/shared.ts';
import { CHIPLETS_PER_BLADE } from './hardware/geometry.ts';
import { checkOptions } from './options.ts';
import type { GruConfig, GruOptions } from './options.ts';
import { gruStats } from './stats.ts';

const TRAITS: PluginTraits = {
  kind: 'tlb-only',
  registration: 'mm-shared',
  callbacks: { release: 'atomic', invalidateRangeStart: 'atomic', invalidateRangeEnd: 'atomic' },
  nonBlockable: 'proceeds',
  pins: 'none',
  invalidateAt: 'start',
  faultMode: 'as-asked',
  dirty: 'at-map',
  pageSizes: [4096],
  addressSpaces: 'several',
};

/**
 * SGI's GRU: an engine for copies and atomic operations on a process's own addresses, whose only translations are those
 * of its TLB. Software drops entries in on a miss and purges them when an address range is invalidated; a count of open
 * ranges, and the hardware's rule that a purge cancels a drop-in under way, keep them true.
 *
 * @example `machine.attach('gru0', gru({ blades: 2 }))`
 * @public
 */
export function gru(options: GruOptions = {}): SecondaryMmuPlugin {
  const config = checkOptions(options);
  return definePlugin({
    name: 'gru',
    api: '^1.0.0',
    traits: TRAITS,
    requires: ['interrupts'],
    *attach(host: PluginHost): Routine<Device> {
      return new GruDevice(makeShared(host, config));
    },
  });
}

/** The hardware of one device, wired to its driver. */
export function makeShared(host: PluginHost, config: GruConfig): GruShared {
  const chiplets = Array.from(
    { length: config.blades * CHIPLETS_PER_BLADE },
    (_, gid) => new GruState(host, gid, config),
  );
  const blades = Array.from({ length: config.blades }, (_, number): Blade => ({
    number,
    chiplets: chiplets.slice(number * CHIPLETS_PER_BLADE, (number + 1) * CHIPLETS_PER_BLADE),
    lruChiplet: 0,
    lruContext: -1,
  }));
  const shared: GruShared = {
    host,
    state: host.sync.sharedState(`${host.deviceName}.contexts`),
    stats: gruStats(host.stats),
    config,
    blades,
    chiplets,
    contexts: new Map(),
    spaces: new Map(),
    windowFrames: [],
    warnings: [],
  };
  for (const state of chiplets) state.chiplet.interrupt = () => raiseInterrupt(shared, state);
  return shared;
}
