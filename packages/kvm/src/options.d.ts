/** Options of the driver and of one VM, as users write them. */
import type { Errno } from '@mmu-notifier/plugin-api';
import type { KvmMemoryRegion } from './memory-region.ts';
import { Memslots } from './memslots.ts';
/**
 * Options of {@link kvm}.
 * @public
 */
export interface KvmOptions {
    /** `direct`: the table is indexed by guest-physical address (two-dimensional paging). */
    readonly mode?: 'direct';
    /**
     * The world before notifiers: no notifier is registered, each translation pins its page until the VM or its memslot
     * goes. Pages that the process unmaps stay reachable for the guest: stale, never freed.
     */
    readonly pin?: boolean;
    /** Entries of a vCPU's TLB, a power of two. */
    readonly vcpuTlbEntries?: number;
}
/**
 * Options of one VM, given to `open`.
 * @public
 */
export interface KvmVmOptions {
    /** The guest's memory; without it one slot shows all of user space at its own addresses. */
    readonly memslots?: readonly KvmMemoryRegion[];
}
/** Misuse by a user throws; the message says what was found and what is expected. */
export declare function checkOptions(options: KvmOptions): {
    readonly pin: boolean;
    readonly vcpuTlbEntries: number;
};
/** The slots that a VM starts with. */
export declare function initialMemslots(options: unknown): Memslots | Errno;
