/**
 * The last layout of strace logs beside maps files: a small log written by hand, and the real ones where they are
 * (`MMU_NOTIFIER_TRACES`, or `../shared/traces` beside the repository).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MapsComparison } from '../src/replay/maps-comparison.ts';
import type { ReplayReport } from '../src/replay/report.ts';
import { Scratch, command } from './command.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

async function comparisonOf(path: string): Promise<{ code: number; maps: MapsComparison | undefined }> {
  const { code, out, err } = await command('replay', path, '--attach', 'kvm', '--json');
  expect(err).toBe('');
  const report = JSON.parse(out) as ReplayReport;
  expect(report).toMatchObject({ outcome: { kind: 'complete' }, violations: [], differences: { count: 0 } });
  expect(report.events.leftOut).toEqual({});
  return { code, maps: report.maps?.[0] };
}

const LOG = [
  '7 1.0 execve("/bin/x", ["x"], 0x7ffd00000068 /* 2 vars */) = 0',
  '7 1.1 brk(NULL) = 0x560000100000',
  '7 1.2 brk(0x560000121000) = 0x560000121000',
  '7 1.3 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000001000',
  '7 1.4 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000',
  '7 1.5 mprotect(0x560000001000, 4096, PROT_READ) = 0',
  '7 1.6 exit_group(0) = ?',
  '7 1.7 +++ exited with 0 +++',
  '',
].join('\n');
const PROGRAM = [
  '555555554000-555555555000 r--p 00000000 fe:00 26  /bin/x',
  '555555555000-555555556000 r--p 00001000 fe:00 26  /bin/x',
  '555555556000-555555557000 rw-p 00002000 fe:00 26  /bin/x',
  '555555557000-555555578000 rw-p 00000000 00:00 0   [heap]',
];
const STACK = '7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0   [stack]';

let folders = 0;
function recording(...middle: string[]): string {
  const folder = `log-${++folders}`;
  scratch.file(join(folder, 'maps.txt'), [...PROGRAM, ...middle, STACK, ''].join('\n'));
  return scratch.file(join(folder, 'strace.txt'), LOG);
}

describe('a log with a maps file beside it', () => {
  it('ends with the same areas, wherever they were', async () => {
    const path = recording('7ffff7d0a000-7ffff7d0d000 rw-p 00000000 00:00 0 ');
    expect(await comparisonOf(path)).toMatchObject({
      code: 0,
      maps: { process: 'p1', recorded: 6, equal: 6, missing: [], surplus: [], pages: { missing: 0, surplus: 0 } },
    });
  });

  it('may have them in other places', async () => {
    const path = recording(
      '7ffff7d00000-7ffff7d01000 rw-p 00000000 00:00 0 ',
      '7ffff7d0b000-7ffff7d0d000 rw-p 00000000 00:00 0 ',
    );
    expect(await comparisonOf(path)).toMatchObject({
      code: 0,
      maps: {
        equal: 5,
        missing: ['4 KiB rw-p anonymous, behind a gap', '8 KiB rw-p anonymous, behind a gap'],
        surplus: ['12 KiB rw-p anonymous, behind a gap'],
        pages: { missing: 0, surplus: 0 },
      },
    });
  });

  it('must not have other pages', async () => {
    const path = recording('7ffff7d0a000-7ffff7d0c000 rw-p 00000000 00:00 0 ');
    const { code, out } = await command('replay', path);
    expect(code).toBe(1);
    expect(out).toMatch(/areas equal +5 of 6\n/);
    expect(out).toMatch(/pages of each kind +1 differs\n/);
    expect(out).toContain('maps.txt: 8 KiB rw-p anonymous, behind a gap\nonly here: 12 KiB rw-p anonymous');
  });

  it('is refused when that is something else', async () => {
    const path = recording('hello');
    const { code, err } = await command('replay', path);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: \S+maps\.txt:5:1: found "hello", expected an area of [^\n]+\n$/);
  });
});

it('a log alone is replayed, without what strace does not show', async () => {
  const { code, out } = await command('replay', scratch.file('alone.log', LOG));
  expect(code).toBe(0);
  expect(out).toMatch(/left out: mprotect of memory that no call mapped +1\n/);
  expect(out).not.toContain('layout beside');
});

const FOLDER = process.env['MMU_NOTIFIER_TRACES'] ?? join(__dirname, '../../../../shared/traces');
/** Areas, and those without a partner on each side, which lie elsewhere; see `docs/fidelity.md`. */
const RECORDINGS = [
  ['gcc', 24, 0, 0],
  ['ls', 35, 0, 0],
  ['python', 60, 0, 0],
  ['redis', 117, 13, 12],
  ['sqlite', 50, 0, 0],
  ['xz', 38, 2, 4],
] as const;
const found = RECORDINGS.filter(([name]) => existsSync(join(FOLDER, name, 'strace.txt.xz')));

if (found.length === 0) {
  process.stderr.write(`Skipped, for they are not in ${FOLDER}: strace recordings.\n`);
} else
  it.each(found)('%s ends with every page of its maps file', async (name, recorded, missing, surplus) => {
    const { code, maps } = await comparisonOf(join(FOLDER, name, 'strace.txt.xz'));
    expect({ code, recorded: maps?.recorded, pages: { ...maps?.pages, recorded: 0 } }).toEqual({
      code: 0,
      recorded,
      pages: { recorded: 0, missing: 0, surplus: 0 },
    });
    expect([maps?.missing.length, maps?.surplus.length]).toEqual([missing, surplus]);
  });
