import type { SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import type { KvmOptions } from './options.ts';
/**
 * KVM's memory management unit: guests whose memory is a process's memory, kept coherent by an MMU notifier with the
 * retry protocol of `mmuInvalidateSeq` and `mmuInvalidateInProgress`.
 *
 * @example `machine.attach('kvm0', kvm({ vcpuTlbEntries: 64 }))`
 * @public
 */
export declare function kvm(options?: KvmOptions): SecondaryMmuPlugin;
