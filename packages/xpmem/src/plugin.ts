/** The plugin: options to descriptor, `attach` to device. */
import { definePlugin } from '@mmu-notifier/plugin-api';
import type {
  Device,
  LinkListener,
  DeviceVmaService,
  PluginHost,
  PluginTraits,
  Routine,
  SecondaryMmuPlugin,
} from '@mmu-notifier/plugin-api';
import { XpmemDevice } from './device.ts';
import { acceptPeers } from './remote/home.ts';
import type { XpmemShared } from './shared.ts';
import { checkOptions } from './options.ts';
import type { XpmemConfig, XpmemOptions } from './options.ts';
import { xpmemStats } from './stats.ts';

function traitsOf({ coherence, force }: XpmemConfig): PluginTraits {
  const sleeps = force ? 'atomic' : 'sleepable';
  const late = coherence === 'until-invalidate';
  return {
    kind: 'foreign-ptes',
    registration: late ? 'mm' : 'interval',
    callbacks: late
      ? { release: sleeps, invalidateRangeEnd: sleeps }
      : { release: sleeps, invalidateRangeStart: sleeps, ...(force ? { invalidateRangeEnd: sleeps } : {}) },
    nonBlockable: late ? 'proceeds' : 'refuses',
    pins: late ? 'until-invalidate' : 'none',
    invalidateAt: late ? 'end' : 'start',
    faultMode: late ? 'write-if-writable' : 'as-asked',
    dirty: 'at-map',
    pageSizes: [4096],
    addressSpaces: 'several',
  };
}

/**
 * SGI's XPMEM: a process makes a segment of its memory, another gets a permit and attaches it. What is attached is a window
 * whose ptes show the source's pages, and go before the source's own do.
 *
 * @example `machine.attach('xpmem', xpmem())`
 * @public
 */
export function xpmem(options: XpmemOptions = {}): SecondaryMmuPlugin {
  const config = checkOptions(options);
  return definePlugin({
    name: 'xpmem',
    api: '^1.0.0',
    traits: traitsOf(config),
    requires: config.listen === undefined ? ['device-vmas'] : ['device-vmas', 'links'],
    *attach(host: PluginHost): Routine<Device> {
      const state = host.sync.sharedState(`${host.deviceName}.processes`);
      const groups: XpmemShared['groups'] = new Map();
      const segments: XpmemShared['segments'] = new Map();
      const shared: XpmemShared = {
        host,
        vmas: host.deviceVmas as DeviceVmaService,
        config,
        stats: xpmemStats(host.stats),
        state,
        get groups() {
          state.reads();
          return groups;
        },
        get segments() {
          state.reads();
          return segments;
        },
        nodes: new Map(),
        work: host.tasks.workQueue('xpmem', 'ordered'),
        tgids: 0,
      };
      return new XpmemDevice(shared, yield* listen(shared));
    },
  });
}

/** @sleeps May. */
function* listen(shared: XpmemShared): Routine<LinkListener | undefined> {
  const { config, host } = shared;
  if (config.listen === undefined || host.links === undefined) return undefined;
  const listener = yield* host.links.listen(config.listen);
  if (typeof listener === 'string') throw new Error(`xpmem: listening at ${config.listen} answers ${listener}`);
  host.tasks.kernelThread('xpmem listener', () => acceptPeers(shared, listener), 'daemon');
  return listener;
}
