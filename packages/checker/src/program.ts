/** What is explored: something that runs from its beginning to its end, and asks a strategy for every decision. */
import type { Strategy, Violation } from '@mmu-notifier/core';

/** How a run ended. @public */
export interface RunEnd {
  readonly violation?: Violation;
  /** What can be seen of it at the end, as text: two runs that differ here are told apart. */
  readonly outcome: string;
}

/**
 * Everything that it does must follow from the answers of the strategy: the same answers, the same run.
 *
 * @public
 */
export interface Program {
  readonly name: string;
  /**
   * Runs from its beginning. What is asked inside `explore` is decided by the engine; elsewhere (before the tasks begin,
   * when they have ended) tasks run one after the other. What `strategy` or `explore` throws, other than a violation,
   * must come through: the engine gives a run up by it.
   */
  run(strategy: Strategy, explore: (body: () => void) => void): RunEnd;
}
