/**
 * Address space ids of one chiplet. They are handed out in order and never given back; at the limit the whole TLB is
 * purged, and the search for free ids begins behind the last one, or at the lowest again: then the *generation* grows.
 *
 * Only the ids of contexts that are loaded are looked at. One that an unloaded context remembers may meanwhile be
 * somebody else's: its generation tells, when the context is loaded again.
 *
 * Mirrors `gru_assign_asid` and `gru_reset_asid_limit`, `drivers/misc/sgi-gru/grumain.c`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import { ASID_STEP, MIN_ASID } from '../hardware/geometry.ts';
import type { AsidTracker, Gms } from './gms.ts';
import type { GruState } from './gru-state.ts';
import type { GruShared } from './shared.ts';

export class AsidAllocator {
  generation = 0;
  private asid = MIN_ASID - ASID_STEP;
  /** An id that is in use, or behind the last one. */
  private limit: number;
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
    this.limit = max;
  }

  /** Whether an id that no running context holds may be somebody else's by now. */
  isStale({ generation }: AsidTracker): boolean {
    return generation !== this.generation;
  }

  /** @locks gru.asidLock held. @sleeps Never; at the limit it waits for a purge. */
  *next({ stats }: GruShared, gru: GruState): Routine<number> {
    stats.asid_next();
    this.asid += ASID_STEP;
    if (this.asid >= this.limit) {
      yield* this.purge(gru);
      const wraps = this.moveOn(inUse(gru));
      if (wraps > 0) stats.asid_wrap(wraps);
    }
    return this.asid;
  }

  /** Whatever the TLB holds of ids that are handed out again. */
  purge(gru: GruState): Routine<void> {
    return gru.purge('everything');
  }

  /** To the next id that is not in use; the limit becomes the one after it that is. @returns how often it wrapped. */
  private moveOn(used: ReadonlySet<number>): number {
    let wraps = 0;
    for (;;) {
      if (this.asid >= this.max) {
        this.asid = MIN_ASID;
        this.generation++;
        wraps++;
      }
      if (!used.has(this.asid)) break;
      this.asid += ASID_STEP;
    }
    this.limit = Math.min(this.max, ...[...used].filter((asid) => asid > this.asid));
    return wraps;
  }
}

/**
 * The id with which a context of `gms` is to run: the one that its address space has on the chiplet, or a new one.
 *
 * @locks gms.asidLock held, and kept until the context runs. @sleeps Never.
 */
export function* asidFor(shared: GruShared, gru: GruState, gms: Gms): Routine<number> {
  const tracker = gms.tracker(gru.gid);
  if (!gru.asidLock.acquireNow()) yield* gru.asidLock.acquire();
  const stale = tracker.contexts === 0 && gru.asids.isStale(tracker);
  if (tracker.asid === 0 || stale) {
    // It may have been loaded while ids wrapped, and left entries: nobody will look for them.
    if (tracker.asid !== 0) gms.abandonAsid(shared, gru.gid);
    const asid = yield* gru.asids.next(shared, gru);
    gms.track(gru.gid, { asid, generation: gru.asids.generation });
    shared.stats.asid_new();
  } else {
    shared.stats.asid_reuse();
  }
  gru.asidLock.release();
  gms.asidmap |= 1 << gru.gid;
  return gms.tracker(gru.gid).asid;
}

/** Ids of the contexts that are loaded, or about to be. */
function inUse(gru: GruState): ReadonlySet<number> {
  const used = new Set<number>();
  gru.chiplet.state.reads();
  for (const gts of gru.contexts) if (gts !== undefined) used.add(gts.gms.tracker(gru.gid).asid);
  return used;
}
