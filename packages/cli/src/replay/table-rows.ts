/** What the table of a replay says, line by line: a value for each report, in sections. Nothing here draws. */
import { formatBytes, formatCount } from '../sizes.ts';
import { fidelityRows } from './fidelity/rows.ts';
import type { DeviceReport, ReplayReport } from './report.ts';

/** How a value strikes the reader. */
export type Tone = 'good' | 'bad' | 'plain';

export interface TableValue {
  readonly text: string;
  readonly tone: Tone;
}

/** A heading, or a line under the heading before it. */
export type TableRow =
  | { readonly kind: 'section'; readonly title: string }
  | { readonly kind: 'values'; readonly label: string; readonly values: readonly TableValue[] };

type Read<T> = (from: T) => number;
type Counters = Readonly<Record<string, number>>;

export function tableRows(reports: readonly ReplayReport[]): TableRow[] {
  return [
    ...outcome(reports),
    ...events(reports),
    ...counters('page faults', reports, ({ faults }) => faults),
    ...counters(
      'swap, pages',
      reports,
      ({ swap: { pagesOut = 0, pagesIn = 0 } }) => ({ 'written out': pagesOut, 'read back': pagesIn }),
      'all',
    ),
    ...counters('reclaim, pages', reports, ({ reclaim: { pinned: _pinned, ...others } }) => others),
    ...counters('notifier calls', reports, ({ notifier }) => notifier.calls),
    ...counters('invalidations by event', reports, ({ notifier }) => notifier.events),
    ...devices(reports),
    ...pins(reports),
    ...fidelityRows(reports),
    ...layout(reports),
    ...verdicts(reports),
    ...timing(reports),
  ];
}

function outcome(reports: readonly ReplayReport[]): TableRow[] {
  return [
    section('replay'),
    line('outcome', reports, ({ outcome: { kind } }) =>
      kind === 'complete' ? good('complete') : bad(kind.replaceAll('-', ' ')),
    ),
    line('memory', reports, ({ machine }) => plain(formatBytes(machine.ramBytes))),
    ...(reports.every(({ machine }) => machine.memoryMax === undefined)
      ? []
      : [line('limit of the cgroup', reports, ({ machine }) => plain(formatBytes(machine.memoryMax ?? 0)))]),
    line('swap space', reports, ({ machine }) => plain(formatBytes(machine.swapBytes))),
  ];
}

function events(reports: readonly ReplayReport[]): TableRow[] {
  const leftOut = counters('left out', reports, ({ events: { leftOut: here }, recording }) => ({
    ...recording.unsupportedCalls,
    ...here,
  })).slice(1);
  return [
    section('events'),
    count('of the recording', reports, (report) => report.events.total),
    count('replayed', reports, (report) => report.events.replayed),
    count('accesses by the CPU', reports, ({ accesses }) => accesses.byCpu),
    count('accesses by devices', reports, ({ accesses }) => accesses.byDevices),
    count('calls', reports, (report) => report.events.calls),
    ...leftOut.map((row) => (row.kind === 'values' ? { ...row, label: `left out: ${row.label}` } : row)),
  ];
}

/** One section per device: the same devices stand in every report, in the same order. */
function devices(reports: readonly ReplayReport[]): TableRow[] {
  const [first] = reports;
  return (first?.devices ?? []).flatMap(({ name }, index) => {
    const of = (report: ReplayReport): DeviceReport => report.devices[index] as DeviceReport;
    const read = (label: string, pick: Read<DeviceReport>): TableRow =>
      count(label, reports, (report) => pick(of(report)));
    const refused = counters('', reports, (report) => of(report).refused).slice(1);
    return [
      section(`device ${name}`),
      read('accesses', ({ accesses }) => accesses),
      ...refused.map((row) => (row.kind === 'values' ? { ...row, label: `refused: ${row.label}` } : row)),
      read('translations established', ({ translationsEstablished }) => translationsEstablished),
      read('translations invalidated', ({ translationsInvalidated }) => translationsInvalidated),
      read('translations refaulted', ({ translationsRefaulted }) => translationsRefaulted),
      ...(reports.some(({ machine }) => machine.pinned)
        ? [read('accesses to stale pages', ({ staleAccesses }) => staleAccesses)]
        : []),
    ];
  });
}

function pins(reports: readonly ReplayReport[]): TableRow[] {
  return [
    section('pages pinned'),
    line('at most', reports, ({ pins: { peak }, machine }) => {
      const share = Math.round((peak * 4096 * 100) / machine.ramBytes);
      return plain(peak === 0 ? '0' : `${formatCount(peak)} (${share} % of memory)`);
    }),
    count('in all', reports, (report) => report.pins.taken),
    count('met by reclaim', reports, ({ reclaim }) => reclaim['pinned'] ?? 0),
  ];
}

/** Nothing without a maps file beside the recording. */
function layout(reports: readonly ReplayReport[]): TableRow[] {
  if (reports.every(({ maps }) => maps === undefined)) return [];
  return [
    section('layout beside the maps file'),
    line('areas equal', reports, ({ maps = [] }) => {
      const equal = maps.reduce((sum, comparison) => sum + comparison.equal, 0);
      const all = maps.reduce((sum, { recorded }) => sum + recorded, 0);
      const amiss = maps.some(({ missing, surplus }) => missing.length + surplus.length > 0);
      return { text: `${formatCount(equal)} of ${formatCount(all)}`, tone: amiss ? 'plain' : 'good' };
    }),
    line('pages of each kind', reports, ({ maps = [] }) => {
      const amiss = maps.reduce((sum, { pages }) => sum + pages.missing + pages.surplus, 0);
      return amiss === 0 ? good('equal') : bad(counted(amiss, 'differs', 'differ'));
    }),
  ];
}

function verdicts(reports: readonly ReplayReport[]): TableRow[] {
  const checked = reports.some(({ machine }) => machine.oracles === 'on');
  return [
    section('verdicts'),
    ...(checked ? [count('loads verified', reports, ({ accesses }) => accesses.verifiedLoads)] : []),
    line('oracles', reports, ({ machine, violations }) => {
      if (violations.length > 0) return bad(counted(violations.length, 'violation'));
      return machine.oracles === 'on' ? good('nothing found') : plain('off');
    }),
    line('unlike the recorded system', reports, ({ differences: { count: n } }) =>
      n === 0 ? good('0') : bad(formatCount(n)),
    ),
    line('ground truth', reports, ({ groundTruth, outcome: { kind } }) => {
      if (kind !== 'complete' && groundTruth === undefined) return plain('not compared');
      if (groundTruth === undefined) return plain('none');
      return groundTruth.equal
        ? good('equal')
        : bad(counted(groundTruth.differences.length, 'count differs', 'counts differ'));
    }),
  ];
}

function timing(reports: readonly ReplayReport[]): TableRow[] {
  return [
    section('time'),
    line('seconds', reports, (report) => plain(report.timing.seconds.toFixed(2))),
    count('events per second', reports, (report) => report.timing.eventsPerSecond),
  ];
}

/** A section of counters under their own names; those that are 0 everywhere are left out, unless `show` says otherwise. */
function counters(
  title: string,
  reports: readonly ReplayReport[],
  read: (report: ReplayReport) => Counters,
  show: 'some' | 'all' = 'some',
): TableRow[] {
  const names = [...new Set(reports.flatMap((report) => Object.keys(read(report))))];
  const shown = names.filter((name) => show === 'all' || reports.some((report) => (read(report)[name] ?? 0) > 0));
  if (shown.length === 0) return [];
  return [section(title), ...shown.map((name) => count(words(name), reports, (report) => read(report)[name] ?? 0))];
}

function section(title: string): TableRow {
  return { kind: 'section', title };
}

function count(label: string, reports: readonly ReplayReport[], read: Read<ReplayReport>): TableRow {
  return line(label, reports, (report) => plain(formatCount(read(report))));
}

function line(label: string, reports: readonly ReplayReport[], read: (report: ReplayReport) => TableValue): TableRow {
  return { kind: 'values', label, values: reports.map(read) };
}

function counted(n: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}

/** `copyOnWrite` as `copy on write`; names in capitals and names with blanks stay as they are. */
function words(name: string): string {
  return /^[a-z]+([A-Z][a-z]+)+$/.test(name) ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : name;
}

function plain(text: string): TableValue {
  return { text, tone: 'plain' };
}

function good(text: string): TableValue {
  return { text, tone: 'good' };
}

function bad(text: string): TableValue {
  return { text, tone: 'bad' };
}
