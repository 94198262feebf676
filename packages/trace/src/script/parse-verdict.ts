/**
 * Verdict lines: `forbid $r0 == 01 and not ($r1 == 00 or $r2 == EFAULT)`.
 *
 *     verdict         := ('forbid' | 'require' | 'exists') or-expression | 'expect' ORACLE
 *     or-expression   := and-expression { 'or' and-expression }
 *     and-expression  := not-expression { 'and' not-expression }
 *     not-expression  := 'not' not-expression | '(' or-expression ')' | $NAME '==' VALUE
 */
import type { Condition, Verdict } from '../verdict.ts';
import { LineReader } from './line-reader.ts';
import type { Word } from './line-reader.ts';
import { parseCompared } from './parse-value.ts';

/** The words that begin a verdict. */
export const VERDICTS: readonly Verdict['kind'][] = ['forbid', 'require', 'exists', 'expect'];

/** How deep parentheses and `not` may nest: a line is read by a recursive parser. */
const MAX_DEPTH = 100;

/** Reads a verdict; names it uses are left in the reader that comes back, for the caller to check. */
export function parseVerdict(file: string, line: number, text: string): { verdict: Verdict; reader: LineReader } {
  const reader = new LineReader(file, line, text, splitVerdict(text));
  const kind = reader.oneOf(VERDICTS, 'verdict');
  if (kind === 'expect') return { verdict: parseExpected(reader, line), reader };
  const condition = parseOr(reader, 0);
  const rest = reader.peek();
  if (rest !== undefined) reader.fail(rest, 'and, or, or the end of the line');
  return { verdict: { kind, condition, line }, reader };
}

function parseExpected(reader: LineReader, line: number): Verdict {
  const word = reader.next('the name of an oracle');
  if (!/^[a-z][a-z-]*$/.test(word.text)) reader.fail(word, 'the name of an oracle, such as sleep-in-atomic');
  const rest = reader.peek();
  if (rest !== undefined) reader.fail(rest, 'the end of the line');
  return { kind: 'expect', oracle: word.text, line };
}

/** Parentheses and `==` are words even without blanks around them; so is what stands in quotes. */
function splitVerdict(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/"[^"]*"|[()]|==|[^\s()=]+|=/g)) {
    if (match[0].startsWith('#')) break;
    words.push({ text: match[0], column: match.index + 1 });
  }
  return words;
}

function parseOr(reader: LineReader, depth: number): Condition {
  let left = parseAnd(reader, depth);
  while (reader.peek()?.text === 'or') {
    reader.next('or');
    left = { op: 'or', left, right: parseAnd(reader, depth) };
  }
  return left;
}

function parseAnd(reader: LineReader, depth: number): Condition {
  let left = parseNot(reader, depth);
  while (reader.peek()?.text === 'and') {
    reader.next('and');
    left = { op: 'and', left, right: parseNot(reader, depth) };
  }
  return left;
}

function parseNot(reader: LineReader, depth: number): Condition {
  const word = reader.next('$name, not or (');
  if (depth > MAX_DEPTH) return reader.fail(word, `at most ${MAX_DEPTH} parentheses inside each other`);
  if (word.text === 'not') return { op: 'not', operand: parseNot(reader, depth + 1) };
  if (word.text === '(') {
    const inner = parseOr(reader, depth + 1);
    const close = reader.next(')');
    return close.text === ')' ? inner : reader.fail(close, 'and, or, or )');
  }
  const left = /^\$[A-Za-z_][A-Za-z0-9_]*$/.test(word.text)
    ? reader.reference(word)
    : reader.fail(word, '$name, not or (');
  const equals = reader.next('==');
  if (equals.text !== '==') return reader.fail(equals, '==');
  const right = reader.next('a value');
  if (right.text.startsWith('$')) {
    return { op: 'equals', name: left.name, value: { kind: 'reference', reference: reader.reference(right) } };
  }
  return { op: 'equals', name: left.name, value: parseCompared(reader, right) };
}
