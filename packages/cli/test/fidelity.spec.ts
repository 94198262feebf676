/**
 * The model beside a real kernel: a small recording written by hand, whose answers are known, and the real ones where they
 * are (`MMU_NOTIFIER_TRACES`, or `../shared/traces` beside the repository).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FidelityReport } from '../src/replay/fidelity/report.ts';
import type { ReplayReport } from '../src/replay/report.ts';
import { Scratch, command } from './command.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

async function fidelityOf(path: string, ...flags: string[]): Promise<FidelityReport> {
  const { code, out, err } = await command('replay', path, '--attach', 'kvm', '--fidelity', '--json', ...flags);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const report = JSON.parse(out) as ReplayReport;
  expect(report).toMatchObject({ outcome: { kind: 'complete' }, violations: [], differences: { count: 0 } });
  return report.fidelity as FidelityReport;
}

const line = (event: string): string => `x 7/7 1.0: ${event}`;
const user = (address: string, code: string): string =>
  line(`exceptions:page_fault_user: address=${address} ip=0x1 error_code=${code}`);
const dropped = (start: string, end: string): string =>
  line(`kvm:kvm_unmap_hva_range: mmu notifier unmap range: ${start} -- ${end}`);
const call = (name: string, args: string, result: string, ...between: string[]): string[] => [
  line(`syscalls:sys_enter_${name}: ${args}`),
  ...between,
  line(`syscalls:sys_exit_${name}: ${result}`),
];
const MAP = 'addr: 0x0, len: 0x4000, prot: 0x3, flags: 0x22, fd: 0xffffffff, off: 0x0';

/** Two pages touched, one read first and then written; the rest is what a test is about. */
const recording = (...lines: string[]): string =>
  scratch.file(
    'kernel.txt',
    [
      line('PERF_RECORD_COMM exec: x:7/7'),
      ...call('mmap', MAP, '0x7f0000000000'),
      user('0x7f0000000000', '0x6'),
      user('0x7f0000001000', '0x4'),
      user('0x7f0000001008', '0x7'),
      dropped('0x7f0000001000', '0x7f0000002000'),
      ...lines,
      '',
    ].join('\n'),
  );
const UNMAP = 'addr: 0x7f0000000000, len: 0x4000';

describe('a recording of a kernel', () => {
  it('is matched fault by fault and range by range, by cause', async () => {
    const path = recording(...call('munmap', UNMAP, '0x0', dropped('0x7f0000000000', '0x7f0000004000')));
    expect(await fidelityOf(path)).toMatchObject({
      faults: { recorded: 3, matched: 3, missing: 0, surplus: 0 },
      presenceDiffers: 0,
      invalidationsByCause: {
        fault: { recorded: 1, matched: 1, missing: 0, surplus: 0 },
        munmap: { recorded: 1, matched: 1, missing: 0, surplus: 0 },
      },
      residues: [],
    });
  });

  it('is what its page says first, and no empty chart of devices is there', async () => {
    const file = join(scratch.path, 'fidelity.html');
    await fidelityOf(recording(), '--html', file);
    const page = readFileSync(file, 'utf8');
    expect(page).toContain('recorded faults <b>3 of 3</b>');
    expect(page).toContain('recorded notifier ranges <b>1 of 1</b>');
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/.exec(page)?.[1] ?? '';
    expect((JSON.parse(data) as { runs: { devices: unknown[] }[] }).runs[0]?.devices).toEqual([]);
  });

  it('shows what is missing and what is surplus, with lines', async () => {
    const path = recording(
      ...call('munmap', UNMAP, '0x0'),
      ...call('mmap', MAP, '0x7f0000000000', dropped('0x7f0000000000', '0x7f0000004000')),
      user('0x7f0000000000', '0x6'),
      user('0x7f0000000000', '0x6'),
    );
    expect(await fidelityOf(path)).toMatchObject({
      faults: { recorded: 5, matched: 4, missing: 1, surplus: 0 },
      invalidations: { recorded: 2, matched: 1, missing: 1, surplus: 1 },
      residues: [
        { kind: 'fault', side: 'missing', cause: 'user write', line: 14, start: '0x7f0000000000' },
        { kind: 'invalidation', side: 'surplus', cause: 'munmap', line: 8, end: '0x7f0000004000' },
        { kind: 'invalidation', side: 'missing', cause: 'mmap', line: 10, process: 'p1' },
      ],
    });
    const { out } = await command('replay', path, '--fidelity');
    expect(out).toMatch(/munmap +0 of 0, 1 surplus\n/);
    expect(out).toContain(`surplus: ${path}:8: invalidation of p1, munmap: 0x7f0000000000 to 0x7f0000004000`);
  });

  it('is refused where it is none', async () => {
    const path = scratch.file('a.mm', 'p1 maps\n');
    const { code, err } = await command('replay', path, '--fidelity');
    expect({ code, err }).toEqual({
      code: 2,
      err: `error: --fidelity: found ${path} in the format mm, expected perf script output (kernel.txt.xz)\n`,
    });
  });

  it('needs a kernel with notifiers', async () => {
    const path = scratch.file('b.mm', 'p1 maps\n');
    const { code, err } = await command('replay', path, '--fidelity', '--kconfig', 'MMU_NOTIFIER=n');
    expect(code).toBe(2);
    expect(err).toMatch(/^error: --fidelity: found MMU_NOTIFIER=n, expected a kernel with notifiers, [^\n]*\n$/);
  });
});

const FOLDER = process.env['MMU_NOTIFIER_TRACES'] ?? join(__dirname, '../../../../shared/traces');
const NAMES = ['gcc', 'ls', 'python', 'redis', 'sqlite', 'stress-a', 'xz'].filter((name) =>
  existsSync(join(FOLDER, name, 'kernel.txt.xz')),
);
if (NAMES.length === 0) process.stderr.write(`Skipped, for they are not in ${FOLDER}: recordings of a kernel.\n`);

/** Faults that met a present page on one side only: `docs/fidelity.md` names them. */
const PRESENCE: Readonly<Record<string, number>> = { 'stress-a': 7 };

const describeRecordings = NAMES.length === 0 ? describe.skip : describe;
describeRecordings('the recordings', () => {
  it.each(NAMES)('%s: every fault and every range is the kernel’s', async (name) => {
    const found = await fidelityOf(join(FOLDER, name, 'kernel.txt.xz'));
    expect(found.faults).toEqual({
      recorded: found.faults.matched,
      matched: found.faults.recorded,
      missing: 0,
      surplus: 0,
    });
    expect(found.presenceDiffers).toBe(PRESENCE[name] ?? 0);
    expect(found).toMatchObject({ outside: 0, reclaim: { model: 0 } });
    expect({ missing: found.invalidations.missing, surplus: found.invalidations.surplus }).toEqual({
      missing: 0,
      surplus: 0,
    });
  });
});

/** Limits that the recordings under pressure were made with: `README.md` beside them. */
const LIMITS = { gcc: '4500K', python: '9000K', redis: '5000K', sqlite: '1400K', xz: '6600K' } as const;
const PRESSED = Object.entries(LIMITS).filter(([name]) => existsSync(join(FOLDER, name, 'pressure.txt.xz')));

const describePressed = PRESSED.length === 0 ? describe.skip : describe;
describePressed('the recordings under pressure', () => {
  it.each(PRESSED)('%s: reclaim is of the order that it was in the kernel', async (name, limit) => {
    const path = join(FOLDER, name, 'pressure.txt.xz');
    const { reclaim, agings, refaults } = await fidelityOf(path, '--memory-max', limit);
    for (const { recorded, model } of [reclaim, agings, refaults]) {
      expect(model / recorded).toBeGreaterThan(1 / 3);
      expect(model / recorded).toBeLessThan(3);
    }
  });
});
