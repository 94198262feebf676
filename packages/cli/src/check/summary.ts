/** What a check found, in a line, and of many checks in a table. */
import type { CheckResult } from '@mmu-notifier/checker';
import CliTable from 'cli-table3';
import { formatCount } from '../sizes.ts';

/** `held: all 82 interleavings that differ`. */
export function verdictLine(result: CheckResult): string {
  return `${result.program}: ${verdictText(result)}`;
}

function verdictText({ verdict, bound, runs, reason, finding }: CheckResult): string {
  const counted = `${formatCount(runs)} ${runs === 1 ? 'run' : 'runs'}`;
  switch (verdict) {
    case 'held':
      return runs === 1 ? 'held: the only interleaving' : `held: all ${formatCount(runs)} interleavings that differ`;
    case 'held up to':
      return `held up to ${bound ?? counted}`;
    case 'nondeterministic':
      return `nondeterministic: ${reason ?? ''}`;
    default:
      return finding === undefined
        ? `${verdict}: of ${counted} none meets ${reason ?? 'what must be seen'}`
        : `${verdict}, in ${counted}`;
  }
}

export function summaryTable(results: readonly CheckResult[]): string {
  const table = new CliTable({
    head: ['', 'verdict', 'runs', 'given up', 'longest', 'ends'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    const { program, verdict, bound, runs, givenUp, longest, outcomes, finding } = result;
    const oracle = finding === undefined ? '' : ` ${finding.violation.oracle}`;
    table.push([
      program,
      `${verdict}${bound === undefined ? oracle : ` ${bound}`}`,
      ...[runs, givenUp, longest, Object.keys(outcomes).length].map(formatCount),
    ]);
  }
  const counts = new Map<string, number>();
  for (const { verdict } of results) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const words = [...counts].map(
    ([verdict, count]) => `${count} ${verdict === 'held up to' ? 'held up to a bound' : verdict}`,
  );
  return `${table.toString()}\n${results.length} files: ${words.join(', ')}\n`;
}
