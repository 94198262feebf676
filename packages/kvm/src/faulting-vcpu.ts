/** What the fault path has to know of the vCPU that faults. */
import type { AsyncFaults } from './async-pf.ts';
import type { DirtyRing } from './dirty-ring.ts';

export interface FaultingVcpu {
  /** A page that has to be read in is a worker's, if the guest wants it so; `undefined` where nobody could be told. */
  readonly asyncFaults: AsyncFaults | undefined;
  /** Where what it writes is noted; `undefined`: in the log of the memslot. */
  readonly dirtyRing: DirtyRing | undefined;
}
