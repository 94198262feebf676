// The picture of the README: the bundled recording, replayed with notifiers and with pins on less and less memory.
//
//     npx nx run @mmu-notifier/readme:chart      writes docs/images/redis-memory.svg
//
// Every number in it is a counter of a replay, so it is the same on every machine.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { View, parse } from 'vega';
import { compile } from 'vega-lite';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RECORDING = 'packages/trace/recordings/redis/lackey.txt.xz';
const PICTURE = 'docs/images/redis-memory.svg';
const PERCENTS = [100, 75, 60, 50, 40, 30, 25, 20, 15];

const NOTIFIERS = '#0b63b5';
const PINS = '#c2410c';
const SWAP = '#64748b';
const INK = '#1f2937';

const runs = PERCENTS.map((percent) => {
  process.stderr.write(`replaying with ${percent} % of the memory\n`);
  return { percent, ...replay(percent) };
});
const spec = compile(chart(runs)).spec;
const svg = await new View(parse(spec), { renderer: 'none' }).toSVG();
writeFileSync(`${ROOT}${PICTURE}`, `${svg}\n`);
process.stderr.write(`wrote ${PICTURE}\n`);

function replay(percent) {
  const args = ['packages/cli/dist/main.js', 'replay', RECORDING, '--attach', 'kvm', '--ram', `${percent}%`];
  const { status, stdout } = spawnSync(process.execPath, [...args, '--compare-pin', '--json'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the replay with ${percent} % ended with status ${status}`);
  return JSON.parse(stdout);
}

function chart(comparisons) {
  const worlds = comparisons.flatMap(({ percent, notifiers, pinned }) => [
    { percent, world: 'MMU notifiers', ...progress(notifiers) },
    { percent, world: 'pinned pages', ...progress(pinned) },
  ]);
  const prices = comparisons.flatMap(({ percent, notifiers }) => {
    const [device] = notifiers.devices;
    return [
      { percent, what: 'translations invalidated', pages: device.translationsInvalidated },
      { percent, what: 'translations refaulted', pages: device.translationsRefaulted },
      { percent, what: 'pages read from swap', pages: notifiers.swap.pagesIn },
      { percent, what: 'pages written to swap', pages: notifiers.swap.pagesOut },
    ];
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: '#ffffff',
    padding: { left: 14, top: 14, right: 22, bottom: 16 },
    title: {
      text: 'Redis on less and less memory, KVM attached',
      subtitle: '2.0 million recorded memory accesses and calls; KVM makes one access in four',
      anchor: 'start',
      fontSize: 16,
      subtitleFontSize: 12,
      subtitleColor: SWAP,
      offset: 14,
    },
    spacing: 84,
    bounds: 'flush',
    resolve: { scale: { color: 'independent', strokeDash: 'independent', x: 'independent', y: 'independent' } },
    hconcat: [
      panel('How far the run gets', worlds, {
        y: { field: 'replayed', title: 'recording replayed (%)', domain: [0, 100] },
        series: 'world',
        colors: { 'MMU notifiers': NOTIFIERS, 'pinned pages': PINS },
        dashes: {},
        marks: [
          {
            transform: [{ filter: 'datum.killed' }],
            mark: { type: 'point', shape: 'cross', angle: 45, size: 110, filled: true, color: PINS, opacity: 1 },
          },
          note('MMU notifiers: to the end', 70, 94, NOTIFIERS),
          note('pinned pages', 98, 93, PINS),
          note('✕ killed: no memory', 55, 41, PINS),
        ],
      }),
      panel('What notifiers do instead', prices, {
        y: { field: 'pages', title: 'pages of 4 KiB', domain: [0, 8000] },
        series: 'what',
        colors: {
          'translations invalidated': NOTIFIERS,
          'translations refaulted': NOTIFIERS,
          'pages read from swap': SWAP,
          'pages written to swap': SWAP,
        },
        dashes: { 'translations refaulted': [5, 3], 'pages written to swap': [5, 3] },
        marks: [],
        legend: true,
      }),
    ],
    config: {
      font: 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif',
      view: { stroke: null },
      title: { color: INK },
      legend: { labelColor: INK },
      axis: {
        labelColor: INK,
        titleColor: INK,
        titleFontWeight: 'normal',
        labelFontSize: 12,
        titleFontSize: 12,
        gridColor: '#e5e7eb',
        domainColor: '#9ca3af',
        tickColor: '#9ca3af',
      },
    },
  };
}

function progress({ events, outcome }) {
  return { replayed: (100 * events.replayed) / events.total, killed: outcome.kind === 'out-of-memory' };
}

function panel(title, values, { y, series, colors, dashes, marks, legend = false }) {
  const names = Object.keys(colors);
  const key = legend
    ? {
        orient: 'none',
        legendX: 12,
        legendY: 8,
        title: null,
        labelFontSize: 12,
        labelLimit: 0,
        symbolType: 'stroke',
        symbolSize: 400,
        rowPadding: 4,
      }
    : null;
  return {
    width: 310,
    height: 230,
    title: { text: title, anchor: 'start', fontSize: 13, fontWeight: 600, offset: 8 },
    data: { values },
    encoding: {
      x: {
        field: 'percent',
        type: 'quantitative',
        title: 'memory (% of peak use)',
        scale: { domain: [100, 15], nice: false, zero: false },
        axis: { values: [100, 75, 50, 25, 15], grid: false },
      },
      y: { field: y.field, type: 'quantitative', title: y.title, scale: { domain: y.domain } },
      color: { field: series, type: 'nominal', scale: { domain: names, range: Object.values(colors) }, legend: key },
      strokeDash: {
        field: series,
        type: 'nominal',
        scale: { domain: names, range: names.map((name) => dashes[name] ?? [1, 0]) },
        legend: key,
      },
    },
    layer: [
      { mark: { type: 'line', strokeWidth: 2.5 } },
      { mark: { type: 'point', filled: true, size: 36, opacity: 1 }, encoding: { strokeDash: null } },
      ...marks,
    ],
  };
}

/** Text at a place of the panel, in its units. */
function note(text, percent, value, color) {
  return {
    data: { values: [{ percent, value }] },
    mark: { type: 'text', text, align: 'left', baseline: 'middle', color, fontSize: 12, fontWeight: 600 },
    encoding: { y: { field: 'value', type: 'quantitative' }, color: null, strokeDash: null },
  };
}
