/** A blade: its chiplets, and where the search for a victim goes on. Mirrors `struct gru_blade_state`. */
import type { GruState } from './gru-state.ts';

export interface Blade {
  readonly number: number;
  readonly chiplets: readonly GruState[];
  /** The chiplet and the context behind which the next thief looks first. */
  lruChiplet: number;
  lruContext: number;
}
