/** What the VMs of one device have in common. */
import type { PluginHost } from '@mmu-notifier/plugin-api';
import type { KvmStats } from './stats.ts';
import type { Vm } from './vm.ts';

export interface KvmShared {
  readonly host: PluginHost;
  readonly stats: KvmStats;
  /** `pinned`: the world before notifiers, each spte holds a pin and nothing invalidates it. */
  readonly coherence: 'notifier' | 'pinned';
  readonly vcpuTlbEntries: number;
  /** How user space hears what guests write: `get` protects what it reads, `clear` what it is told to, `ring` has no logs. */
  readonly dirtyLog: 'get' | 'clear' | 'ring';
  readonly dirtyRingEntries: number;
  /** `shadow`: shadow pages stand in for the guest's own tables. */
  readonly mode: 'direct' | 'shadow';
  /** vCPUs of each VM. */
  readonly vcpus: number;
  /** Every VM of the device, in order of creation. */
  readonly vms: Map<string, Vm>;
  /** Rules that were found broken where nobody could be told (Linux WARNs). */
  readonly warnings: string[];
}
