import type { Errno } from '@mmu-notifier/plugin-api';
import type { Memslot, Memslots } from './memslots.ts';
/** Slots that a user may number (`KVM_USER_MEM_SLOTS` of x86). */
export declare const USER_MEMSLOTS = 32764;
/**
 * One memory region of a guest, as a user describes it.
 * @public
 */
export interface KvmMemoryRegion {
    /** Its number, from 0. */
    readonly slot: number;
    /** Guest-physical address, page aligned. */
    readonly gpa: number;
    /** Bytes, page aligned; 0 deletes the slot. */
    readonly size: number;
    /** The process's address, page aligned. */
    readonly hva: number;
    /** A store by the guest is an MMIO exit. */
    readonly readonly?: boolean;
}
/** What a wish amounts to. */
export type MemslotChange = {
    readonly kind: 'none';
} | {
    readonly kind: 'create';
    readonly slot: Memslot;
} | {
    readonly kind: 'delete';
    readonly old: Memslot;
} | {
    readonly kind: 'move';
    readonly old: Memslot;
    readonly slot: Memslot;
};
/**
 * Decides what `region` asks of `slots`.
 *
 * The identity slot stands in for slot 0 until somebody sets slot 0, so the first definition of slot 0 replaces it.
 */
export declare function planMemslotChange(slots: Memslots, region: KvmMemoryRegion): MemslotChange | Errno;
