/**
 * The page that shows a replay: one file, which loads nothing. Its text is made here and can be read without scripts;
 * charts and the map of memory are drawn by `assets/report/page.js` from the data that the page carries.
 *
 * Names in a recording are somebody else's: all text goes through `escape`, data through `embed`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readAsset } from '../../assets.ts';
import type { PlayedRun } from '../../replay/play-recording.ts';
import type { Paired } from '../../replay/fidelity/report.ts';
import { remarks } from '../../replay/remarks.ts';
import type { ReplayReport } from '../../replay/report.ts';
import { type TableRow, type TableValue, tableRows } from '../../replay/table-rows.ts';
import { formatBytes, formatCount } from '../../sizes.ts';
import { VERSION } from '../../version.ts';
import { runData } from './columns.ts';

/** In the order in which they need each other. */
const SCRIPTS = ['format.js', 'charts.js', 'memory-map.js', 'page.js'];

export function renderPage(runs: readonly PlayedRun[]): string {
  const reports = runs.map(({ report }) => report);
  const name = reports[0]?.recording.path.split(/[\\/]/).slice(-2).join('/') ?? '';
  return fill(readAsset('report/page.html'), {
    title: escape(`Replay of ${name}`),
    heading: escape(name),
    lead: escape(lead(reports)),
    chips: reports.map((report) => chips(report, reports.length > 1)).join(''),
    tiles: tiles(reports),
    remarks: remarkList(remarks(reports)),
    tables: tables(reports),
    version: escape(VERSION),
    styles: [library('uPlot.min.css'), readAsset('report/page.css')].map((style) => `<style>${style}</style>`).join(''),
    scripts: [
      `<script type="application/json" id="data">${embed({ runs: runs.map(runData) })}</script>`,
      `<script>${library('uPlot.iife.min.js')}</script>`,
      `<script>${SCRIPTS.map((file) => readAsset(`report/${file}`)).join('')}</script>`,
    ].join(''),
  });
}

/** Text that stands between tags or in an attribute. */
export function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (letter) => entities[letter] as string);
}

/** JSON inside a script element, which nothing in it can end. */
export function embed(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (letter) => {
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A function replaces, so that no text is taken for a pattern; what was put in is not looked at again. */
function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '');
}

function library(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`), 'utf8').trim();
}

function lead(reports: readonly ReplayReport[]): string {
  const [first] = reports;
  if (first === undefined) return '';
  const { machine, measured, events, devices, timing } = first;
  const share =
    machine.ramPercent === undefined || measured === undefined
      ? ''
      : ` (${machine.ramPercent} % of the ${formatCount(measured.residentPages)} pages that it needs at its peak)`;
  const who = devices.length === 0 ? 'no device' : devices.map(({ name }) => name).join(', ');
  const both = reports.length > 1 ? ', with notifiers and with pinned pages' : '';
  return (
    `${formatCount(events.total)} events replayed in ${timing.seconds.toFixed(1)} s on ${formatBytes(machine.ramBytes)} ` +
    `of memory${share}, ${who} attached${both}.`
  );
}

function remarkList(lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<ul class="remarks">${lines.map((line) => `<li>${escape(line)}</li>`).join('')}</ul>`;
}

function chips(report: ReplayReport, named: boolean): string {
  const where = !named ? '' : report.machine.pinned ? 'pinned pages: ' : 'notifiers: ';
  const rows = tableRows([report]);
  const shown = ['outcome', 'oracles', 'unlike the recorded system', 'ground truth'].map((label) => {
    const row = rows.find((candidate) => candidate.kind === 'values' && candidate.label === label);
    const value = row?.kind === 'values' ? row.values[0] : undefined;
    return value === undefined ? '' : chip(`${where}${label}`, value);
  });
  return [...shown, ...fidelityChips(report)].join('');
}

/** How much of what was recorded happened here too. */
function fidelityChips({ fidelity }: ReplayReport): string[] {
  if (fidelity === undefined) return [];
  const of = ({ recorded, matched, missing, surplus }: Paired): TableValue => ({
    text: `${formatCount(matched)} of ${formatCount(recorded)}`,
    tone: missing + surplus === 0 ? 'good' : 'bad',
  });
  return [chip('recorded faults', of(fidelity.faults)), chip('recorded notifier ranges', of(fidelity.invalidations))];
}

function chip(label: string, { text, tone }: TableValue): string {
  const mark = { good: '✓', bad: '!', plain: '–' }[tone];
  return `<li class="chip ${tone}"><span class="mark" aria-hidden="true">${mark}</span> ${escape(label)} <b>${escape(text)}</b></li>`;
}

function tiles([report]: readonly ReplayReport[]): string {
  if (report === undefined) return '';
  const { faults, swap, notifier, devices, events, fidelity } = report;
  const sum = (pick: (device: (typeof devices)[number]) => number): number =>
    devices.reduce((total, device) => total + pick(device), 0);
  const ranges = Object.values(notifier.events).reduce((total, n) => total + n, 0);
  const shown: [string, number, string][] = [
    ['events', events.replayed, 'replayed'],
    ['page faults', faults['total'] ?? 0, `${formatCount(faults['swapIn'] ?? 0)} of them from swap`],
    ['swapped out', swap['pagesOut'] ?? 0, `pages, ${formatCount(swap['pagesIn'] ?? 0)} read back`],
    ['notifier ranges', ranges, devices.length === 0 ? 'nobody listens' : 'opened and closed'],
  ];
  if (fidelity === undefined)
    shown.push([
      'translations dropped',
      sum(({ translationsInvalidated: n }) => n),
      devices.length === 0
        ? 'no device attached'
        : `of ${formatCount(sum(({ translationsEstablished: n }) => n))} made by devices`,
    ]);
  else
    shown.push([
      'pages that came back',
      fidelity.refaults.model,
      `${formatCount(fidelity.refaults.recorded)} recorded`,
    ]);
  return shown
    .map(
      ([label, n, note]) =>
        `<div class="tile"><dt>${escape(label)}</dt><dd>${formatCount(n)}</dd><dd class="note">${escape(note)}</dd></div>`,
    )
    .join('');
}

/** Each section of the summary is a table of its own. */
function tables(reports: readonly ReplayReport[]): string {
  const sections: { title: string; rows: TableRow[] }[] = [];
  for (const row of tableRows(reports)) {
    if (row.kind === 'section') sections.push({ title: row.title, rows: [] });
    else sections.at(-1)?.rows.push(row);
  }
  const heads = reports.map(({ machine }) => `<th scope="col">${machine.pinned ? 'pinned pages' : 'notifiers'}</th>`);
  const head = reports.length > 1 ? `<thead><tr><td></td>${heads.join('')}</tr></thead>` : '';
  return sections
    .map(({ title, rows }) => {
      const lines = rows.map(tableLine).join('');
      return `<table class="card"><caption>${escape(title)}</caption>${head}<tbody>${lines}</tbody></table>`;
    })
    .join('');
}

function tableLine(row: TableRow): string {
  if (row.kind === 'section') return '';
  const cells = row.values.map(({ text, tone }) => `<td class="${tone}">${escape(text)}</td>`);
  return `<tr><th scope="row">${escape(row.label)}</th>${cells.join('')}</tr>`;
}
