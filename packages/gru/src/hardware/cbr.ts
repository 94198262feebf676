/** A control block register (CBR): the block that sits in it, and the handle where its misses wait. */
import type { ControlBlock } from './control-block.ts';
import type { Tfh } from './tfh.ts';

export interface Cbr {
  readonly number: number;
  readonly tfh: Tfh;
  block: ControlBlock | undefined;
}
