/** The plugin: options to descriptor, `attach` to device. */
import { definePlugin } from '@mmu-notifier/plugin-api';
import type { Device, PluginHost, PluginTraits, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { KvmDevice } from './device.ts';
import { checkOptions } from './options.ts';
import type { KvmOptions } from './options.ts';
import { kvmStats } from './stats.ts';

const TRAITS: PluginTraits = {
  kind: 'sptes',
  registration: 'mm',
  callbacks: {
    release: 'atomic',
    invalidateRangeStart: 'atomic',
    invalidateRangeEnd: 'atomic',
    clearFlushYoung: 'atomic',
    clearYoung: 'atomic',
    testYoung: 'atomic',
  },
  nonBlockable: 'proceeds',
  pins: 'none',
  invalidateAt: 'start',
  faultMode: 'write-if-writable',
  dirty: 'per-spte',
  pageSizes: [4096],
  addressSpaces: 'several',
};

/** No callback, hence no coherence: what the process unmaps stays pinned and reachable. */
const PINNED_TRAITS: PluginTraits = { ...TRAITS, callbacks: {}, pins: 'longterm' };

/**
 * KVM's memory management unit: guests whose memory is a process's memory, kept coherent by an MMU notifier with the
 * retry protocol of `mmuInvalidateSeq` and `mmuInvalidateInProgress`.
 *
 * @example `machine.attach('kvm0', kvm({ vcpuTlbEntries: 64 }))`
 * @public
 */
export function kvm(options: KvmOptions = {}): SecondaryMmuPlugin {
  const { pin, ...checked } = checkOptions(options);
  return definePlugin({
    name: 'kvm',
    api: '^1.0.0',
    traits: pin ? PINNED_TRAITS : TRAITS,
    *attach(host: PluginHost): Routine<Device> {
      return new KvmDevice({
        host,
        stats: kvmStats(host.stats),
        coherence: pin ? 'pinned' : 'notifier',
        ...checked,
        vms: new Map(),
        warnings: [],
      });
    },
  });
}
