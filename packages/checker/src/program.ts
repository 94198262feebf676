/** What is explored: something that runs from its beginning to its end, and asks a strategy for every decision. */
import type { Strategy, Violation } from '@mmu-notifier/core';

/** How a run ended. @public */
export interface RunEnd {
  readonly violation?: Violation;
  /** What can be seen of it at the end, as text: runs that differ here are told apart. */
  readonly outcome: string;
  /** Conditions of which some run must meet each: those that this one met. */
  readonly seen?: readonly string[];
}

/** What a program finds around it. @public */
export interface Surroundings {
  /** What is asked inside is decided by the engine; elsewhere tasks run one after the other. */
  explore(body: () => void): void;
  /** Says what the current task is doing, in the words of the program: a trace shows it. */
  tell(text: string): void;
}

/**
 * Everything that it does must follow from the answers of the strategy: the same answers, the same run.
 *
 * @public
 */
export interface Program {
  readonly name: string;
  /** Conditions of which some run must meet each. */
  readonly exists?: readonly string[];
  /**
   * Runs from its beginning. What `strategy` or `around` throws, other than a violation, must come through: the engine
   * gives a run up by it.
   */
  run(strategy: Strategy, around: Surroundings): RunEnd;
}
