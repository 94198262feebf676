/* The map: a row for each mapping, a cell for each page, a moment of the run on the slider. */

/** By number in the data; each has a shape beside its colour. */
const STATES = [
  { name: 'mapped, nothing there', colour: 'cell', shape: 'full' },
  { name: 'swapped', colour: 'orange', shape: 'frame' },
  { name: 'resident', colour: 'blue', shape: 'full' },
  { name: 'resident and mapped by a device', colour: 'green', shape: 'dot' },
  { name: 'pinned', colour: 'pink', shape: 'bar' },
];
const CELL = 9;
const GAP = 1;
/** Mappings that are drawn; the table has those behind them. */
const MOST_ROWS = 500;
/** More pages than this share cells. */
const MOST_CELLS = 2048;

let playing;

function drawMap(run) {
  clearInterval(playing);
  playing = undefined;
  const into = document.getElementById('map');
  into.replaceChildren();
  const { pictures } = run.album;
  const names = processNames(pictures);
  if (names.length === 0) {
    into.append(element('p', { class: 'empty' }, 'Nothing was mapped.'));
    return;
  }
  const state = { run, name: biggest(run.album, names), shots: [], index: 0 };
  const tabs = element('div', { class: 'tabs', role: 'group', 'aria-label': 'Process' });
  const slider = element('input', { type: 'range', min: '0', 'aria-label': 'Moment of the run' });
  const play = element('button', { type: 'button' }, '▶ Play');
  const when = element('output', {});
  const key = element('ul', { class: 'key', 'aria-label': 'Pages of this process by state' });
  const rows = element('div', {});
  const numbers = element('div', {});
  const view = { slider, play, when, key, rows, numbers };
  for (const name of names) {
    const button = element('button', { type: 'button', 'aria-pressed': String(name === state.name) }, name);
    button.addEventListener('click', () => {
      for (const other of tabs.children) other.setAttribute('aria-pressed', String(other === button));
      choose(state, name, view);
    });
    tabs.append(button);
  }
  slider.addEventListener('input', () => {
    state.index = Number(slider.value);
    show(state, view);
  });
  play.addEventListener('click', () => toggle(state, view));
  into.append(
    element(
      'div',
      { class: 'card map' },
      element('div', { class: 'controls' }, ...(names.length > 1 ? [tabs] : []), play, slider, when),
      key,
      rows,
      numbers,
    ),
  );
  choose(state, state.name, view);
}

function processNames(pictures) {
  return [...new Set(pictures.flatMap(({ processes }) => processes.map(({ name }) => name)))];
}

/** The process with the most pages at its peak is what a reader wants to see first. */
function biggest(album, names) {
  const peak = Object.fromEntries(names.map((name) => [name, 0]));
  for (const { processes } of album.pictures)
    for (const { name, areas } of processes) peak[name] = Math.max(peak[name], sum(countStates(album, areas).slice(1)));
  return names.reduce((best, name) => (peak[name] > peak[best] ? name : best), names[0]);
}

function sum(values) {
  return values.reduce((total, n) => total + n, 0);
}

/** Opens at the moment with most to see that is late in the run. */
function choose(state, name, view) {
  const { pictures } = state.run.album;
  state.name = name;
  state.shots = pictures
    .filter((picture) => picture.processes.some((process) => process.name === name && process.areas.length > 0))
    .filter(({ exit }) => exit === undefined || exit === name);
  state.index = Math.max(0, state.shots.length - 1);
  view.slider.max = String(Math.max(0, state.shots.length - 1));
  view.slider.value = String(state.index);
  view.slider.disabled = view.play.disabled = state.shots.length < 2;
  show(state, view);
}

function toggle(state, view) {
  if (playing !== undefined) {
    clearInterval(playing);
    playing = undefined;
    view.play.textContent = '▶ Play';
    return;
  }
  view.play.textContent = '❚❚ Pause';
  if (state.index >= state.shots.length - 1) state.index = -1;
  playing = setInterval(() => {
    if (state.index >= state.shots.length - 1) {
      toggle(state, view);
      return;
    }
    state.index++;
    view.slider.value = String(state.index);
    show(state, view);
  }, 260);
}

function countStates({ areas, rows }, pairs) {
  const counts = STATES.map(() => 0);
  for (const [area, row] of pairs) {
    let seen = 0;
    const runs = rows[row];
    for (let i = 0; i < runs.length; i += 3) {
      counts[runs[i + 2]] += runs[i + 1];
      seen += runs[i + 1];
    }
    counts[0] += areas[area].pages - seen;
  }
  return counts;
}

function show(state, { when, key, rows, numbers, slider }) {
  const { album } = state.run;
  const shot = state.shots[state.index];
  const pairs = shot?.processes.find(({ name }) => name === state.name)?.areas ?? [];
  when.textContent = shot === undefined ? '' : moment(shot);
  slider.setAttribute('aria-valuetext', when.textContent);
  const counts = countStates(album, pairs);
  key.replaceChildren(
    ...STATES.map(({ name }, index) => {
      const swatch = element('canvas', { width: '12', height: '12', 'aria-hidden': 'true' });
      paintSwatch(swatch, index);
      return element('li', {}, swatch, `${name} `, element('b', {}, full(counts[index])));
    }),
  );
  const described = pairs.map(([area, row]) => ({ area: album.areas[area], runs: album.rows[row] }));
  const there = described.filter(({ runs }) => runs.length > 0);
  const nothing = described.filter(({ runs }) => runs.length === 0);
  rows.replaceChildren(
    ...areaGroups(there.slice(0, MOST_ROWS)).map(areaGroup),
    ...beyond(there.length),
    ...(nothing.length > 0 ? [bareAreas(nothing)] : []),
  );
  for (const canvas of rows.querySelectorAll('canvas')) canvas.paint();
  const open = numbers.querySelector('details')?.open === true;
  numbers.replaceChildren(mapTable(described));
  numbers.querySelector('details').open = open;
}

function beyond(rows) {
  if (rows <= MOST_ROWS) return [];
  return [
    element('p', { class: 'empty' }, `${full(rows - MOST_ROWS)} more mappings have pages; the table below lists them.`),
  ];
}

function moment({ events, exit }) {
  return exit === undefined ? `after ${full(events)} events` : `after ${full(events)} events, as ${exit} exits`;
}

function label({ start, pages, prot, shared, file }) {
  const end = (BigInt(`0x${start}`) + BigInt(pages) * 4096n).toString(16);
  return {
    title: file ?? (shared ? 'anonymous, shared' : 'anonymous'),
    range: `${start}–${end}`,
    prot: `${prot}${shared ? 's' : 'p'}`,
    size: pagesAsBytes(pages),
  };
}

/** Neighbours that map one file, or are anonymous, stand under one heading. */
function areaGroups(areas) {
  const groups = [];
  for (const shown of areas) {
    const { title } = label(shown.area);
    if (groups.at(-1)?.title !== title) groups.push({ title, areas: [] });
    groups.at(-1).areas.push(shown);
  }
  return groups;
}

function areaGroup({ title, areas }) {
  const name = title.split('/').at(-1) || title;
  const folder = title.slice(0, title.length - name.length);
  return element(
    'section',
    { class: 'group', 'aria-label': title },
    element('h3', { title }, name, ' ', element('span', {}, folder)),
    ...areas.map(areaRow),
  );
}

function areaRow({ area, runs }) {
  const { title, range, prot, size } = label(area);
  const pagesPerCell = 2 ** Math.max(0, Math.ceil(Math.log2(area.pages / MOST_CELLS)));
  const cells = cellsOf(area.pages, runs, pagesPerCell);
  const canvas = element('canvas', { role: 'img', 'aria-label': `${range} of ${title}: ${inWords(area, runs)}` });
  canvas.paint = () => paintCells(canvas, cells);
  canvas.addEventListener('pointermove', (event) => tip(event, canvas, area, cells, pagesPerCell));
  canvas.addEventListener('pointerleave', () => (tipBox().hidden = true));
  const about = pagesPerCell === 1 ? size : `${size}, ${full(pagesPerCell)} pages a cell`;
  return element(
    'div',
    { class: 'area' },
    element(
      'div',
      { class: 'name' },
      element('code', {}, range),
      element('code', {}, prot),
      element('span', {}, about),
    ),
    element('div', {}, canvas),
  );
}

/** State and share of each cell: where pages share one, the state of most that are there. */
function cellsOf(pages, runs, pagesPerCell) {
  const length = Math.ceil(pages / pagesPerCell);
  const counts = STATES.map(() => new Uint32Array(length));
  for (let i = 0; i < runs.length; i += 3)
    for (let page = runs[i]; page < runs[i] + runs[i + 1]; page++)
      counts[runs[i + 2]][Math.floor(page / pagesPerCell)]++;
  return Array.from({ length }, (_, cell) => {
    let state = 0;
    let there = 0;
    for (let candidate = 1; candidate < STATES.length; candidate++) {
      there += counts[candidate][cell];
      if (counts[candidate][cell] > (state === 0 ? 0 : counts[state][cell])) state = candidate;
    }
    return { state, share: there / pagesPerCell };
  });
}

function paintCells(canvas, cells) {
  const width = canvas.parentElement.clientWidth;
  const step = CELL + GAP;
  const columns = Math.max(1, Math.floor((width + GAP) / step));
  const scale = window.devicePixelRatio || 1;
  canvas.columns = columns;
  const height = Math.ceil(cells.length / columns) * step;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  const paint = painter(context);
  cells.forEach(({ state, share }, index) => {
    paint(state, (index % columns) * step, Math.floor(index / columns) * step, CELL, share);
  });
}

function paintSwatch(canvas, state) {
  painter(canvas.getContext('2d'))(state, 0, 0, 12, 1);
}

function painter(context) {
  const colours = STATES.map(({ colour: name }) => colour(name));
  const onState = colour('on-state');
  return (state, x, y, size, share) => {
    const { shape } = STATES[state];
    context.globalAlpha = 1;
    context.fillStyle = colours[0];
    context.fillRect(x, y, size, size);
    if (state === 0) return;
    context.globalAlpha = 0.45 + 0.55 * Math.min(1, share);
    context.fillStyle = colours[state];
    context.fillRect(x, y, size, size);
    context.fillStyle = shape === 'frame' ? colours[0] : onState;
    const inner = size / 3;
    if (shape === 'frame') context.fillRect(x + 2, y + 2, size - 4, size - 4);
    if (shape === 'dot') context.fillRect(x + inner, y + inner, inner, inner);
    if (shape === 'bar') context.fillRect(x + 1, y + inner, size - 2, inner);
    context.globalAlpha = 1;
  };
}

function inWords(area, runs) {
  const counts = countStates({ areas: [area], rows: [runs] }, [[0, 0]]);
  return STATES.map(({ name }, index) => `${full(counts[index])} ${name}`)
    .filter((_, index) => counts[index] > 0)
    .join(', ');
}

function bareAreas(areas) {
  const pages = areas.reduce((total, { area }) => total + area.pages, 0);
  const rows = areas.map(({ area }) => {
    const { title, range, prot, size } = label(area);
    return [range, title, prot, size];
  });
  const title = `${full(areas.length)} ${areas.length === 1 ? 'mapping' : 'mappings'} without a page in memory or swap (${pagesAsBytes(pages)})`;
  return numbersTable(title, ['addresses', 'what', 'protection', 'size'], rows);
}

function mapTable(described) {
  const rows = described.map(({ area, runs }) => {
    const { title, range, prot } = label(area);
    const counts = countStates({ areas: [area], rows: [runs] }, [[0, 0]]);
    return [range, title, prot, ...counts.map(full)];
  });
  return numbersTable(
    'This map as a table',
    ['addresses', 'what', 'protection', ...STATES.map(({ name }) => name)],
    rows,
  );
}

function tipBox() {
  let box = document.getElementById('tip');
  if (box === null) {
    box = element('div', { id: 'tip', hidden: '' });
    document.body.append(box);
  }
  return box;
}

function tip(event, canvas, area, cells, pagesPerCell) {
  const box = tipBox();
  const step = CELL + GAP;
  const column = Math.floor(event.offsetX / step);
  const index = Math.floor(event.offsetY / step) * canvas.columns + column;
  const cell = cells[index];
  if (cell === undefined || column >= canvas.columns) {
    box.hidden = true;
    return;
  }
  const address = (BigInt(`0x${area.start}`) + BigInt(index * pagesPerCell) * 4096n).toString(16);
  const share =
    pagesPerCell === 1 ? '' : ` (${Math.round(cell.share * 100)} % of ${full(pagesPerCell)} pages are there)`;
  box.textContent = `0x${address}: ${STATES[cell.state].name}${share}`;
  box.hidden = false;
  box.style.left = `${Math.min(event.clientX + 12, window.innerWidth - box.offsetWidth - 8)}px`;
  box.style.top = `${event.clientY + 14}px`;
}

window.addEventListener('resize', () => {
  for (const canvas of document.querySelectorAll('.area canvas')) canvas.paint?.();
});
