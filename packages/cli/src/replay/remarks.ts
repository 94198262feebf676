/** What a table cannot say in numbers: sentences below it, about what went wrong and what pins cost. */
import { formatBytes, formatCount } from '../sizes.ts';
import type { ReplayReport } from './report.ts';

const SHOWN_COUNTS = 5;

export function remarks(reports: readonly ReplayReport[]): string[] {
  return [...reports.flatMap((report) => ofOne(report, reports.length > 1)), ...comparison(reports)];
}

function ofOne(report: ReplayReport, named: boolean): string[] {
  const where = !named ? '' : report.machine.pinned ? 'With pins: ' : 'With notifiers: ';
  const found = [
    ...ending(report),
    ...violations(report),
    ...differences(report),
    ...truth(report),
    ...stale(report),
    ...trace(report),
    ...residues(report),
    ...areas(report),
  ];
  return found.map((text) => where + text);
}

function ending({ outcome, events }: ReplayReport): string[] {
  if (outcome.kind === 'complete') return [];
  const left = formatCount(events.total - events.replayed);
  const rest = `the ${left} events from there on were not replayed`;
  if (outcome.kind === 'violation')
    return events.total === events.replayed ? [] : [`stopped at event ${formatCount(outcome.event)}; ${rest}`];
  const pinned = outcome.pagesPinned === 0 ? '' : `, with ${formatCount(outcome.pagesPinned)} pages pinned`;
  return [`out of memory at event ${formatCount(outcome.event)}, in ${outcome.process}${pinned}; ${rest}`];
}

function violations(report: ReplayReport): string[] {
  return report.violations.map(({ oracle, message }) => `violation: ${oracle}: ${message}`);
}

function differences({ differences: { count, first } }: ReplayReport): string[] {
  const lines = first.map(({ event, message }) => `event ${formatCount(event)}: ${message}`);
  return count > first.length ? [...lines, `${formatCount(count - first.length)} more differences`] : lines;
}

function truth({ groundTruth }: ReplayReport): string[] {
  if (groundTruth === undefined || groundTruth.equal) return [];
  const { file, differences: found } = groundTruth;
  const lines = found
    .slice(0, SHOWN_COUNTS)
    .map(
      (count) => `${file}: ${count.name} is ${JSON.stringify(count.expected)}, found ${JSON.stringify(count.found)}`,
    );
  return found.length > SHOWN_COUNTS ? [...lines, `${found.length - SHOWN_COUNTS} more counts differ`] : lines;
}

/** What has no partner: the first few, with the lines of the recording. */
function residues({ fidelity, recording }: ReplayReport): string[] {
  return (fidelity?.residues ?? []).map(
    ({ kind, side, cause, line, process, start, end }) =>
      `${side}: ${recording.path}:${line}: ${kind} of ${process}, ${cause}: ${start} to ${end}`,
  );
}

/** Areas of a maps file that are not here, and those that are not in it. */
function areas({ maps = [] }: ReplayReport): string[] {
  return maps.flatMap(({ file, missing, surplus }) => [
    ...missing.map((area) => `only in ${file}: ${area}`),
    ...surplus.map((area) => `only here: ${area}`),
  ]);
}

/** Without notifiers nobody tells the device that a page went away. */
function stale({ devices }: ReplayReport): string[] {
  return devices
    .filter(({ staleAccesses }) => staleAccesses > 0)
    .map(
      ({ name, staleAccesses: n }) =>
        `${name} made ${formatCount(n)} accesses to pages that the process no longer had there`,
    );
}

function trace({ perfetto }: ReplayReport): string[] {
  if (perfetto === undefined) return [];
  const { file, events, bytes, leftOut } = perfetto;
  const without = leftOut === 0 ? '' : `; ${formatCount(leftOut)} slices behind them did not fit and were left out`;
  return [`${file}: ${formatCount(events)} trace events, ${formatBytes(bytes)}${without}`];
}

/** The reason why there are notifiers, in one sentence. */
function comparison(reports: readonly ReplayReport[]): string[] {
  const [notifiers, pinned] = reports;
  if (notifiers === undefined || pinned === undefined) return [];
  const { peak } = pinned.pins;
  const bytes = formatBytes(peak * 4096);
  return [
    `With pins, up to ${formatCount(peak)} pages (${bytes}) could not be reclaimed; with notifiers, up to ${formatCount(notifiers.pins.peak)}.`,
  ];
}
