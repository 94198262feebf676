/** `xpmem serve` and `xpmem attach`: two processes, as in two terminals. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Scratch, command, expectOneLine } from './command.ts';

const ROOT = join(__dirname, '../../..');
const TYPESCRIPT = [
  '--conditions=@mmu-notifier/source',
  '--import',
  `file://${ROOT}/node_modules/tsx/dist/esm/index.mjs`,
];
const MAIN = join(ROOT, 'packages/cli/src/main.ts');

type Answer = Readonly<Record<string, unknown>>;

/** One end, asked command by command. */
class End {
  readonly child: ChildProcess;
  err = '';
  private out = '';
  private wake: () => void = () => undefined;

  constructor(args: readonly string[], prefix: readonly string[] = []) {
    const [program = '', ...rest] = [...prefix, process.execPath, ...TYPESCRIPT, MAIN, 'xpmem', ...args, '--json'];
    this.child = spawn(program, rest, { stdio: 'pipe' });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.out += chunk.toString();
      this.wake();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()));
    this.child.once('close', () => this.wake());
  }

  /** The next line that it prints. */
  async heard(): Promise<Answer> {
    while (!this.out.includes('\n')) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`it ended: ${this.err}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const end = this.out.indexOf('\n');
    const line = this.out.slice(0, end);
    this.out = this.out.slice(end + 1);
    return JSON.parse(line) as Answer;
  }

  ask(line: string): Promise<Answer> {
    this.child.stdin?.write(`${line}\n`);
    return this.heard();
  }

  async end(how: 'quit' | NodeJS.Signals = 'quit'): Promise<number | null> {
    const over = new Promise<number | null>((resolve) => this.child.once('close', resolve));
    if (how === 'quit') this.child.stdin?.end('quit\n');
    else this.child.kill(how);
    return over;
  }
}

describe('two terminals', () => {
  const scratch = new Scratch();
  const ends: End[] = [];
  const start = (args: readonly string[], prefix?: readonly string[]): End => {
    const end = new End(args, prefix);
    ends.push(end);
    return end;
  };
  let socket = 0;
  const endpoint = (): string => `unix:${join(scratch.path, `${++socket}.sock`)}`;

  afterEach(() => {
    for (const { child } of ends.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => scratch.remove());

  async function pair(serve: readonly string[] = []): Promise<{ home: End; away: End; at: string }> {
    const at = endpoint();
    const home = start(['serve', '--listen', at, ...serve]);
    expect(await home.heard()).toMatchObject({ at, segment: '0x100000001' });
    const away = start(['attach', at]);
    expect(await away.heard()).toEqual({ attached: at, segment: '0x100000001', mode: 'rw' });
    return { home, away, at };
  }

  it('share anonymous memory, which is swapped and dropped meanwhile', async () => {
    const { home, away, at } = await pair(['--size', '64K']);
    expect(await away.ask('store 4094 "four"')).toEqual({});
    expect(await home.ask('load 4094 4')).toEqual({ bytes: Buffer.from('four').toString('hex') });
    expect(await away.ask('status')).toMatchObject({ 'pages held': 2 });
    expect(await home.ask('swap 0 64K')).toEqual({ recalled: 2 });
    expect(await home.ask('stats')).toMatchObject({ resident: 0, swapped: 2, 'held by others': 0 });
    expect(await away.ask('status')).toMatchObject({ 'pages held': 0 });
    expect(await away.ask('load 4094 4')).toEqual({ bytes: Buffer.from('four').toString('hex') });
    expect(await home.ask('drop 0 4K')).toEqual({ recalled: 1 });
    expect(await away.ask('load 4094 4')).toEqual({ bytes: `0000${Buffer.from('ur').toString('hex')}` });
    expect(await home.ask('protect 0 64K r')).toMatchObject({ recalled: 1 });
    expect(await away.ask('store 0 01')).toEqual({ error: 'EFAULT' });
    expect(await away.ask('load 64K 1')).toEqual({ error: 'EFAULT' });
    expect(statSync(`${at.slice(5)}.key`).mode & 0o777).toBe(0o600);
    expect([await away.end(), await home.end()]).toEqual([0, 0]);
    expect([home.err, away.err]).toEqual(['', '']);
    expect(existsSync(at.slice(5))).toBe(false);
  });

  it('share a file, which is truncated meanwhile', async () => {
    const { home, away } = await pair(['--file', scratch.file('poem', 'x'.repeat(5000))]);
    expect(await away.ask('load 4998 4')).toEqual({ bytes: '78780000' });
    expect(await home.ask('truncate 100')).toEqual({ recalled: 1 });
    expect(await away.ask('load 4096 1')).toEqual({ error: 'EFAULT' });
    expect(await away.ask('load 98 4')).toEqual({ bytes: '78780000' });
  });

  it('wait for a node that was killed until its lease has run out, and not longer', async () => {
    const { home, away } = await pair(['--size', '64K']);
    await away.ask('store 0 01');
    // It stands still: its socket is there, and nobody answers.
    away.child.kill('SIGSTOP');
    expect(await home.ask('drop 0 4K')).toEqual({ recalled: 1, 'leases that ran out': 1 });
    expect(home.err).toMatch(/^xpmem: attach-\d+ did not answer while its lease ran \(1 so far\)\n$/);
    expect(await home.ask('load 0 1')).toEqual({ bytes: '00' });
    away.child.kill('SIGCONT');
    expect(await away.ask('status')).toMatchObject({ 'pages held': 0 });
    expect(await away.ask('load 0 1')).toEqual({ bytes: '00' });
    await away.end('SIGKILL');
    expect(await home.ask('drop 0 4K')).toMatchObject({ recalled: expect.any(Number) });
    expect(await home.end('SIGINT')).toBe(0);
  });

  it('say in one line what is wrong', async () => {
    const { at } = await pair();
    const second = start(['serve', '--listen', at]);
    await new Promise((resolve) => second.child.once('close', resolve));
    expect([second.child.exitCode, second.err]).toEqual([
      2,
      `error: --listen: ${at} answers EADDRINUSE, somebody is there already\n`,
    ]);
    const stranger = start(['attach', at, '--key', scratch.file('wrong.key', 'k'.repeat(32))]);
    await new Promise((resolve) => stranger.child.once('close', resolve));
    expect([stranger.child.exitCode, stranger.err]).toEqual([
      2,
      `error: ${at} answers EKEYREJECTED: the two have different keys\n`,
    ]);
    const nowhere = endpoint();
    expectOneLine(await command('xpmem', 'attach', nowhere), /\.sock\.key: found no such file, expected the key/);
    expectOneLine(await command('xpmem', 'attach', 'tcp:127.0.0.1:1'), /--key: found none for tcp:127\.0\.0\.1:1/);
    expectOneLine(await command('xpmem', 'serve', '--listen', 'nowhere'), /an address is unix:PATH, tcp:HOST:PORT/);
    expectOneLine(await command('xpmem', 'serve', '--listen', nowhere, '--size', '0'), /--size: found 0/);
    expectOneLine(await command('xpmem', 'serve', '--listen', nowhere, '--file', nowhere), /--file: .*ENOENT/);
    expectOneLine(await command('xpmem', 'attach', nowhere, '--segment', 'x'), /--segment: found "x"/);
  });

  // Two hosts: each end in a network namespace of its own, joined by a pair of virtual Ethernet devices.
  const spaces = [`mmu-${process.pid}-a`, `mmu-${process.pid}-b`] as const;
  const ip = (line: string): boolean => spawnSync('ip', line.split(' ')).status === 0;
  const mayNamespace = ip(`netns add ${spaces[0]}`) && ip(`netns add ${spaces[1]}`);
  afterAll(() => spaces.forEach((space) => ip(`netns del ${space}`)));
  (mayNamespace ? it : it.skip)('are on two hosts (skipped where there are no network namespaces)', async () => {
    const [a, b] = spaces;
    const made = [
      `link add ve${process.pid} netns ${a} type veth peer name ve${process.pid} netns ${b}`,
      `-n ${a} addr add 10.99.0.1/24 dev ve${process.pid}`,
      `-n ${b} addr add 10.99.0.2/24 dev ve${process.pid}`,
      `-n ${a} link set ve${process.pid} up`,
      `-n ${b} link set ve${process.pid} up`,
    ].map(ip);
    if (made.includes(false)) return;
    const key = scratch.file('hosts.key', 'k'.repeat(32));
    const at = 'tcp:10.99.0.1:7000';
    const home = start(['serve', '--listen', at, '--key', key], ['ip', 'netns', 'exec', a]);
    await home.heard();
    const away = start(['attach', at, '--key', key], ['ip', 'netns', 'exec', b]);
    await away.heard();
    expect(await away.ask('store 0 "across"')).toEqual({});
    expect(await home.ask('load 0 6')).toEqual({ bytes: Buffer.from('across').toString('hex') });
    // The cable is pulled: nobody answers the recall.
    ip(`-n ${a} link set ve${process.pid} down`);
    expect(await home.ask('drop 0 4K')).toEqual({ recalled: 1, 'leases that ran out': 1 });
    expect(await home.end()).toBe(0);
  });
});
