/** Counters of one device, under the names of `/proc/sgi_uv/gru/statistics` where that has them. */
import type { StatsService } from '@mmu-notifier/plugin-api';

type Add = (delta?: number) => void;

const CUMULATIVE = [
  'gts_alloc',
  'gts_free',
  'gms_alloc',
  'gms_free',
  'assign_context',
  'assign_context_failed',
  'free_context',
  'load_user_context',
  'unload_user_context',
  'steal_user_context',
  'steal_context_failed',
  'nopfn',
  'asid_new',
  'asid_next',
  'asid_wrap',
  'asid_reuse',
  'intr',
  'intr_tfh',
  'intr_spurious',
  'intr_mm_lock_failed',
  'call_os',
  'call_os_wait_queue',
  'user_flush_tlb',
  'user_unload_context',
  'user_exception',
  'set_context_option',
  'check_context_unload',
  'tlb_dropin',
  'tlb_dropin_cancelled',
  'tlb_preload_page',
  'tlb_dropin_fail_no_asid',
  'tlb_dropin_fail_upm',
  'tlb_dropin_fail_invalid',
  'tlb_dropin_fail_range_active',
  'tlb_dropin_fail_idle',
  'tlb_dropin_fail_fmm',
  'mmu_invalidate_range',
  'flush_tlb',
  'flush_tlb_gru',
  'flush_tlb_gru_tgh',
  'flush_tlb_gru_zero_asid',
  'fmm_tlbmiss',
  'upm_tlbmiss',
  'instructions',
] as const;

const INSTANTANEOUS = ['contexts_loaded'] as const;

export type GruCounter = (typeof CUMULATIVE)[number] | (typeof INSTANTANEOUS)[number];
export type GruStats = Readonly<Record<GruCounter, Add>>;

/** Registers the counters with the machine. */
export function gruStats(stats: StatsService): GruStats {
  const counters = [
    ...CUMULATIVE.map((name) => [name, stats.counter(name)] as const),
    ...INSTANTANEOUS.map((name) => [name, stats.counter(name, 'instantaneous')] as const),
  ];
  return Object.fromEntries(counters) as unknown as GruStats;
}
