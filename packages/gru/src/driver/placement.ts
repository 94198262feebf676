/**
 * Where contexts run. A process that touches its GSEG while its context is not loaded faults, and the fault loads it; if
 * there is no room, another context of the blade has to go.
 *
 * A thief only tries its victim's lock: a context that somebody works on is left alone, and so is one that was stolen a
 * moment ago, or two contexts could take turns without either getting on.
 *
 * Mirrors `gru_fault`, `gru_steal_context` and `gru_check_context_placement`.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { CONTEXTS } from '../hardware/geometry.ts';
import type { Blade } from './blade.ts';
import type { GruState } from './gru-state.ts';
import type { Gts } from './gts.ts';
import { assignContext, chipletsFor, loadContext, unloadContext } from './load.ts';
import type { GruShared } from './shared.ts';

/** How long a fault waits for room before it takes some, and how long a victim is safe. Virtual nanoseconds. */
const ASSIGN_DELAY = 20e6;
const STEAL_DELAY = 200e6;

/**
 * The process touched its GSEG: makes the context run.
 *
 * @locks None of this driver's held. @sleeps May. Errors: `EFAULT` where the address space or the context is gone.
 */
export function* gsegFault(shared: GruShared, gts: Gts): Routine<Errno | undefined> {
  const { host, stats } = shared;
  stats.nopfn();
  for (;;) {
    yield* gts.ctxlock.acquire();
    const answer = yield* placeLocked(shared, gts);
    gts.ctxlock.release();
    if (answer !== 'no room') return answer;
    yield* host.tasks.sleep(ASSIGN_DELAY);
    yield* stealContext(shared, gts);
  }
}

/** @locks gts.ctxlock held. */
function* placeLocked(shared: GruShared, gts: Gts): Routine<Errno | 'no room' | undefined> {
  yield* leaveWrongChiplet(shared, gts);
  if (gts.closed || gts.gms.released) return 'EFAULT';
  if (gts.loaded) return undefined;
  if (gts.gru === undefined && !(yield* assignContext(shared, gts))) return 'no room';
  return (yield* loadContext(shared, gts)) ? undefined : 'EFAULT';
}

/** Unloads a context that should be somewhere else by now. @locks Takes gts.ctxlock. @sleeps May. */
export function* checkPlacement(shared: GruShared, gts: Gts): Routine<void> {
  yield* gts.ctxlock.acquire();
  yield* leaveWrongChiplet(shared, gts);
  gts.ctxlock.release();
}

function* leaveWrongChiplet(shared: GruShared, gts: Gts): Routine<void> {
  if (gts.gru === undefined || chipletsFor(shared, gts).includes(gts.gru)) return;
  shared.stats.check_context_unload();
  yield* unloadContext(shared, gts);
}

/** Unloads another context, where `thief` could then run. @sleeps Never, but for spinlocks. @returns whether it found one. */
export function* stealContext(shared: GruShared, thief: Gts): Routine<boolean> {
  const { stats, blades, host } = shared;
  const blade = blades[thief.config.blade ?? thief.homeBlade] as Blade;
  for (const { gru, victim } of victims(shared, blade, chipletsFor(shared, thief))) {
    if (victim === thief || host.tasks.now() - victim.stolenAt < STEAL_DELAY || !victim.ctxlock.tryAcquire()) continue;
    const found = victim.gru === gru;
    if (found) {
      yield* unloadContext(shared, victim);
      markStolen(shared, victim);
    }
    victim.ctxlock.release();
    if (found) return true;
  }
  stats.steal_context_failed();
  return false;
}

export function markStolen({ host, stats }: GruShared, victim: Gts): void {
  victim.stolenAt = host.tasks.now();
  victim.statistics.contextStolen++;
  stats.steal_user_context();
}

/** Contexts of the chiplets, from behind the last victim on; moves the mark along. */
function* victims(
  { state }: GruShared,
  blade: Blade,
  allowed: readonly GruState[],
): Iterable<{ gru: GruState; victim: Gts }> {
  const { chiplets } = blade;
  // Where the search goes on, and who is where.
  state.changes();
  for (let i = 0; i < chiplets.length * CONTEXTS; i++) {
    blade.lruContext = (blade.lruContext + 1) % CONTEXTS;
    if (blade.lruContext === 0) blade.lruChiplet = (blade.lruChiplet + 1) % chiplets.length;
    const gru = chiplets[blade.lruChiplet] as GruState;
    gru.chiplet.state.reads();
    const victim = gru.contexts[blade.lruContext];
    if (victim !== undefined && allowed.includes(gru)) yield { gru, victim };
  }
}
