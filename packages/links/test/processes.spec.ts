/** Two processes of the operating system, each with a machine of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Link, Routine } from '@mmu-notifier/plugin-api';
import { type SocketLinks, socketLinks } from '../src/index.ts';
import { KEY, type Side, got, machineOf, nodeOn } from './world.ts';

const ROOT = resolve(__dirname, '../../..');

interface Other {
  readonly process: ChildProcess;
  readonly endpoint: string;
  readonly exit: Promise<unknown[]>;
}

const others: ChildProcess[] = [];

async function start(endpoint: string): Promise<Other> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@mmu-notifier/source',
      '--import',
      `file://${ROOT}/node_modules/tsx/dist/esm/index.mjs`,
      join(__dirname, 'echo-process.ts'),
      endpoint,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  others.push(child);
  const exit = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, endpoint: line.toString().trim(), exit };
}

/** Runs a routine on a live machine of this process. */
async function here(body: (side: Side) => Routine<void>): Promise<SocketLinks> {
  const transport = socketLinks({ node: 'here', key: KEY });
  const machine = machineOf(transport);
  machine.spawn('test', body(nodeOn(machine, 'dev')));
  await machine.runLive().finally(() => transport.close());
  machine.close();
  return transport;
}

function* echoed(link: Link, message: Uint8Array): Routine<void> {
  while (link.send(message) === 'EAGAIN') yield* link.room();
  const answer = got(yield* link.receive());
  expect(answer).toHaveLength(message.length);
  expect(Buffer.compare(answer, message)).toBe(0);
}

describe('two processes', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'links-'));
  });

  afterEach(() => {
    for (const child of others.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['a Unix socket', () => `unix:${join(folder, 'echo.sock')}`],
    ['TCP', () => 'tcp:127.0.0.1:0'],
  ])('talk over %s, and both end', async (_, endpoint) => {
    const other = await start(endpoint());
    const transport = await here(function* ({ links }) {
      const link = got(yield* links.connect(other.endpoint, 20e9)) as Link;
      expect(link.peer).toBe('echo');
      for (const size of [0, 2, 70_000, 2 ** 20]) yield* echoed(link, new Uint8Array(size).fill(size & 255));
      link.send(Uint8Array.of(254));
      expect(yield* link.receive()).toBe('closed');
      expect(link.end).toBe('closed-by-peer');
    });
    expect(await other.exit).toEqual([0, null]);
    expect(transport.stats()).toMatchObject({ connected: 1, messagesSent: 5, messagesReceived: 4, lost: 0 });
  });

  it('see each other die, and find each other again at the same file', async () => {
    const endpoint = `unix:${join(folder, 'echo.sock')}`;
    const first = await start(endpoint);
    let second: Promise<Other> | undefined;
    await here(function* ({ links }) {
      const link = got(yield* links.connect(first.endpoint, 20e9)) as Link;
      yield* echoed(link, Uint8Array.of(1, 2));
      link.send(Uint8Array.of(255));
      expect(yield* link.receive()).toBe('closed');
      expect(link.end).toBe('lost');
      second = start(endpoint);
      const again = got(yield* links.connect(endpoint, 60e9)) as Link;
      expect(again.session).toBeGreaterThan(link.session);
      yield* echoed(again, Uint8Array.of(3, 4));
      again.send(Uint8Array.of(254));
      expect(yield* again.receive()).toBe('closed');
    });
    expect(await first.exit).toEqual([null, 'SIGKILL']);
    expect(await (await second)?.exit).toEqual([0, null]);
  });
});
