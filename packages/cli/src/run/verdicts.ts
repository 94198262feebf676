/**
 * Judges the values that a run ended with. `forbid` and `require` are judged per run; whether some interleaving ends as
 * `exists` says, only an exploration of all can tell: one run reports whether it did.
 */
import type { Violation } from '@mmu-notifier/core';
import type { Comparison, Condition, ConditionVerdict, ExpectedViolation } from '@mmu-notifier/trace';
import { type Bindings, printValue } from './bindings.ts';

/** What a verdict line says about one run. */
export type Judgement =
  | { readonly line: number; readonly verdict: 'forbid' | 'require'; readonly holds: true }
  | {
      readonly line: number;
      readonly verdict: 'forbid' | 'require';
      readonly holds: false;
      readonly violation: Violation;
    }
  | { readonly line: number; readonly verdict: 'exists'; readonly seen: boolean }
  | { readonly line: number; readonly verdict: 'expect'; readonly holds: true };

export function judge(verdict: ConditionVerdict, bindings: Bindings): Judgement {
  const met = evaluate(verdict.condition, bindings);
  const { kind, line } = verdict;
  if (kind === 'exists') return { line, verdict: kind, seen: met };
  if (met === (kind === 'require')) return { line, verdict: kind, holds: true };
  const values = namesIn(verdict.condition).map((name) => `$${name} is ${printValue(bindings.get(name))}`);
  const message = `line ${line} ${kind === 'forbid' ? 'forbids' : 'requires'} ${print(verdict.condition)}; ${values.join(', ')}`;
  return { line, verdict: kind, holds: false, violation: { oracle: kind, message } };
}

/** @returns what is wrong with a run that was stopped by `found`, or by nothing; `undefined` where it ended as expected. */
export function judgeExpected(
  { line, oracle }: ExpectedViolation,
  found: Violation | undefined,
): Violation | undefined {
  if (found?.oracle === oracle) return undefined;
  const end = found === undefined ? 'without a violation' : `with ${found.oracle}: ${found.message}`;
  return { oracle: 'expect', message: `line ${line} expects ${oracle}; the run ended ${end}` };
}

export function evaluate(condition: Condition, bindings: Bindings): boolean {
  switch (condition.op) {
    case 'and':
      return evaluate(condition.left, bindings) && evaluate(condition.right, bindings);
    case 'or':
      return evaluate(condition.left, bindings) || evaluate(condition.right, bindings);
    case 'not':
      return !evaluate(condition.operand, bindings);
    default:
      return compare(condition, bindings);
  }
}

/** A name that nothing bound (its event did not run, or answered nothing) equals nothing. */
function compare({ name, value: wanted }: Comparison, bindings: Bindings): boolean {
  const found = bindings.get(name);
  if (found === undefined || found.kind === 'none') return false;
  if (wanted.kind === 'reference') {
    const other = bindings.get(wanted.reference.name);
    if (other === undefined || other.kind === 'none') return false;
    if (other.kind === 'number')
      return found.kind === 'number' && found.value === other.value + wanted.reference.offset;
    return found.kind === other.kind && printValue(found) === printValue(other);
  }
  switch (wanted.kind) {
    case 'number':
      return found.kind === 'number' && found.value === wanted.value;
    case 'process':
      return found.kind === 'process' && found.name === bindings.processName(wanted.name);
    default:
      return found.kind === wanted.kind && printValue(found) === printValue(wanted);
  }
}

function namesIn(condition: Condition): string[] {
  switch (condition.op) {
    case 'and':
    case 'or':
      return [...new Set([...namesIn(condition.left), ...namesIn(condition.right)])];
    case 'not':
      return namesIn(condition.operand);
    default:
      return condition.value.kind === 'reference' ? [condition.name, condition.value.reference.name] : [condition.name];
  }
}

function print(condition: Condition): string {
  switch (condition.op) {
    case 'and':
    case 'or':
      return `(${print(condition.left)} ${condition.op} ${print(condition.right)})`;
    case 'not':
      return `not ${print(condition.operand)}`;
    default:
      return `$${condition.name} == ${printRight(condition.value)}`;
  }
}

function printRight(value: Comparison['value']): string {
  if (value.kind !== 'reference') return printValue(value);
  const { name, offset } = value.reference;
  if (offset === 0) return `$${name}`;
  return `$${name}${offset < 0 ? '-' : '+'}0x${Math.abs(offset).toString(16)}`;
}
