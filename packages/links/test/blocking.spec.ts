/** Links of a machine that does not give way to the event loop: two processes, one of which blocks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { blockingLinks } from '../src/index.ts';

const ROOT = resolve(__dirname, '../../..');
const TYPESCRIPT = [
  '--conditions=@mmu-notifier/source',
  '--import',
  `file://${ROOT}/node_modules/tsx/dist/esm/index.mjs`,
];

describe('a machine that blocks', () => {
  const children: ChildProcess[] = [];
  let folder: string;

  function start(script: string, ...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [...TYPESCRIPT, join(__dirname, script), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return child;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'links-'));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  async function talk(...more: string[]): Promise<unknown> {
    const endpoint = `unix:${join(folder, 'echo.sock')}`;
    const echo = start('echo-process.ts', endpoint);
    await once(echo.stdout as NodeJS.ReadableStream, 'data');
    const blocking = start('blocking-process.ts', endpoint, ...more);
    const [said, [code]] = await Promise.all([text(blocking.stdout as never), once(blocking, 'exit')]);
    expect(code).toBe(0);
    return JSON.parse(said) as unknown;
  }

  it('sends, receives, waits for room and for time, and hears of the end', async () => {
    expect(await talk()).toMatchObject({
      echoed: [true, true, true, true],
      refused: true,
      inOrder: true,
      timeout: 'timeout',
      closed: 'closed',
      end: 'closed-by-peer',
    });
  });

  it('is told what is wrong with its key', async () => {
    expect(await talk('another key of thirty-two bytes!')).toEqual({ connected: 'EKEYREJECTED' });
  });

  it('wants options that can be', () => {
    expect(() => blockingLinks({ node: 'a node', key: 'a key of thirty-two bytes, or so' })).toThrow(RangeError);
  });
});
