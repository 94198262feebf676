/** `replay` of a small recording by hand, whose every number can be told beforehand. */
import type { ReplayComparison, ReplayReport } from '../src/replay/report.ts';
import { Scratch, command } from './command.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const PAGES = 64;
const address = (page: number): string => `0x${(0x10000000 + page * 4096).toString(16)}`;
const each = (line: (page: number) => string): string[] => Array.from({ length: PAGES }, (_, page) => line(page));

/** Writes 64 pages, reads them twice, gives half of them up, reads the rest in a child. */
const RECORDING = [
  '#! mm 1',
  `p1 mmap 0 256K rw private,anonymous = ${address(0)}`,
  ...each((page) => `p1 store ${address(page)} 0x8`),
  ...each((page) => `p1 load ${address(page)} 8`),
  ...each((page) => `p1 load ${address(page)} 4`),
  `p1 munmap ${address(32)} 128K`,
  'p1 fork -> p2',
  ...each((page) => `p2 modify ${address(page % 32)} 4`),
  'p2 exit 0',
  'p1 exit 0',
  '',
].join('\n');

const recording = (): string => scratch.file('tiny.mm', RECORDING);

async function replay(...flags: string[]): Promise<{ code: number; err: string; report: ReplayReport }> {
  const { code, out, err } = await command('replay', recording(), '--json', ...flags);
  return { code, err, report: JSON.parse(out) as ReplayReport };
}

describe('replay', () => {
  it('ends with a table, quiet on standard error', async () => {
    const { code, out, err } = await command('replay', recording());
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/outcome +complete\n/);
    expect(out).toMatch(/oracles +nothing found\n/);
    expect(out).toMatch(/ground truth +none\n/);
    expect(out).toMatch(/events per second +[\d,]+\n$/);
    expect(out).not.toContain('\u001b[');
  });

  it('replays every event by the CPU where no device is attached', async () => {
    const { code, report } = await replay();
    expect(code).toBe(0);
    expect(report).toMatchObject({
      format: 'mmu-notifier/replay-report',
      version: 1,
      outcome: { kind: 'complete' },
      events: { total: 4 * PAGES + 5, replayed: 4 * PAGES + 5, accesses: 4 * PAGES, calls: 5, leftOut: {} },
      accesses: { byCpu: 4 * PAGES, byDevices: 0, verifiedLoads: 3 * PAGES },
      faults: { anonymous: PAGES, copyOnWrite: 32, sigsegv: 0 },
      swap: { pagesOut: 0, pagesIn: 0 },
      devices: [],
      violations: [],
      differences: { count: 0, first: [] },
    });
  });

  it('drives one access in four through the device, which keeps up with what the process gives up', async () => {
    const { code, report } = await replay('--attach', 'kvm');
    expect(code).toBe(0);
    expect(report.accesses).toEqual({ byCpu: 3 * PAGES, byDevices: PAGES, verifiedLoads: 3 * PAGES });
    const [kvm] = report.devices;
    expect(kvm).toMatchObject({ name: 'kvm', plugin: 'kvm', accesses: PAGES, refused: {}, staleAccesses: 0 });
    expect(kvm?.translationsInvalidated).toBeGreaterThan(0);
    // The munmap, and the two exits.
    expect(report.notifier.events['UNMAP']).toBe(3);
    expect(report.pins).toEqual({ taken: 0, released: 0, held: 0, peak: 0 });
  });

  it('gives each device the share that it is told', async () => {
    const half = await replay('--attach', 'kvm', '--device-share', '1/2');
    expect(half.report.accesses).toMatchObject({ byCpu: 2 * PAGES, byDevices: 2 * PAGES });
    const two = await replay('--attach', 'kvm,kvm', '--device-share', '25%');
    expect(two.report.devices.map(({ name, accesses }) => ({ name, accesses }))).toEqual([
      { name: 'kvm', accesses: PAGES },
      { name: 'kvm2', accesses: PAGES },
    ]);
    const none = await replay('--attach', 'kvm', '--device-share', '0');
    expect(none.report.accesses.byDevices).toBe(0);
  });

  it('swaps under pressure, and reads every byte back', async () => {
    const { code, report } = await replay('--attach', 'kvm', '--ram', '50%');
    expect(code).toBe(0);
    expect(report.machine.ramPercent).toBe(50);
    expect(report.swap['pagesOut']).toBeGreaterThan(0);
    expect(report.swap['pagesIn']).toBeGreaterThan(0);
    expect(report.devices[0]?.translationsRefaulted).toBeGreaterThan(0);
    expect(report).toMatchObject({
      outcome: { kind: 'complete' },
      violations: [],
      accesses: { verifiedLoads: 3 * PAGES },
    });
  });

  it('is the same in every run but for the time it takes', async () => {
    const flags = ['--attach', 'kvm', '--ram', '50%'];
    const [first, second] = [await replay(...flags), await replay(...flags)];
    expect({ ...first.report, timing: undefined }).toEqual({ ...second.report, timing: undefined });
  });

  it('checks nothing with --no-oracles, and says so', async () => {
    const { code, report } = await replay('--no-oracles');
    expect({ code, verified: report.accesses.verifiedLoads, oracles: report.machine.oracles }).toEqual({
      code: 0,
      verified: 0,
      oracles: 'off',
    });
  });

  it('takes memory in bytes without measuring first', async () => {
    const { report } = await replay('--ram', '4M');
    expect(report.machine).toMatchObject({ ramBytes: 4 * 2 ** 20, reserveBytes: 0 });
    expect(report.measured).toBeUndefined();
  });

  it('ends with status 1 where memory does not suffice, and says what was not replayed', async () => {
    const { code, out } = await command('replay', recording(), '--ram', '128K', '--swap', '0');
    expect(code).toBe(1);
    expect(out).toMatch(/outcome +out of memory\n/);
    expect(out).toMatch(/^out of memory at event \d+, in p1; the \d+ events from there on were not replayed$/m);
  });

  it('ends with status 1 where the machine answers otherwise than the recorded system', async () => {
    const odd = scratch.file(
      'odd.mm',
      '#! mm 1\np1 mmap 0 4K r private,anonymous = 0x10000\np1 store 0x10000 0x1\np1 exit 0\n',
    );
    const { code, out } = await command('replay', odd);
    expect(code).toBe(1);
    expect(out).toMatch(/unlike the recorded system +1\n/);
    expect(out).toContain('event 2: p1 store 0x10000 1 ended in SIGSEGV (SEGV_ACCERR) at 0x10000');
  });

  it('holds its counts against the truth beside the recording', async () => {
    const path = scratch.file('known.mm', RECORDING);
    scratch.file('known.truth.json', JSON.stringify({ events: { mmap: { ok: 2 } }, processes: 2 }));
    const { code, out } = await command('replay', path, '--json');
    expect(code).toBe(1);
    const { groundTruth } = JSON.parse(out) as ReplayReport;
    expect(groundTruth?.differences).toContainEqual({ name: 'machine.events.mmap.ok', expected: 2, found: 1 });
  });

  it('locks, asks, syncs and advises as the recorded process did', async () => {
    const path = scratch.file(
      'residency.mm',
      `#! mm 1
p1 mmap 0x10000 16K rw private,anonymous,locked,fixed = 0x10000
p1 mlock 0x10000 4K
p1 munlock 0x10000 16K
p1 mincore 0x10000 16K
p1 msync 0x10000 16K async
p1 madvise 0x10000 4K cold
p1 madvise 0x11000 4K pageout
p1 exit 0
`,
    );
    const { code, out } = await command('replay', path, '--json');
    expect(code).toBe(0);
    const { events, faults, swap } = JSON.parse(out) as ReplayReport;
    expect(events.leftOut).toEqual({});
    expect(faults['anonymous']).toBe(4);
    expect(swap['pagesOut']).toBe(1);
  });

  it('leaves out calls that the machine does not have, and says which', async () => {
    const path = scratch.file(
      'huge.mm',
      '#! mm 1\np1 mmap 0x10000 4K rw private,anonymous,fixed = 0x10000\np1 madvise 0x10000 4K hugepage\nmachine compact\np1 exit 0\n',
    );
    const { code, out } = await command('replay', path, '--json');
    expect(code).toBe(0);
    expect((JSON.parse(out) as ReplayReport).events.leftOut).toEqual({ 'madvise hugepage': 1, 'machine compact': 1 });
  });
});

describe('the world before notifiers', () => {
  it('pins every page that the device reaches, whatever the process does with it', async () => {
    const { code, report } = await replay('--pin');
    expect(code).toBe(0);
    expect(report.machine.pinned).toBe(true);
    expect(report.devices[0]).toMatchObject({ name: 'kvm', translationsInvalidated: 0 });
    expect(report.notifier.calls['registrations']).toBe(0);
    expect(report.pins.peak).toBeGreaterThan(0);
    expect(report.pins).toMatchObject({ taken: report.pins.released, held: 0 });
  });

  it('beside that of today shows what cannot be reclaimed', async () => {
    const { code, out } = await command(
      'replay',
      recording(),
      ...['--compare-pin', '--ram', '50%', '--device-share', '1', '--json'],
    );
    expect(code).toBe(0);
    const { format, version, notifiers, pinned } = JSON.parse(out) as ReplayComparison;
    expect({ format, version }).toEqual({ format: 'mmu-notifier/replay-comparison', version: 1 });
    expect(notifiers.outcome).toEqual({ kind: 'complete' });
    expect(notifiers.pins.peak).toBe(0);
    expect(pinned.outcome).toMatchObject({ kind: 'out-of-memory', process: 'p1' });
    expect(pinned.reclaim['pinned']).toBeGreaterThan(0);
    expect(pinned.outcome.kind === 'out-of-memory' && pinned.outcome.pagesPinned).toBe(pinned.pins.peak);
  });

  it('is there for drivers that can pin', async () => {
    const driver = scratch.file(
      'unable.ts',
      `export default { [Symbol.for('@mmu-notifier/plugin-api/plugin/v1')]: true, name: 'unable', api: '^1.0.0', traits: { pins: 'none' } };`,
    );
    const { code, out, err } = await command('replay', recording(), '--pin', '--attach', driver);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/found no way to pin, expected a driver with the option { pin: true } such as kvm\n$/);
  });
});
