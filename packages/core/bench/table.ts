/** The results as one Markdown table. */
import type { Row } from './row.ts';

export interface Result {
  readonly name: string;
  readonly unit: Row['unit'];
  readonly model: Spread;
  /** Why it is missing, where it is. */
  readonly kernel?: Spread | string;
  /** Model to kernel, of each round. */
  readonly ratio?: Spread;
  readonly aim: string;
  readonly reached: boolean | undefined;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spread(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN;
  return { min: at(0), median: at(0.5), max: at(1) };
}

const TITLES = ['measured', 'unit', 'model: min / median / max', 'kernel, or beside', 'ratio', 'aim', ''];

export function table(results: readonly Result[]): string {
  const lines = [TITLES, ...results.map(cells)];
  const widths = TITLES.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? '').length)));
  const print = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [print(TITLES), print(widths.map((width) => '-'.repeat(width))), ...lines.slice(1).map(print)].join('\n');
}

function cells(result: Result): string[] {
  const { name, unit, model, kernel, ratio, aim, reached } = result;
  const scale = unit === 'us' ? 1 / 1000 : unit === 'accesses/s' ? 1e-6 : 1;
  const other = typeof kernel === 'object' ? print(kernel, scale) : (kernel ?? '');
  const verdict = reached === undefined ? '' : reached ? 'reached' : 'NOT reached';
  const shown = unit === 'accesses/s' ? 'million/s' : unit;
  return [name, shown, print(model, scale), other, ratio === undefined ? '' : print(ratio, 1), aim, verdict];
}

function print({ min, median, max }: Spread, scale: number): string {
  return [min, median, max].map((value) => digits(value * scale)).join(' / ');
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
