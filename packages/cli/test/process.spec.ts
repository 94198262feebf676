/** The command as a process of its own: pipes, signals, a full disk. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReplayReport } from '../src/replay/report.ts';
import { Scratch } from './command.ts';
import { TWO_PROCESSES } from './recordings.ts';

const ROOT = join(__dirname, '../../..');
const BUNDLED = join(ROOT, 'packages/trace/recordings/redis/lackey.txt.xz');
const TYPESCRIPT = [
  '--conditions=@mmu-notifier/source',
  '--import',
  `file://${ROOT}/node_modules/tsx/dist/esm/index.mjs`,
];
const MAIN = join(ROOT, 'packages/cli/src/main.ts');

const scratch = new Scratch();
afterAll(() => scratch.remove());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const environment: NodeJS.ProcessEnv = { ...process.env, TMPDIR: scratch.path };

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...TYPESCRIPT, MAIN, ...args], { env: environment, stdio: 'pipe' });
}

function ended(child: ChildProcess): Promise<Ended> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const leftovers = (): string[] => readdirSync(scratch.path).filter((name) => name.startsWith('mmu-notifier-swap'));

/** Processes that `child` has started and that still run. */
function childrenOf({ pid = 0 }: ChildProcess): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

const nodes = (): string[] => readdirSync(scratch.path).filter((name) => /^mmu-notifier-[A-Za-z0-9]{6}$/.test(name));

describe('a replay with three devices, one of them on another node', () => {
  it('verifies all sides, and leaves no process and no socket', async () => {
    const recording = scratch.file('tiny.mm', TWO_PROCESSES);
    const flags = ['--attach', 'kvm,gru,xpmem', '--ram', '50%', '--json'];
    const { code, out, err } = await ended(start(['replay', recording, ...flags]));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { devices, pins, violations } = JSON.parse(out) as ReplayReport;
    expect(violations).toEqual([]);
    expect(devices.map(({ name, refused }) => ({ name, refused }))).toEqual([
      { name: 'kvm', refused: {} },
      { name: 'gru', refused: {} },
      { name: 'xpmem', refused: {} },
    ]);
    for (const { accesses, translationsInvalidated } of devices) {
      expect(accesses).toBeGreaterThan(40);
      expect(translationsInvalidated).toBeGreaterThan(0);
    }
    expect(pins.peak).toBe(0);
    expect(nodes()).toEqual([]);
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux('ends in one line when the other node dies', async () => {
    const child = start(['replay', BUNDLED, '--attach', 'xpmem', '--ram', '25%', '--progress']);
    const end = ended(child);
    while (child.exitCode === null && childrenOf(child).length === 0) await delay(20);
    await new Promise((resolve) => child.stderr?.once('data', resolve));
    for (const pid of childrenOf(child)) process.kill(pid, 'SIGKILL');
    const { code, err } = await end;
    expect(code).toBe(2);
    const errors = err.split('\n').filter((line) => line.startsWith('error: '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^error: xpmem: the process of the other node is gone/);
    expect(nodes()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });
});

describe('the process', () => {
  it('reads a script from standard input, and answers each event as it happens', async () => {
    const child = start(['run', '-']);
    child.stdin?.end('p1 mmap 0x100000000 4K rw private,anonymous,fixed -> a\np1 load $a 2\n');
    expect(await ended(child)).toEqual({
      code: 0,
      out: '{"line":1,"result":"0x100000000"}\n{"line":2,"result":"0000"}\n',
      err: '',
    });
  });

  it('names standard input in errors', async () => {
    const child = start(['run', '-']);
    child.stdin?.end('p1 lod 0x1000 1\n');
    const { code, out, err } = await ended(child);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: <stdin>:1:4: found "lod", expected [^\n]+\n$/);
  });

  it('stops when nobody reads any more', async () => {
    const lines = Array.from({ length: 20_000 }, () => 'p1 brk 0').join('\n');
    const child = start(['run', scratch.file('long.mm', lines)]);
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended(child)).toMatchObject({ code: 141, err: '' });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops on %s, and leaves no swap file behind', async (signal, status) => {
    const child = start(['replay', BUNDLED, '--ram', '1M', '--attach', 'kvm', '--progress']);
    child.stderr?.once('data', () => child.kill(signal));
    const { code, out } = await ended(child);
    expect({ code, out, left: leftovers() }).toEqual({ code: status, out: '', left: [] });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops on %s, and leaves no page and no trace that is not whole',
    async (signal) => {
      const [html, trace] = [join(scratch.path, 'stopped.html'), join(scratch.path, 'stopped.pftrace')];
      const files = ['--html', html, '--perfetto', trace];
      const child = start(['replay', BUNDLED, '--ram', '1M', '--attach', 'kvm', '--progress', ...files]);
      child.stderr?.once('data', () => child.kill(signal));
      const { out } = await ended(child);
      const left = readdirSync(scratch.path).filter((name) => name.includes('stopped'));
      expect({ out, left }).toEqual({ out: '', left: [] });
    },
  );

  it('says in one line that no swap file can be made', async () => {
    // Set from inside: what runs TypeScript here would make the folder.
    const preload = `data:text/javascript,process.env.TMPDIR="${scratch.path}/nowhere"`;
    const args = [...TYPESCRIPT, '--import', preload, MAIN, 'replay', BUNDLED, '--ram', '10%'];
    const child = spawn(process.execPath, args, { env: environment, stdio: 'pipe' });
    const { code, out, err } = await ended(child);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: no swap file can be made in [^\n]*nowhere: [^\n]+\n$/);
  });

  it('says in one line that the disk is full while it swaps', async () => {
    const command = `ulimit -f 64; exec "$0" "$@"`;
    const args = [...TYPESCRIPT, MAIN, 'replay', BUNDLED, '--ram', '10%', '--json'];
    const child = spawn('bash', ['-c', command, process.execPath, ...args], { env: environment, stdio: 'pipe' });
    const { code, out, err } = await ended(child);
    expect({ code, out, left: leftovers() }).toEqual({ code: 2, out: '', left: [] });
    expect(err).toMatch(/^error: swap file [^\n]+ cannot be written: [^\n]+\n$/);
  });

  it('draws nothing without a terminal, and prints lines where it is told to', async () => {
    const recording = scratch.file('copy.xz', readFileSync(BUNDLED));
    const quiet = await ended(start(['replay', recording, '--json']));
    expect({ code: quiet.code, err: quiet.err }).toEqual({ code: 0, err: '' });
    const told = await ended(start(['replay', recording, '--ram', '10%', '--json', '--progress']));
    const pace = String.raw`(, [\d,]+ a second, (\d+ min )?\d+ s left)?`;
    expect(told.err).toMatch(new RegExp(`^((measuring|replaying): \\d+ %, [\\d,]+ accesses${pace}\\n)+$`));
    expect(JSON.parse(told.out)).toMatchObject({ outcome: { kind: 'complete' } });
  });
});

describe('check of a folder', () => {
  const SMALL = 'p1 mmap 0x10000 4K rw private,anonymous,fixed\n@a p1 load 0x10000 1 -> r\n@b p1 munmap 0x10000 4K\n';

  it('has each file on a thread, and answers in their order', async () => {
    scratch.file('litmus/1.mm', SMALL);
    scratch.file('litmus/2.mm', `${SMALL}forbid $r == 00\n`);
    const { code, out } = await ended(start(['check', join(scratch.path, 'litmus'), '--workers', '2', '--json']));
    const { checks } = JSON.parse(out) as { checks: { program: string; verdict: string }[] };
    expect({ code, verdicts: checks.map(({ verdict }) => verdict) }).toEqual({
      code: 1,
      verdicts: ['held', 'violated'],
    });
  });

  it('says which file is wrong, and how', async () => {
    scratch.file('wrong/1.mm', SMALL);
    const file = scratch.file('wrong/2.mm', `machine attach guest kvm p1\nguest frob 1\n${SMALL}`);
    const { code, out, err } = await ended(start(['check', join(scratch.path, 'wrong')]));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(new RegExp(`^error: ${file}: line 2: found "frob", expected a verb of guest: [^\\n]+\\n$`));
  });
});
