/**
 * What `KVM_SET_USER_MEMORY_REGION` checks before anything changes: a plain function from a set of slots and a wish to
 * the kind of change or an errno, in the order of `__kvm_set_memory_region` of Linux 6.x.
 */
import { PAGE_SIZE, TASK_SIZE } from '@mmu-notifier/plugin-api';
import type { Errno } from '@mmu-notifier/plugin-api';
import { DirtyLog } from './dirty-log.ts';
import { GFN_LIMIT, IDENTITY_MEMSLOT } from './memslots.ts';
import type { Memslot, Memslots } from './memslots.ts';

/** Slots that a user may number (`KVM_USER_MEM_SLOTS` of x86). */
export const USER_MEMSLOTS = 32764;
/** Most pages of one slot (`KVM_MEM_MAX_NR_PAGES`). */
const MAX_PAGES = 2 ** 31 - 1;

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
  /** Keep a log of the pages that the guest writes. */
  readonly logDirty?: boolean;
}

/** What a wish amounts to. */
export type MemslotChange =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly slot: Memslot }
  | { readonly kind: 'delete'; readonly old: Memslot }
  | { readonly kind: 'flags'; readonly old: Memslot; readonly slot: Memslot }
  | { readonly kind: 'move'; readonly old: Memslot; readonly slot: Memslot };

/**
 * Decides what `region` asks of `slots`.
 *
 * The identity slot stands in for slot 0 until somebody sets slot 0, so the first definition of slot 0 replaces it.
 */
export function planMemslotChange(slots: Memslots, region: KvmMemoryRegion): MemslotChange | Errno {
  if (!isWellFormed(region)) return 'EINVAL';
  const old = slots.withId(region.slot);
  if (region.size === 0) return old === undefined ? 'EINVAL' : { kind: 'delete', old };

  const slot: Memslot = {
    id: region.slot,
    baseGfn: region.gpa / PAGE_SIZE,
    npages: region.size / PAGE_SIZE,
    userspaceAddr: region.hva,
    access: region.readonly === true ? 'readonly' : 'read-write',
    state: 'valid',
    dirty: region.logDirty === true ? (old?.dirty ?? new DirtyLog()) : undefined,
  };
  if (old !== undefined && old !== IDENTITY_MEMSLOT) {
    const same = old.userspaceAddr === slot.userspaceAddr && old.npages === slot.npages && old.access === slot.access;
    if (!same) return 'EINVAL';
    if (old.baseGfn === slot.baseGfn) return old.dirty === slot.dirty ? { kind: 'none' } : { kind: 'flags', old, slot };
  }
  if (slots.byId.some((other) => other.id !== slot.id && overlap(other, slot))) return 'EEXIST';
  return old === undefined ? { kind: 'create', slot } : { kind: 'move', old, slot };
}

function isWellFormed({ slot, gpa, size, hva }: KvmMemoryRegion): boolean {
  if (![size, gpa, hva].every((n) => Number.isSafeInteger(n) && n >= 0 && n % PAGE_SIZE === 0)) return false;
  if (hva + size > TASK_SIZE) return false;
  if (!Number.isInteger(slot) || slot < 0 || slot >= USER_MEMSLOTS) return false;
  return (gpa + size) / PAGE_SIZE <= GFN_LIMIT && size / PAGE_SIZE <= MAX_PAGES;
}

function overlap(a: Memslot, b: Memslot): boolean {
  return a.baseGfn < b.baseGfn + b.npages && b.baseGfn < a.baseGfn + a.npages;
}
