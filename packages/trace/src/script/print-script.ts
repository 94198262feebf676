/** Writes verdicts and whole scripts. */
import type { Condition, Verdict } from '../verdict.ts';
import type { Script } from './parse-script.ts';
import { printEvent, printOperand, printValue } from './print-event.ts';

/** One verdict line, without its end; parentheses only where they are needed. @public */
export function printVerdict(verdict: Verdict): string {
  if (verdict.kind === 'expect') return `expect ${verdict.oracle}`;
  return `${verdict.kind} ${printCondition(verdict.condition, 'or')}`;
}

/** How tightly an operator binds. */
const TIGHTNESS = { or: 0, and: 1, not: 2, equals: 3 } as const;

/** `around` is the loosest operator that may stand here without parentheses. */
function printCondition(condition: Condition, around: keyof typeof TIGHTNESS): string {
  const text = printBare(condition);
  return TIGHTNESS[condition.op] < TIGHTNESS[around] ? `(${text})` : text;
}

function printBare(condition: Condition): string {
  switch (condition.op) {
    case 'equals': {
      const { value } = condition;
      return `$${condition.name} == ${value.kind === 'reference' ? printOperand(value.reference) : printValue(value)}`;
    }
    case 'not':
      return `not ${printCondition(condition.operand, 'not')}`;
    default: {
      // Chains lean to the left, so the right side needs an operator that binds more tightly.
      const right = printCondition(condition.right, condition.op === 'or' ? 'and' : 'not');
      return `${printCondition(condition.left, condition.op)} ${condition.op} ${right}`;
    }
  }
}

/** A whole script; line numbers of the original are not kept. @public */
export function printScript(script: Script): string {
  const lines = ['#! mm 1', ...runLine(script), ...script.events.map(printEvent), ...script.verdicts.map(printVerdict)];
  return `${lines.join('\n')}\n`;
}

function runLine({ options }: Script): string[] {
  return options.length === 0 ? [] : [`#! run ${options.join(' ')}`];
}
