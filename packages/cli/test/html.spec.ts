/** `replay --html`: one page, which says what the report says and loads nothing. */
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { type DefaultTreeAdapterTypes as Tree, parse } from 'parse5';
import type { ReplayComparison, ReplayReport } from '../src/replay/report.ts';
import { tableRows } from '../src/replay/table-rows.ts';
import type { RunData } from '../src/seeing/html/columns.ts';
import { embed, escape } from '../src/seeing/html/page.ts';
import { Scratch, command, expectOneLine } from './command.ts';
import { TWO_PROCESSES } from './recordings.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

interface Page {
  readonly report: ReplayReport;
  readonly text: string;
  readonly elements: readonly Tree.Element[];
  readonly runs: readonly RunData[];
}

async function pageOf(content: string, ...flags: string[]): Promise<Page> {
  const file = join(scratch.path, 'out.html');
  const { code, out, err } = await command(
    ...['replay', scratch.file('tiny.mm', content), '--json', '--html', file],
    ...flags,
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const text = readFileSync(file, 'utf8');
  const elements = elementsOf(parse(text));
  const data = elements.find((element) => attribute(element, 'id') === 'data');
  const { runs } = JSON.parse(textOf(data)) as { runs: RunData[] };
  return { report: JSON.parse(out) as ReplayReport, text, elements, runs };
}

function elementsOf(node: Tree.ParentNode): Tree.Element[] {
  return node.childNodes.flatMap((child) => ('tagName' in child ? [child, ...elementsOf(child)] : []));
}

function attribute(element: Tree.Element, name: string): string | undefined {
  return element.attrs.find((candidate) => candidate.name === name)?.value;
}

function textOf(node: Tree.ChildNode | undefined): string {
  if (node === undefined) return '';
  if ('value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';
}

const pressure = ['--attach', 'kvm', '--ram', '50%'];
const total = (columns: RunData['faults'], name: string): number | undefined => columns[name]?.at(-1);

describe('the page of a replay', () => {
  it('has every line of the summary', async () => {
    const { report, elements } = await pageOf(TWO_PROCESSES, ...pressure);
    const shown = elements
      .filter(({ tagName, parentNode }) => tagName === 'tr' && (parentNode as Tree.Element).tagName === 'tbody')
      .map((row) => row.childNodes.map(textOf).filter((cell) => cell.trim() !== ''));
    const said = tableRows([report]).flatMap((row) =>
      row.kind === 'values' ? [[row.label, ...row.values.map(({ text }) => text)]] : [],
    );
    expect(said.length).toBeGreaterThan(20);
    expect(shown).toEqual(said);
  });

  it('draws what the report counts', async () => {
    const { report, runs } = await pageOf(TWO_PROCESSES, ...pressure);
    const [run] = runs as [RunData];
    expect(run.events.at(-1)).toBe(report.events.total);
    for (const kind of ['anonymous', 'copyOnWrite', 'swapIn'])
      expect(total(run.faults, kind)).toBe(report.faults[kind]);
    expect(total(run.swapTraffic, 'written out')).toBe(report.swap['pagesOut']);
    expect(total(run.swapTraffic, 'read back')).toBe(report.swap['pagesIn']);
    for (const event of ['UNMAP', 'CLEAR']) expect(total(run.ranges, event)).toBe(report.notifier.events[event]);
    expect(run.devices[0]?.established.at(-1)).toBe(report.devices[0]?.translationsEstablished);
    expect(run.devices[0]?.invalidated.at(-1)).toBe(report.devices[0]?.translationsInvalidated);
    expect(run.frames * 4096).toBe(report.machine.ramBytes);
    for (const column of [run.resident, run.swapped, run.free, ...Object.values(run.faults)])
      expect(column).toHaveLength(run.events.length);
    expect(Math.max(...run.resident)).toBeGreaterThan(30);
    expect(run.resident.at(-1)).toBe(0);
  });

  it('ends where the replay ends', async () => {
    const file = join(scratch.path, 'oom.html');
    const flags = ['--json', '--html', file, '--ram', '128K', '--swap', '0'];
    const { code, out } = await command('replay', scratch.file('tiny.mm', TWO_PROCESSES), ...flags);
    expect(code).toBe(1);
    const { outcome, events } = JSON.parse(out) as ReplayReport;
    const data = elementsOf(parse(readFileSync(file, 'utf8'))).find((element) => attribute(element, 'id') === 'data');
    const { runs } = JSON.parse(textOf(data)) as { runs: RunData[] };
    expect(outcome).toMatchObject({ kind: 'out-of-memory', event: events.replayed + 1 });
    expect(runs[0]?.events.at(-1)).toBe(events.replayed + 1);
  });

  it('has a picture of each process before it exits', async () => {
    const { runs } = await pageOf(TWO_PROCESSES);
    const { areas, rows, pictures } = (runs as [RunData])[0].album;
    const last = pictures.filter(({ exit }) => exit !== undefined);
    expect(last.map(({ exit }) => exit)).toEqual(['p2', 'p1']);
    const [area, row] = last[1]?.processes[0]?.areas[0] ?? [-1, -1];
    expect(areas[area]).toMatchObject({ start: '10000000', pages: 32, prot: 'rw-', shared: false });
    expect(rows[row]).toEqual([0, 32, 2]);
  });

  it('loads nothing: no address, no style sheet, no script, no picture of elsewhere', async () => {
    const { elements, text } = await pageOf(TWO_PROCESSES, ...pressure);
    const loading = ['src', 'srcset', 'href', 'data', 'action', 'poster', 'background', 'formaction', 'ping'];
    for (const element of elements) {
      for (const { name, value } of element.attrs) {
        if (loading.includes(name)) expect(value).toMatch(/^#/);
        expect(name).not.toMatch(/^on/);
      }
      expect(['link', 'iframe', 'object', 'embed', 'base', 'img']).not.toContain(element.tagName);
      if (element.tagName === 'style') expect(textOf(element)).not.toMatch(/@import|url\(/);
    }
    expect(text).toContain(`content="default-src 'none';`);
    expect(text).not.toMatch(/\{\{\w+\}\}/);
  });

  it('has scripts that are scripts', async () => {
    const { elements } = await pageOf(TWO_PROCESSES);
    const scripts = elements.filter((element) => element.tagName === 'script' && element.attrs.length === 0);
    expect(scripts).toHaveLength(2);
    for (const script of scripts) expect(() => new Script(textOf(script))).not.toThrow();
  });

  it('has a language, a title, a label for everything that is drawn, and headings in order', async () => {
    const { elements } = await pageOf(TWO_PROCESSES);
    const of = (tag: string): Tree.Element[] => elements.filter(({ tagName }) => tagName === tag);
    expect(attribute(of('html')[0] as Tree.Element, 'lang')).toBe('en');
    expect(textOf(of('title')[0])).toMatch(/^Replay of .*tiny\.mm$/);
    expect(of('h1')).toHaveLength(1);
    for (const section of of('section')) {
      const labelled = attribute(section, 'aria-labelledby');
      expect(elements.some((element) => attribute(element, 'id') === labelled)).toBe(true);
    }
    for (const table of of('table')) expect(elementsOf(table)[0]?.tagName).toBe('caption');
  });

  it('shows names as text, whatever they are', async () => {
    const name = '<img src=x onerror=alert(1)>.mm';
    const file = join(scratch.path, 'out.html');
    await command('replay', scratch.file(name, TWO_PROCESSES), '--html', file);
    const elements = elementsOf(parse(readFileSync(file, 'utf8')));
    expect(elements.some(({ tagName }) => tagName === 'img')).toBe(false);
    expect(textOf(elements.find(({ tagName }) => tagName === 'h1'))).toContain(name);
  });

  it('carries data that cannot end its element', () => {
    const file = '</script><script>alert(1)</script>\u2028';
    expect(embed({ file })).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(embed({ file }))).toEqual({ file });
    expect(escape(`<a href='x' title="y">&`)).toBe('&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;');
  });

  it('shows both worlds of --compare-pin', async () => {
    const file = join(scratch.path, 'both.html');
    const flags = ['--compare-pin', '--json', '--html', file];
    const { code, out } = await command('replay', scratch.file('tiny.mm', TWO_PROCESSES), ...flags);
    expect(code).toBe(0);
    const { pinned } = JSON.parse(out) as ReplayComparison;
    const page = elementsOf(parse(readFileSync(file, 'utf8')));
    const data = page.find((element) => attribute(element, 'id') === 'data');
    const { runs } = JSON.parse(textOf(data)) as { runs: RunData[] };
    expect(runs.map(({ label }) => label)).toEqual(['with notifiers', 'with pinned pages']);
    expect(runs[1]?.devices[0]?.established.at(-1)).toBe(pinned.devices[0]?.translationsEstablished);
    expect(runs[1]?.pinned).toBe(true);
  });
});

describe('a file that shows a replay', () => {
  const recording = (): string => scratch.file('tiny.mm', TWO_PROCESSES);
  const parts = (): string[] => readdirSync(scratch.path).filter((name) => name.endsWith('.part'));

  it.each([
    ['--html', 'nowhere/out.html', /--html: .*nowhere\/out\.html: found no such folder/],
    ['--html', '/proc/out.html', /--html: \/proc\/out\.html: found that it cannot be written \(ENOENT.*\), expected/],
    ['--perfetto', 'nowhere/out.pftrace', /--perfetto: .*: found no such folder, expected a file that can be written/],
    ['--html', 'folder', /--html: .*folder: found a directory, expected the name of a file to write/],
    ['--html', 'tiny.mm/x', /--html: .*: found a file where a folder is needed/],
    ['--html', 'tiny.mm', /--html: found .*tiny\.mm, which is the recording; expected another file/],
    ['--perfetto', '/dev/null', /--perfetto: \/dev\/null: found something that is no regular file/],
    ['--html', '', /--html: found nothing, expected the name of a file to write/],
  ])('%s %s is refused before any work', async (option, name, message) => {
    const path = recording();
    mkdirSync(join(scratch.path, 'folder'), { recursive: true });
    const file = name === '' || name.startsWith('/') ? name : join(scratch.path, name);
    expectOneLine(await command('replay', path, option, file), message);
    expect(readFileSync(path, 'utf8')).toBe(TWO_PROCESSES);
    expect(parts()).toEqual([]);
  });

  it('is not two things at once', async () => {
    const file = join(scratch.path, 'same');
    expectOneLine(await command('replay', recording(), '--html', file, '--perfetto', file), /expected two files/);
    expect(parts()).toEqual([]);
  });

  it('replaces the one that was there only when it is finished', async () => {
    const bad = scratch.file('bad.mm', `${TWO_PROCESSES}p1 frobnicate\n`);
    const file = scratch.file('old.html', 'old');
    const trace = join(scratch.path, 'new.pftrace');
    expectOneLine(await command('replay', bad, '--ram', '4M', '--html', file, '--perfetto', trace), /bad\.mm:\d+/);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect([existsSync(trace), parts()]).toEqual([false, []]);
  });

  it('goes where a link leads', async () => {
    const target = scratch.file('target.html', 'old');
    const link = join(scratch.path, 'link.html');
    symlinkSync(target, link);
    expect((await command('replay', recording(), '--html', link)).code).toBe(0);
    expect(readFileSync(target, 'utf8')).toMatch(/^<!doctype html>/);
  });

  it('is named under the table', async () => {
    const [html, trace] = [join(scratch.path, 'a.html'), join(scratch.path, 'a.pftrace')];
    const { out } = await command('replay', recording(), '--html', html, '--perfetto', trace);
    expect(out).toMatch(/a\.pftrace: [\d,]+ trace events, [\d.]+ KiB\n.*a\.html: a page of \d+(\.\d)? KiB\n$/);
  });
});
