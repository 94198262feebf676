/**
 * Start, end and release: an address range of the process loses its pages.
 *
 * A purge goes to every chiplet where the address space has an ASID. Where none of its contexts is loaded there, the ASID
 * is given up instead, which costs no access to a far chiplet: the next load takes a new one.
 *
 * Mirrors `gru_invalidate_range_start`, `_end` and `gru_flush_tlb_range`, `drivers/misc/sgi-gru/grutlbpurge.c`. `release`
 * is not there since Linux 5.5: a context goes when its window does, which exit comes to after it has freed the pages.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { MmuNotifierOps, NotifierRange, Routine } from '@mmu-notifier/plugin-api';
import { MAX_PURGE_PAGES } from '../hardware/geometry.ts';
import type { Gms } from './gms.ts';
import type { GruState } from './gru-state.ts';
import { stopContext } from './load.ts';
import type { GruShared } from './shared.ts';

/** The callbacks of one address space. None sleeps, blockable or not, so start never refuses. */
export function notifierOps(shared: GruShared, gms: Gms): MmuNotifierOps {
  return {
    invalidateRangeStart: (range) => invalidateRangeStart(shared, gms, range),
    invalidateRangeEnd: () => invalidateRangeEnd(shared, gms),
    release: () => callbacks.release(shared, gms),
    allocNotifier: () => undefined,
    freeNotifier: () => shared.stats.gms_free(),
  };
}

/** @sleeps Never: it takes spinlocks, and polls. */
export function invalidateRangeStart(shared: GruShared, gms: Gms, { start, end }: NotifierRange): Routine<'done'> {
  const { host, stats } = shared;
  stats.mmu_invalidate_range();
  if (host.trace.enabled) host.trace.event('gru_invalidate_range', { mm: gms.mm.id, start, end });
  return steps.start(shared, gms, start, end);
}

/** @sleeps Never. */
export function* invalidateRangeEnd(shared: GruShared, gms: Gms): Routine<void> {
  const { sync } = shared.host;
  if (sync.preemptive) yield* sync.preempt('gru: lower the count', 'declared');
  const active = yield* gms.endRange();
  if (active < 0) shared.warnings.push(`mm ${gms.mm.id}: an end came without its start`);
}

/** Twins change it. */
export const callbacks: { release: (shared: GruShared, gms: Gms) => Routine<void> } = {
  release: (shared, gms) => release(shared, gms),
};

/** In this order, see `gms.ts`. */
export const steps = {
  *start(shared: GruShared, gms: Gms, start: number, end: number): Routine<'done'> {
    const { sync } = shared.host;
    if (sync.preemptive) yield* sync.preempt('gru: raise the count', 'declared');
    yield* gms.beginRange();
    if (sync.preemptive) yield* sync.preempt('gru: purge', 'declared');
    yield* flushRange(shared, gms, start, end);
    return 'done';
  },
};

/**
 * Purges a range from every chiplet. The map is read without a lock: a bit that comes later is that of a new ASID, which
 * has no old entries, and the count holds new ones back.
 *
 * @locks Takes gms.asidLock and a TGH lock. @sleeps Never.
 */
export function* flushRange(shared: GruShared, gms: Gms, start: number, end: number): Routine<void> {
  const { chiplets, stats } = shared;
  stats.flush_tlb();
  const page = Math.floor(start / PAGE_SIZE);
  const pages = Math.min(Math.ceil(end / PAGE_SIZE) - page, MAX_PURGE_PAGES);
  for (let map = gms.asidmap; map !== 0; map &= map - 1) {
    const gru = chiplets[31 - Math.clz32(map & -map)] as GruState;
    stats.flush_tlb_gru();
    if (!gms.asidLock.acquireNow()) yield* gms.asidLock.acquire();
    const { asid, contexts } = gms.tracker(gru.gid);
    if (contexts !== 0 && asid !== 0) {
      stats.flush_tlb_gru_tgh();
      if (!gru.purgeNow(asid, page, pages)) yield* gru.purge({ asid, page, pages });
    } else if (asid !== 0) {
      stats.flush_tlb_gru_zero_asid();
      gms.abandonAsid(shared, gru.gid);
    }
    gms.asidLock.release();
  }
}

/**
 * The address space is going: its contexts stop, nothing of it is loaded again, and its ASIDs are given up. The registers
 * are given back when the contexts are closed.
 *
 * @sleeps Never.
 */
export function* release(shared: GruShared, gms: Gms): Routine<void> {
  if (!gms.asidLock.acquireNow()) yield* gms.asidLock.acquire();
  gms.released = true;
  shared.state.reads();
  const contexts = [...shared.contexts.values()].flat().filter((gts) => gts.gms === gms);
  for (const gts of contexts) stopContext(shared, gts);
  for (let gid = 0; gid < gms.asids.length; gid++) if (gms.tracker(gid).asid !== 0) gms.abandonAsid(shared, gid);
  gms.asidLock.release();
  // An end that was due may never come.
  gms.waitQueue.wakeAll();
  for (const gts of contexts) gts.blockQueue.wakeAll();
}
