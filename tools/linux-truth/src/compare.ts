/** Compares what two sides answered, line by line. */
import { isDeepStrictEqual } from 'node:util';
import { printAnswer } from './annotate.ts';
import { REFUSED } from './linux.ts';
import { type AnsweredEvent, isSameResidency } from './mincore.ts';
import type { Run, Side } from './run-command.ts';

/** The first line of a script that the two sides answer differently. */
export interface Difference {
  /** Line of the script, from 1. */
  readonly line: number;
  readonly event: string;
  readonly linux: string;
  readonly model: string;
}

/** `refused`: one of the sides cannot run the script, so it says nothing. */
export type Comparison = 'same' | { readonly refused: string } | Difference;

export async function compare(script: string, sides: { linux: Side; model: Side }): Promise<Comparison> {
  const [linux, model] = await Promise.all([sides.linux(script), sides.model(script)]);
  for (const [name, run] of [
    ['linux', linux],
    ['the model', model],
  ] as const) {
    if (run.status === REFUSED) return { refused: `${name}: ${run.stderr.trim()}` };
  }
  return firstDifference(script, linux, model) ?? 'same';
}

export function firstDifference(script: string, linux: Run, model: Run): Difference | undefined {
  const count = Math.max(linux.lines.length, model.lines.length);
  const events = script.split('\n');
  for (let at = 0; at < count; at++) {
    const [real, modelled] = [linux.lines[at], model.lines[at]];
    if (real === modelled || isDeepStrictEqual(parse(real), parse(modelled))) continue;
    const line = lineOf(real) ?? lineOf(modelled) ?? 0;
    const event = events[line - 1] ?? '';
    if (isSameResidency(answered(events, linux, at), resultOf(real), resultOf(modelled))) continue;
    return { line, event, linux: real ?? ending(linux), model: modelled ?? ending(model) };
  }
  if (model.status === 0) return undefined;
  return { line: 0, event: '(the end of the script)', linux: 'status 0', model: ending(model) };
}

export function isDifference(comparison: Comparison): comparison is Difference {
  return typeof comparison === 'object' && 'line' in comparison;
}

export function printDifference({ line, event, linux, model }: Difference): string {
  return `line ${line}: ${event}\n  linux: ${printLine(linux)}\n  model: ${printLine(model)}`;
}

function printLine(text: string): string {
  const value = parse(text);
  return typeof value === 'object' && value !== null ? printAnswer(withoutLine(value)) : text;
}

function withoutLine(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== 'line'));
}

/** Answers as values; a `pfn` is each side's own affair. */
function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text, (key, value: unknown) => (key === 'pfn' ? undefined : value));
  } catch {
    return text;
  }
}

/** The events up to that answer. */
function answered(events: readonly string[], { lines }: Run, last: number): AnsweredEvent[] {
  return lines.slice(0, last + 1).map((text) => {
    const words = (events[(lineOf(text) ?? 0) - 1] ?? '').split(/\s+/);
    return { words, result: resultOf(text) };
  });
}

function resultOf(text: string | undefined): unknown {
  const value = parse(text);
  return typeof value === 'object' && value !== null && 'result' in value ? value.result : undefined;
}

function lineOf(text: string | undefined): number | undefined {
  const value = parse(text);
  const line = typeof value === 'object' && value !== null && 'line' in value ? value.line : undefined;
  return typeof line === 'number' ? line : undefined;
}

function ending({ status, stderr }: Run): string {
  return `nothing more (status ${status}) ${stderr.trim()}`.trim();
}
