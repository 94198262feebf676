/** A counterexample as a story: one column for each task, one row for each stretch that it runs without another. */
import type { Finding, TracedStep } from '@mmu-notifier/checker';
import { describePoint } from '@mmu-notifier/core';
import CliTable from 'cli-table3';

const BORDERLESS = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right', 'left'].map(
    (part) => [part, ''],
  ),
);

interface Row {
  readonly steps: string;
  readonly task: string;
  readonly lines: readonly string[];
}

/** @param detail - `steps`: each step, with all that it touched. */
export function describeFinding(finding: Finding, detail: 'blocks' | 'steps'): string {
  const { violation, schedule, preemptions, fewest } = finding;
  const rows = detail === 'steps' ? stepRows(finding) : blockRows(finding);
  const columns = schedule.tasks.filter((task) => rows.some((row) => row.task === task));
  const table = new CliTable({
    head: ['step', ...columns],
    chars: { ...BORDERLESS, mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '', right: '', middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) {
    table.push([row.steps, ...columns.map((task) => (task === row.task ? row.lines.join('\n') : ''))]);
  }
  const switches = `${preemptions} ${preemptions === 1 ? 'preemption' : 'preemptions'}`;
  const proof = fewest === 'proved' && preemptions > 0 ? ', and no run with fewer shows it' : '';
  const places = (violation.tasks ?? []).map(({ name, at }) => `  ${name} is about to: ${at}`);
  return [
    `${violation.oracle}: ${violation.message}`,
    `${finding.trace.length} steps, ${switches}${proof}`,
    '',
    table.toString().replace(/ +$/gm, ''),
    '',
    ...places,
  ].join('\n');
}

function blockRows({ trace, schedule, objects }: Finding): Row[] {
  const rows: Row[] = [];
  let from = 0;
  for (const [task, length] of schedule.blocks) {
    const steps = trace.slice(from, from + length);
    const told = steps.flatMap((step) => step.told);
    const last = steps.at(-1) as TracedStep;
    const lines = told.length > 0 ? told : [`… ${describePoint(last.operations[0] as number, objects)}`];
    rows.push({ steps: range(from + 1, length), task: schedule.tasks[task] as string, lines });
    from += length;
  }
  return rows;
}

function stepRows({ trace, objects }: Finding): Row[] {
  return trace.map((step, at) => {
    const [announced, ...noted] = step.operations;
    const choices = step.choices.length > 0 ? [`chose ${step.choices.join(', ')}`] : [];
    const lines = [
      describePoint(announced as number, objects),
      ...[...new Set(noted)].map((point) => `  ${describePoint(point, objects)}`),
      ...choices,
      ...step.told,
    ];
    return { steps: String(at + 1), task: step.task, lines };
  });
}

function range(from: number, length: number): string {
  return length === 1 ? String(from) : `${from}-${from + length - 1}`;
}
