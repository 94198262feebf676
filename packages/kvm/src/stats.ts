/** Counters of one device, under the names of KVM's debugfs where it has them. */
import type { StatsService } from '@mmu-notifier/plugin-api';

type Add = (delta?: number) => void;

/** All VMs of a device count together. */
export interface KvmStats {
  /** How often a vCPU left its guest for KVM. */
  readonly exits: Add;
  /** Faults: the TLB and the table had no translation that allowed the access. */
  readonly pfTaken: Add;
  /** Faults that installed an spte. */
  readonly pfFixed: Add;
  /** Faults that found the spte in place: another access had installed it. */
  readonly pfSpurious: Add;
  /** Those of them that saw it without mmuLock. */
  readonly pfFast: Add;
  /** Rounds that a fault threw away because of an invalidation or a memslot update. */
  readonly retries: Add;
  /** Faults on a gfn that an invalidation had taken away. */
  readonly refaults: Add;
  /** Accesses that no memslot serves. */
  readonly mmioExits: Add;
  readonly pfMmioSpteCreated: Add;
  /** Faults whose page a worker gets while the guest goes on. */
  readonly asyncPageFaults: Add;
  /** Flushes wanted, and those for which a vCPU had to be kicked. */
  readonly remoteTlbFlushRequests: Add;
  readonly remoteTlbFlush: Add;
  /** Flushes done by a vCPU. */
  readonly tlbFlush: Add;
  /** Pages of the table that were linked, and unlinked. */
  readonly mmuCacheMiss: Add;
  readonly mmuShadowZapped: Add;
  /** Stores that KVM made in the guest's place. */
  readonly pfEmulate: Add;
  /** Page faults that the guest got. */
  readonly pfGuest: Add;
  /** Shadow paging: writes to tables, entries of upper levels that went, tables written too often, pages taken for room. */
  readonly mmuPteWrite: Add;
  readonly mmuPdeZapped: Add;
  readonly mmuFlooded: Add;
  readonly mmuRecycled: Add;
  /** Most sptes that one frame ever had. */
  readonly maxMmuRmapSize: Add;
  /** Tables that the guest may write now, and how often one was read again. */
  readonly mmuUnsync: Add;
  readonly mmuSync: Add;
  readonly invlpg: Add;
  /** Start callbacks that met a memslot, and the sptes that they dropped. */
  readonly invalidations: Add;
  readonly translationsInvalidated: Add;
  /** Present sptes. */
  readonly pages4k: Add;
  /** Pins held by sptes (`pin: true`). */
  readonly pagesPinned: Add;
}

/** Registers the counters with the machine. */
export function kvmStats(stats: StatsService): KvmStats {
  return {
    exits: stats.counter('exits'),
    pfTaken: stats.counter('pf_taken'),
    pfFixed: stats.counter('pf_fixed'),
    pfSpurious: stats.counter('pf_spurious'),
    pfFast: stats.counter('pf_fast'),
    retries: stats.counter('retries'),
    refaults: stats.counter('refaults'),
    mmioExits: stats.counter('mmio_exits'),
    pfMmioSpteCreated: stats.counter('pf_mmio_spte_created'),
    asyncPageFaults: stats.counter('async_page_faults'),
    remoteTlbFlushRequests: stats.counter('remote_tlb_flush_requests'),
    remoteTlbFlush: stats.counter('remote_tlb_flush'),
    tlbFlush: stats.counter('tlb_flush'),
    mmuCacheMiss: stats.counter('mmu_cache_miss'),
    mmuShadowZapped: stats.counter('mmu_shadow_zapped'),
    pfEmulate: stats.counter('pf_emulate'),
    pfGuest: stats.counter('pf_guest'),
    mmuPteWrite: stats.counter('mmu_pte_write'),
    mmuPdeZapped: stats.counter('mmu_pde_zapped'),
    mmuFlooded: stats.counter('mmu_flooded'),
    mmuRecycled: stats.counter('mmu_recycled'),
    maxMmuRmapSize: stats.counter('max_mmu_rmap_size', 'peak'),
    mmuUnsync: stats.counter('mmu_unsync', 'instantaneous'),
    mmuSync: stats.counter('mmu_sync_page'),
    invlpg: stats.counter('invlpg'),
    invalidations: stats.counter('invalidations'),
    translationsInvalidated: stats.counter('translations_invalidated'),
    pages4k: stats.counter('pages_4k', 'instantaneous'),
    pagesPinned: stats.counter('pages_pinned', 'instantaneous'),
  };
}
