/** Verdicts of a litmus test: `forbid`, `require` and `exists` lines, as an expression tree, and `expect` lines. */
import type { Reference } from './event.ts';
import type { RecordedValue, WordsValue } from './value.ts';

/** `$r0 == VALUE`; the right side may be another binding. @public */
export interface Comparison {
  readonly op: 'equals';
  /** A name that some event bound. */
  readonly name: string;
  readonly value: RecordedValue | WordsValue | ReferenceValue;
}

/** Another binding on the right side: `$r0 == $r1`, `$b == $a+0x1000`. @public */
export interface ReferenceValue {
  readonly kind: 'reference';
  readonly reference: Reference;
}

/** What a verdict states. `not` binds tighter than `and`, `and` tighter than `or`. @public */
export type Condition =
  | Comparison
  | { readonly op: 'not'; readonly operand: Condition }
  | { readonly op: 'and' | 'or'; readonly left: Condition; readonly right: Condition };

/**
 * `forbid`: no interleaving may end so. `require`: every one must. `exists`: some must (only an exploration can tell).
 * @public
 */
export interface ConditionVerdict {
  readonly kind: 'forbid' | 'require' | 'exists';
  readonly condition: Condition;
  readonly line: number;
}

/** `expect ORACLE`: the run must be stopped by a violation that this oracle finds. @public */
export interface ExpectedViolation {
  readonly kind: 'expect';
  readonly oracle: string;
  readonly line: number;
}

/** One verdict line. @public */
export type Verdict = ConditionVerdict | ExpectedViolation;
