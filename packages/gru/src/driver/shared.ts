/**
 * What everything of one device has in common, and the locks of the driver, outermost first:
 *
 *     gts.ctxlock (mutex)      one load, unload or steal of a context at a time; a thief only tries the victim's
 *       gms.asidLock (spin)    ASIDs of an address space, and which of its contexts run where
 *         gru.asidLock (spin)  the ASID allocator of a chiplet
 *           TGH lock (spin)    one purge handle
 *       gru.lock (spin)        contexts, registers and data segments of a chiplet
 *
 * Callbacks take gms.asidLock and a TGH lock, nothing else, and never sleep. No lock is held while a page is looked up:
 * the count of open ranges and the hardware's own rule (`hardware/tfh.ts`) keep a drop-in true. Linux holds mmapLock and
 * ts_ctxlock there.
 */
import type { Pfn, PluginHost, SharedState } from '@mmu-notifier/plugin-api';
import type { GruConfig } from '../options.ts';
import type { GruStats } from '../stats.ts';
import type { Blade } from './blade.ts';
import type { Gms } from './gms.ts';
import type { GruState } from './gru-state.ts';
import type { Gts } from './gts.ts';

export interface GruShared {
  readonly host: PluginHost;
  /** The maps and lists below, which tasks use without a lock in common. */
  readonly state: SharedState;
  readonly stats: GruStats;
  readonly config: GruConfig;
  readonly blades: readonly Blade[];
  /** Every chiplet, by its number (gid). */
  readonly chiplets: readonly GruState[];
  /** The contexts of each process, in order of creation. */
  readonly contexts: Map<string, Gts[]>;
  /** One object for each address space that has a context, by its id. */
  readonly spaces: Map<number, Gms>;
  /** Frames of registers that windows show and that no loaded context has now. */
  readonly windowFrames: Pfn[];
  /** Rules that were found broken where nobody could be told. */
  readonly warnings: string[];
}
