/** What an access of each kind needs of a translation. */
import { Pte } from '../page-table/pte.ts';

/** Bits of an entry that an access looks at, and what they must be. */
export interface Need {
  readonly mask: number;
  readonly want: number;
  /** As `want`, for the pte: hardware sets dirty itself. */
  readonly pteWant: number;
  /** What the walk sets. */
  readonly used: number;
}

const STORE_BITS: number = Pte.Present | Pte.Writable;

export const LOAD: Need = { mask: Pte.Present, want: Pte.Present, pteWant: Pte.Present, used: Pte.Accessed };
export const FETCH: Need = {
  mask: Pte.Present | Pte.NoExec,
  want: Pte.Present,
  pteWant: Pte.Present,
  used: Pte.Accessed,
};
export const STORE: Need = {
  mask: STORE_BITS | Pte.Dirty,
  want: STORE_BITS | Pte.Dirty,
  pteWant: STORE_BITS,
  used: Pte.Accessed | Pte.Dirty,
};
