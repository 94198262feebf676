/** The table that a replay ends with: for people, and for pipes, where it has neither colours nor a width to keep. */
import CliTable from 'cli-table3';
import { formatBytes, formatCount } from '../sizes.ts';
import { remarks } from './remarks.ts';
import type { ReplayReport } from './report.ts';
import { type TableRow, type Tone, tableRows } from './table-rows.ts';

const CODES: Readonly<Record<Tone | 'title', string>> = { good: '32', bad: '31', plain: '', title: '1' };
const LABEL_LEAST = 12;
const GAP = 2;

/** No lines: blanks tell columns apart. */
const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

type Paint = (text: string, how: Tone | 'title') => string;

/**
 * One report, or two side by side: with notifiers, and with pinned pages.
 *
 * @param columns - Width of the terminal; absent where there is none.
 */
export function renderReports(reports: readonly ReplayReport[], columns: number | undefined): string {
  const noColor = process.env['NO_COLOR'] ?? '';
  const paint: Paint = columns === undefined || noColor !== '' ? (text) => text : colour;
  const rows = tableRows(reports);
  const heads = reports.length > 1 ? reports.map(({ machine }) => (machine.pinned ? 'pinned pages' : 'notifiers')) : [];
  const width = labelWidth(rows, heads, columns);
  const table = new CliTable({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
    colAligns: ['left', ...reports.map(() => 'right' as const)],
    ...(width === undefined ? {} : { colWidths: [width, ...reports.map(() => null)], wordWrap: true }),
  });
  if (heads.length > 0) table.push(['', ...heads.map((head) => paint(head, 'title'))]);
  for (const row of rows) table.push(cells(row, reports.length, paint));
  const body = table.toString().split('\n').map(trimEnd).join('\n');
  const after = remarks(reports).map((remark) => `${remark}\n`);
  return `${header(reports)}\n\n${body}\n${after.length === 0 ? '' : '\n'}${after.join('')}`;
}

function cells(row: TableRow, values: number, paint: Paint): (string | { content: string; colSpan: number })[] {
  if (row.kind === 'section') return [{ content: paint(row.title, 'title'), colSpan: values + 1 }];
  return [`  ${row.label}`, ...row.values.map(({ text, tone }) => paint(text, tone))];
}

/** `undefined` where everything fits. */
function labelWidth(
  rows: readonly TableRow[],
  heads: readonly string[],
  columns: number | undefined,
): number | undefined {
  if (columns === undefined) return undefined;
  const widths = heads.map((head) => head.length);
  let label = 0;
  for (const row of rows) {
    if (row.kind === 'section') continue;
    label = Math.max(label, row.label.length + 2);
    row.values.forEach(({ text }, index) => (widths[index] = Math.max(widths[index] ?? 0, text.length)));
  }
  const values = widths.reduce((sum, width) => sum + width + GAP, 0);
  return label + GAP + values <= columns ? undefined : Math.max(LABEL_LEAST, columns - values);
}

function header([first]: readonly ReplayReport[]): string {
  if (first === undefined) return '';
  const { recording, machine, measured } = first;
  const packing = recording.compression === 'none' ? '' : `, ${recording.compression}`;
  const share =
    machine.ramPercent === undefined || measured === undefined
      ? ''
      : `\n${machine.ramPercent} % of ${formatCount(measured.residentPages)} pages, and ${formatBytes(machine.reserveBytes)} for page tables and the kernel`;
  return `${recording.path} (${recording.format}${packing}, ${formatBytes(recording.bytes)})${share}`;
}

function colour(text: string, how: Tone | 'title'): string {
  const code = CODES[how];
  return code === '' ? text : `\u001b[${code}m${text}\u001b[0m`;
}

function trimEnd(line: string): string {
  return line.trimEnd();
}
