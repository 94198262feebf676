/** `replay --perfetto`: what the trace holds is what the report counts. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OutputFile } from '../src/output-file.ts';
import type { ReplayReport } from '../src/replay/report.ts';
import { PerfettoTracer } from '../src/seeing/perfetto/tracer.ts';
import { Scratch, command, expectOneLine } from './command.ts';
import { type ReadTrace, readPerfetto } from './read-perfetto.ts';
import { TWO_PROCESSES } from './recordings.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

async function traceOf(...flags: string[]): Promise<{ report: ReplayReport; trace: ReadTrace; bytes: Uint8Array }> {
  const file = join(scratch.path, 'out.pftrace');
  const recording = scratch.file('tiny.mm', TWO_PROCESSES);
  const { code, out, err } = await command('replay', recording, '--json', '--perfetto', file, ...flags);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const bytes = readFileSync(file);
  return { report: JSON.parse(out) as ReplayReport, trace: readPerfetto(bytes), bytes };
}

const inCategory = ({ slices }: ReadTrace, category: string) => slices.filter((slice) => slice.category === category);
const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('the trace of a replay', () => {
  it('has a slice for everything that the report counts', async () => {
    const { report, trace } = await traceOf('--attach', 'kvm', '--ram', '50%');
    const named = (category: string, name: string) =>
      inCategory(trace, category).filter((slice) => slice.name.includes(name)).length;
    expect(report.swap['pagesOut']).toBeGreaterThan(0);
    expect(named('swap', 'write to swap')).toBe(report.swap['pagesOut']);
    expect(named('swap', 'read from swap')).toBe(report.swap['pagesIn']);
    expect(inCategory(trace, 'notifier')).toHaveLength(sum(report.notifier.events));
    expect(inCategory(trace, 'invalidation')).toHaveLength(report.notifier.calls['starts'] ?? -1);
    expect(inCategory(trace, 'tlb')).toHaveLength(report.stats['tlb']?.['shootdowns'] ?? -1);
    expect(named('fault', 'swap in') + named('device fault', 'swap in')).toBe(report.faults['swapIn']);
    expect(named('fault', 'copy on write') + named('device fault', 'copy on write')).toBe(report.faults['copyOnWrite']);
    expect(inCategory(trace, 'reclaim').length).toBeGreaterThan(0);
  });

  it('says in the report what is in the file', async () => {
    const { report, trace, bytes } = await traceOf('--attach', 'kvm', '--ram', '50%');
    expect(report.perfetto).toMatchObject({ events: trace.events, leftOut: 0, bytes: bytes.length });
    const counted: Record<string, number> = {};
    for (const { category } of [...trace.slices, ...trace.instants]) counted[category] = (counted[category] ?? 0) + 1;
    expect(report.perfetto?.slices).toEqual(counted);
  });

  it('has tracks for tasks, CPUs, devices, locks and memory', async () => {
    const { trace } = await traceOf('--attach', 'kvm', '--ram', '50%');
    const tracks = [...trace.tracks.values()];
    const inGroup = (group: string): string[] => [
      ...new Set(tracks.filter(({ parent }) => trace.tracks.get(parent)?.name === group).map(({ name }) => name)),
    ];
    expect(tracks.flatMap(({ process }) => process ?? [])).toEqual(expect.arrayContaining(['p1', 'p2']));
    expect(tracks.flatMap(({ thread }) => thread ?? [])).toEqual(expect.arrayContaining(['p1', 'p2', 'kvm']));
    expect(inGroup('CPUs')).toEqual(['CPU 0', 'CPU 1']);
    expect(inGroup('devices')).toEqual(['kvm']);
    expect(inGroup('locks')).toEqual(['mmapLock of mm 1', 'mmapLock of mm 2']);
    expect(inGroup('memory').sort()).toEqual(['free frames', 'mapped by kvm', 'resident', 'swapped']);
  });

  it('nests: what a fault needs lies inside the fault, and says where', async () => {
    const { trace } = await traceOf('--attach', 'kvm', '--ram', '50%');
    const outer = inCategory(trace, 'fault').find(({ name }) => name.includes('copy on write'));
    const window = inCategory(trace, 'notifier').find(
      ({ track, start, end }) => track === outer?.track && start >= outer.start && end <= outer.end,
    );
    expect(outer).toMatchObject({ depth: 0, args: { access: 'store', address: expect.any(Number), result: 'done' } });
    expect(window).toMatchObject({ depth: 1, name: expect.stringContaining('CLEAR') });
    const [reclaim] = inCategory(trace, 'reclaim');
    expect(reclaim).toMatchObject({ args: { wanted: expect.any(Number), freed: expect.any(Number) } });
  });

  it('has counters that end where the machine ends', async () => {
    const { trace } = await traceOf('--attach', 'kvm', '--ram', '50%');
    expect(trace.counters.get('resident')?.at(-1)).toBe(0);
    expect(Math.max(...(trace.counters.get('swapped') ?? []))).toBeGreaterThan(0);
    expect(Math.max(...(trace.counters.get('mapped by kvm') ?? []))).toBeGreaterThan(0);
  });

  it('is the same in every run', async () => {
    const [first, second] = [await traceOf('--attach', 'kvm'), await traceOf('--attach', 'kvm')];
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
  });

  it('changes nothing in the run', async () => {
    const flags = ['--attach', 'kvm', '--ram', '50%'];
    const { report } = await traceOf(...flags);
    const plain = await command('replay', scratch.file('tiny.mm', TWO_PROCESSES), '--json', ...flags);
    expect({ ...(JSON.parse(plain.out) as ReplayReport), timing: 0 }).toEqual({
      ...report,
      perfetto: undefined,
      timing: 0,
    });
  });

  it('shows one run: two need two commands', async () => {
    const recording = scratch.file('tiny.mm', TWO_PROCESSES);
    const ended = await command('replay', recording, '--compare-pin', '--perfetto', join(scratch.path, 'x'));
    expectOneLine(ended, /--perfetto and --compare-pin: expected one of them/);
    expect(existsSync(join(scratch.path, 'x'))).toBe(false);
  });

  // A second witness where the machine has it; the reader above works everywhere.
  const protoc = spawnSync('protoc', ['--version']).status === 0 ? it : it.skip;
  protoc('is what protoc reads, with not a byte that the definition does not name', async () => {
    const { bytes, trace } = await traceOf('--attach', 'kvm', '--ram', '50%');
    const assets = join(__dirname, '../assets');
    const args = ['--decode=perfetto.protos.Trace', `--proto_path=${assets}`, join(assets, 'perfetto.proto')];
    const { status, stdout } = spawnSync('protoc', args, { input: bytes, maxBuffer: 2 ** 28 });
    expect(status).toBe(0);
    const decoded = stdout.toString();
    expect(decoded.match(/^ {2}track_event \{/gm)).toHaveLength(trace.events);
    expect(decoded).not.toMatch(/^\s*\d+[:{ ]/m);
  });
});

describe('a trace with no room', () => {
  it('counts what it leaves out, and stays balanced', () => {
    const file = new OutputFile(join(scratch.path, 'small.pftrace'), '--perfetto');
    const tracer = new PerfettoTracer(file, () => 0, 5);
    tracer.taskRuns({ id: 1, name: 'p1', cpu: 0, owner: { name: 'p1' } });
    for (let fault = 0; fault < 4; fault++) {
      tracer.faultBegan(1, 0x1000, 'load');
      tracer.faultIs('zeroPage');
      tracer.reclaimBegan(8);
      tracer.reclaimEnded(8);
      tracer.faultEnded('done');
    }
    const report = tracer.finish();
    file.finish();
    const trace = readPerfetto(readFileSync(file.path));
    expect(trace.slices).toHaveLength(5);
    expect(report).toMatchObject({ events: trace.events, leftOut: 4 });
  });
});

describe('a run that stops in the middle of things', () => {
  it('has every slice ended', () => {
    const file = new OutputFile(join(scratch.path, 'stopped.pftrace'), '--perfetto');
    const tracer = new PerfettoTracer(file, () => 7);
    tracer.taskRuns({ id: 1, name: 'p1', cpu: 0, owner: { name: 'p1' } });
    tracer.faultBegan(1, 0x1000, 'store');
    tracer.windowOpened(1, 0x1000, 0x2000, 'CLEAR');
    tracer.finish();
    file.finish();
    const { slices } = readPerfetto(readFileSync(file.path));
    expect(slices.map(({ name }) => name).sort()).toEqual(['CLEAR range', 'fault', 'p1']);
  });
});
