/** Counters of one device. */
import type { StatsService } from '@mmu-notifier/plugin-api';

type Add = (delta?: number) => void;

const CUMULATIVE = [
  'segments_made',
  'segments_removed',
  'permits_got',
  'permits_released',
  'attached',
  'detached',
  'faults',
  'fault_retries',
  'pages_pinned',
  'pages_unpinned',
  'translations_dropped',
  'invalidations',
  'remote_faults',
  'remote_accesses',
  'recalls_sent',
  'leases_expired',
  'bad_messages',
] as const;

export type XpmemStats = Readonly<Record<(typeof CUMULATIVE)[number], Add>>;

export function xpmemStats(stats: StatsService): XpmemStats {
  return Object.fromEntries(CUMULATIVE.map((name) => [name, stats.counter(name)])) as Record<
    (typeof CUMULATIVE)[number],
    Add
  >;
}
