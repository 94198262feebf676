/** What an access of each kind needs of a last-level entry, and what it leaves there: by the kinds of `tlb.ts`. */
import { Pte } from '../page-table/pte.ts';

/** Bits of an entry that an access looks at, and what they must be. */
export interface Need {
  readonly mask: number;
  readonly want: number;
  /** What the walk sets. */
  readonly used: number;
}

const STORES: Need = {
  mask: Pte.Present | Pte.Writable,
  want: Pte.Present | Pte.Writable,
  used: Pte.Accessed | Pte.Dirty,
};

/** An instruction that loads and stores walks with the intent to write. */
export const NEEDS: readonly Need[] = [
  { mask: Pte.Present | Pte.NoExec, want: Pte.Present, used: Pte.Accessed },
  { mask: Pte.Present, want: Pte.Present, used: Pte.Accessed },
  STORES,
  STORES,
];
