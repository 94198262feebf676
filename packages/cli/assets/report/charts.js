/* The charts: lines for what there is, bars for what happened in each interval. */

/** Bars of one chart: fewer where the run was not looked at so often. */
const BARS = 60;
const PALETTE = ['blue', 'orange', 'green', 'pink', 'sky', 'yellow', 'grey'];
/** Kinds that look the same in every run. */
const KIND_COLOURS = {
  anonymous: 'blue',
  zeroPage: 'sky',
  file: 'green',
  copyOnWrite: 'pink',
  swapIn: 'orange',
  reuse: 'grey',
  sharedWrite: 'yellow',
  UNMAP: 'blue',
  CLEAR: 'orange',
  PROTECTION_VMA: 'green',
  PROTECTION_PAGE: 'pink',
  RELEASE: 'grey',
  'written out': 'orange',
  'read back': 'blue',
  made: 'green',
  dropped: 'pink',
};

const sync = window.uPlot ? uPlot.sync('run') : undefined;
let drawn = [];

function drawCharts(run) {
  for (const plot of drawn) plot.destroy();
  drawn = [];
  const into = document.getElementById('charts');
  into.replaceChildren(
    memoryChart(run),
    barChart(run, 'Page faults', 'by what they turned out to be', run.faults, 'faults', ['Nothing faulted.']),
    barChart(
      run,
      'Swap traffic',
      'pages written out (up), read back (down)',
      run.swapTraffic,
      'pages',
      noSwap(run),
      'mirror',
    ),
    barChart(run, 'Notifier ranges', 'what devices were told to drop', run.ranges, 'ranges', noDevice(run)),
    ...run.devices.map((device) => deviceChart(run, device)),
  );
  // Two in a row, under the one that has a row of its own.
  if (into.children.length % 2 === 0) into.lastElementChild.classList.add('wide');
  for (const plot of drawn) plot.setSize(sizeIn(plot.root.parentElement));
}

function deviceChart(run, { name, established, invalidated }) {
  const counts = {};
  if (established.at(-1) > 0) counts.made = established;
  if (invalidated.at(-1) > 0) counts.dropped = invalidated;
  const about = 'made by its faults (up), dropped by invalidations (down)';
  return barChart(run, `Translations of ${name}`, about, counts, 'translations', [`${name} made none.`], 'mirror');
}

function noSwap(run) {
  if (run.swapPages === 0) return ['This machine has no swap space.'];
  return ['Nothing was swapped: memory sufficed. Under pressure: ', element('code', {}, '--ram 25%')];
}

function noDevice(run) {
  if (run.pinned) return ['Devices hold their pages instead of being told: no notifier is registered.'];
  if (run.devices.length > 0) return ['No notifier range: nothing that the device may have mapped was changed.'];
  return [
    'No device was attached, so nobody listens. Replay with ',
    element('code', {}, '--attach kvm'),
    ' to see it.',
  ];
}

function card(title, about, ...children) {
  return element(
    'figure',
    { class: 'card chart', style: 'margin:0' },
    element('h3', {}, title),
    element('p', { class: 'about' }, about),
    ...children,
  );
}

/** In a machine with far more memory than is used, the line of what is free would press all others to the ground. */
function freeFits(run) {
  return Math.max(...run.free) <= 8 * Math.max(...run.resident, ...run.swapped);
}

function memoryChart(run) {
  const lines = [
    { name: 'resident', values: run.resident, stroke: 'blue', fill: true },
    { name: 'swapped', values: run.swapped, stroke: 'orange', width: 2 },
    ...run.devices.map(({ name, live }, index) => ({
      name: `mapped by ${name}`,
      values: live,
      stroke: ['green', 'pink', 'yellow'][index % 3],
      dash: index === 0 ? [6, 3] : [2, 3],
    })),
    ...(freeFits(run) ? [{ name: 'free frames', values: run.free, stroke: 'grey', dash: [2, 4], width: 1.2 }] : []),
  ].filter(({ name, values }) => name === 'resident' || values.some((value) => value > 0));
  const host = element('div');
  const about = `pages of 4 KiB; the machine has ${full(run.frames)} frames (${pagesAsBytes(run.frames)})`;
  const shown = card('Pages', about, host);
  shown.classList.add('wide');
  plotIn(
    host,
    'pages',
    'at most',
    describeLast(lines, run),
    [run.events, ...lines.map(({ values }) => values)],
    [
      ...lines.map(({ name, values, stroke, fill, dash, width }) => ({
        label: name,
        stroke: () => colour(stroke),
        width: width ?? 1.6,
        ...(dash ? { dash } : {}),
        ...(fill ? { fill: () => `color-mix(in srgb, ${colour(stroke)} 14%, transparent)` } : {}),
        points: { show: run.events.length < 3 },
        value: (_, value) => full(value ?? Math.max(0, ...values)),
      })),
    ],
  );
  const picked = pick(run.events.length, 40);
  shown.append(
    numbersTable(
      'These numbers as a table',
      ['event', ...lines.map(({ name }) => name)],
      picked.map((index) => [full(run.events[index]), ...lines.map(({ values }) => full(values[index]))]),
    ),
  );
  return shown;
}

function describeLast(lines, run) {
  const most = lines.map(({ name, values }) => `${name} at most ${full(Math.max(0, ...values))}`);
  return `Chart of pages over ${full(run.events.at(-1) ?? 0)} events: ${most.join(', ')}.`;
}

/** @param way - `stack`: one on the other; `mirror`: the second grows downwards, since the sum of both says nothing. */
function barChart(run, title, about, counts, unit, empty, way = 'stack') {
  const names = Object.keys(counts);
  if (names.length === 0) return card(title, about, element('p', { class: 'empty' }, ...empty));
  const bins = binsOf(run.events);
  const perBin = names.map((name) => bins.map(([from, to]) => counts[name][to] - counts[name][from]));
  const mirrored = way === 'mirror' && names.length === 2;
  const heights = mirrored ? [perBin[0], perBin[1].map((value) => -value)] : stack(perBin);
  const width = run.events.at(-1) / bins.length;
  const middles = bins.map(([from, to]) => (run.events[from] + run.events[to]) / 2);
  const host = element('div');
  const total = names.map((name) => `${full(counts[name].at(-1))} ${words(name)}`).join(', ');
  const shown = card(title, `${about}; in each ${full(Math.round(width))} events`, host);
  // The tallest sum is drawn first, the others over it.
  const order = names.map((_, index) => index);
  if (!mirrored) order.reverse();
  plotIn(
    host,
    unit,
    'in all',
    `Chart of ${title.toLowerCase()} over the run: ${total} in all.`,
    [middles, ...order.map((index) => heights[index])],
    order.map((index) => ({
      label: words(names[index]),
      stroke: () => colourOf(names[index], index),
      fill: () => colourOf(names[index], index),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.86, 40], align: 0 }),
      points: { show: false },
      value: (_, __, ___, at) => full(at === null ? counts[names[index]].at(-1) : perBin[index][at]),
    })),
    [0, run.events.at(-1)],
  );
  shown.append(
    numbersTable(
      'These numbers as a table',
      ['events', ...names.map(words)],
      bins.map(([from, to], bin) => [
        `${full(run.events[from])} – ${full(run.events[to])}`,
        ...perBin.map((values) => full(values[bin])),
      ]),
    ),
  );
  return shown;
}

function colourOf(name, index) {
  return colour(KIND_COLOURS[name] ?? PALETTE[index % PALETTE.length]);
}

/** Pairs of samples that bound each bar. */
function binsOf(events) {
  const borders = [0];
  const last = events.at(-1);
  for (let bar = 1; bar <= BARS; bar++) {
    const wanted = (last * bar) / BARS;
    let at = borders.at(-1);
    while (at < events.length - 1 && events[at + 1] <= wanted) at++;
    if (bar === BARS) at = events.length - 1;
    if (at > borders.at(-1)) borders.push(at);
  }
  return borders.slice(1).map((to, index) => [borders[index], to]);
}

function stack(columns) {
  const sums = columns[0].map(() => 0);
  return columns.map((values) => values.map((value, at) => (sums[at] += value)));
}

function pick(length, most) {
  const step = Math.max(1, Math.ceil(length / most));
  const picked = [];
  for (let index = 0; index < length; index += step) picked.push(index);
  if (length > 0 && picked.at(-1) !== length - 1) picked.push(length - 1);
  return picked;
}

/** @param idle - What the legend's numbers are while nobody points at a moment. */
function plotIn(host, unit, idle, description, data, series, range) {
  const axis = {
    stroke: () => colour('soft'),
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    labelSize: 18,
    grid: { stroke: () => colour('grid'), width: 1 },
    ticks: { stroke: () => colour('grid'), width: 1, size: 4 },
    values: (_, ticks) =>
      ticks.map((tick) => (Number.isInteger(tick) || Math.abs(tick) >= 1000 ? short(Math.abs(tick)) : '')),
  };
  const plot = new uPlot(
    {
      ...sizeIn(host),
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false } },
      scales: {
        x: { time: false, ...(range ? { range: (_, min, max) => zoomed(data[0], min, max, range) } : {}) },
        y: { range: (_, min, max) => [Math.min(0, min * 1.06), Math.max(1, max * 1.06)] },
      },
      axes: [
        { ...axis, label: 'events of the recording', size: 34, space: 70 },
        { ...axis, label: unit, size: 46 },
      ],
      series: [
        { label: ' ', value: (_, value) => (value === null ? idle : `at event ${full(Math.round(value))}`) },
        ...series,
      ],
      legend: { markers: { width: 0, fill: (u, i) => markerColour(u, i) } },
    },
    data,
    host,
  );
  plot.root.querySelector('canvas').setAttribute('role', 'img');
  plot.root.querySelector('canvas').setAttribute('aria-label', description);
  drawn.push(plot);
}

/** The whole run, until somebody zooms in. */
function zoomed(xs, min, max, whole) {
  return min === xs[0] && max === xs.at(-1) ? whole : [min, max];
}

function markerColour(plot, index) {
  const { stroke } = plot.series[index];
  return typeof stroke === 'function' ? stroke() : stroke;
}

function sizeIn(host) {
  return { width: Math.max(240, host.clientWidth || 600), height: window.innerWidth < 820 ? 210 : 250 };
}

window.addEventListener('resize', () => {
  for (const plot of drawn) plot.setSize(sizeIn(plot.root.parentElement));
});
