/** What a search knows of a state on the way of its run. */
import type { Branch } from './wakeup-tree.ts';

/** A step that leads nowhere new from a state: what comes behind it was tried. */
export interface Sleeper {
  readonly task: number;
  /** None: whatever it chooses. */
  readonly choices: readonly number[];
  readonly footprint: number;
}

/** A state on the way of the run: what was tried there, what is to be tried. */
export interface Node {
  readonly enabled: number;
  readonly asleep: Sleeper[];
  /** Branches that are done. */
  tried: number;
  /** Tasks whose step is tried with whatever choices it has. */
  free: number;
  branches: Branch[];
  /** What the step that is being tried touched; -1 before it was made. */
  footprint: number;
}
