/**
 * Contexts come and go. Loading reserves registers, moves the image in, and starts the context with its ASID; unloading
 * does the reverse, and leaves what the TLB holds: those entries are still tagged with an ASID that the address space
 * has, so an invalidation has to know of them.
 *
 * Mirrors `gru_load_context`, `gru_unload_context` and `gru_assign_gru_context`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { assertHeld } from '../assert.ts';
import { asidFor } from './asid.ts';
import type { GruState } from './gru-state.ts';
import type { Gts } from './gts.ts';
import type { GruShared } from './shared.ts';

/** The chiplets that a context may be loaded on. */
export function chipletsFor({ blades, chiplets }: GruShared, { config, homeBlade }: Gts): readonly GruState[] {
  const blade = blades[config.blade ?? homeBlade];
  if (blade === undefined) return chiplets;
  return config.chiplet === undefined ? blade.chiplets : blade.chiplets.slice(config.chiplet, config.chiplet + 1);
}

/** Finds room. @locks gts.ctxlock held. @sleeps Never, but for spinlocks. @returns whether there was any. */
export function* assignContext(shared: GruShared, gts: Gts): Routine<boolean> {
  // The emptier chiplet first.
  const candidates = [...chipletsFor(shared, gts)].sort((a, b) => a.givenOut.cbrs - b.givenOut.cbrs);
  for (const gru of candidates) {
    if (!gru.lock.acquireNow()) yield* gru.lock.acquire();
    const reservation = gru.reserve(gts);
    gru.lock.release();
    if (reservation === undefined) continue;
    gts.gru = gru;
    gts.reservation = reservation;
    shared.stats.assign_context();
    return true;
  }
  shared.stats.assign_context_failed();
  return false;
}

/**
 * Starts a context that has room.
 *
 * @locks gts.ctxlock held. @sleeps Never, but for spinlocks.
 * @returns whether it runs; not where the address space has been released.
 */
export function* loadContext(shared: GruShared, gts: Gts): Routine<boolean> {
  assertHeld(gts.ctxlock, 'gts.ctxlock');
  const { gms, gru, reservation, cch } = gts;
  if (gru === undefined || reservation === undefined || cch === undefined) return false;
  cch.allocate(reservation.cbrs, reservation.dsr, gts.config.missMode);
  gts.restore(cch);
  if (!gms.asidLock.acquireNow()) yield* gms.asidLock.acquire();
  const runs = !gms.released;
  if (runs) {
    const asid = yield* asidFor(shared, gru, gms);
    gms.track(gru.gid, { contexts: gms.tracker(gru.gid).contexts | (1 << reservation.ctxnum) });
    cch.start(asid);
  }
  gms.asidLock.release();
  if (!runs) {
    yield* unloadContext(shared, gts);
    return false;
  }
  shared.stats.load_user_context();
  shared.stats.contexts_loaded();
  gts.blockQueue.wakeAll();
  return true;
}

/** @locks gts.ctxlock held. @sleeps Never, but for spinlocks. */
export function* unloadContext(shared: GruShared, gts: Gts): Routine<void> {
  assertHeld(gts.ctxlock, 'gts.ctxlock');
  const { gms, gru, reservation, cch } = gts;
  if (gru === undefined || reservation === undefined || cch === undefined) return;
  if (!gms.asidLock.acquireNow()) yield* gms.asidLock.acquire();
  stopContext(shared, gts);
  gms.asidLock.release();
  yield* steps.hideWindow(gts);
  gts.save(cch);
  cch.deallocate();
  if (!gru.lock.acquireNow()) yield* gru.lock.acquire();
  gru.free(reservation);
  gts.gru = undefined;
  gts.reservation = undefined;
  gru.lock.release();
  shared.stats.free_context();
  gts.blockQueue.wakeAll();
}

/** Twins change it. */
export const steps = {
  /** Before the registers are somebody else's, no CPU may reach them. */
  *hideWindow({ window }: Gts): Routine<void> {
    if (window !== undefined) yield* window.zap();
  },
};

/** Hardware executes nothing of it any more, and takes no drop-in. @locks gms.asidLock held. @sleeps Never. */
export function stopContext(shared: GruShared, gts: Gts): void {
  const { gms, gru, reservation, cch } = gts;
  assertHeld(gms.asidLock, 'gms.asidLock');
  if (gru === undefined || reservation === undefined || cch?.state !== 'RUNNING') return;
  cch.stop();
  gms.track(gru.gid, { contexts: gms.tracker(gru.gid).contexts & ~(1 << reservation.ctxnum) });
  shared.stats.unload_user_context();
  shared.stats.contexts_loaded(-1);
}
