/** The table's lines about fidelity. */
import { formatCount } from '../../sizes.ts';
import type { ReplayReport } from '../report.ts';
import type { TableRow, TableValue } from '../table-rows.ts';
import type { Counted, FidelityReport, Paired } from './report.ts';

/** Nothing without `--fidelity`, which makes one report. */
export function fidelityRows([report]: readonly ReplayReport[]): TableRow[] {
  const found = report?.fidelity;
  if (found === undefined) return [];
  return [
    ...paired('faults that were recorded', found.faults, found.faultsByKind),
    line('page there on one side only', formatCount(found.presenceDiffers)),
    ...paired('notifier ranges, by cause', found.invalidations, found.invalidationsByCause),
    line('in another address space', formatCount(found.otherSpace)),
    line('before the recorded KVM was there', formatCount(found.unwatched)),
    line('outside of calls and faults', formatCount(found.outside), found.outside === 0 ? 'good' : 'bad'),
    ...reclaim(found),
  ];
}

function paired(title: string, total: Paired, by: Readonly<Record<string, Paired>>): TableRow[] {
  const rows = Object.entries(by).map(([name, counts]) => pairedLine(name, counts));
  return [{ kind: 'section', title }, ...rows, pairedLine('all', total)];
}

function pairedLine(label: string, { recorded, matched, missing, surplus }: Paired): TableRow {
  const percent = recorded === 0 ? '' : ` (${((matched * 100) / recorded).toFixed(2)} %)`;
  const text = `${formatCount(matched)} of ${formatCount(recorded)}${percent}`;
  const rest = [
    missing > 0 ? `${formatCount(missing)} missing` : '',
    surplus > 0 ? `${formatCount(surplus)} surplus` : '',
  ];
  const amiss = rest.filter((part) => part !== '').join(', ');
  return line(label, amiss === '' ? text : `${text}, ${amiss}`, amiss === '' ? 'good' : 'bad');
}

function reclaim({ reclaim: ranges, agings, refaults, elsewhere }: FidelityReport): TableRow[] {
  const both = (label: string, { recorded, model }: Counted): TableRow =>
    line(label, `${formatCount(recorded)} recorded, ${formatCount(model)} here`);
  return [
    { kind: 'section', title: 'reclaim, not paired' },
    both('notifier ranges', ranges),
    both('questions about age', agings),
    both('pages that came back', refaults),
    ...(elsewhere === 0 ? [] : [line('pages of the cgroup that are not recorded', formatCount(elsewhere))]),
  ];
}

function line(label: string, text: string, tone: TableValue['tone'] = 'plain'): TableRow {
  return { kind: 'values', label, values: [{ text, tone }] };
}
