/** Keep-alive, back-off and time-outs in virtual time; socket files; shutdown. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import { VirtualTimers, closeAll, eventually, insider, raw, server, transport } from './raw.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'links-'));
});

afterEach(async () => {
  await closeAll();
  rmSync(folder, { recursive: true });
});

describe('a transport with timers of its own', () => {
  it('pauses twice as long after each attempt, up to the most, and gives up when patience is over', async () => {
    const timers = new VirtualTimers();
    const links = transport({ timers, backOff: 100, backOffMost: 350, handshakeTimeout: 1e6 });
    const pauses: number[] = [];
    let answer: unknown;
    const listener = (await links.listen('tcp:127.0.0.1:0')) as TransportListener;
    const { endpoint } = listener;
    listener.close();
    void links.connect(endpoint, 1500).then((made) => (answer = made));
    while (answer === undefined) {
      // Between attempts two timers run: the pause and the patience.
      await eventually(
        () =>
          answer !== undefined ||
          (timers.armed.length === 2 && timers.armed.every(({ due }) => due - timers.now <= 1500)),
      );
      if (answer !== undefined) break;
      const due = Math.min(...timers.armed.map((timer) => timer.due));
      pauses.push(due - timers.now);
      timers.pass(due - timers.now);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([answer, pauses]).toEqual(['ECONNREFUSED', [100, 200, 350, 350, 350, 150]]);
    expect([links.stats().retries, timers.armed]).toEqual([5, []]);
  });

  it('gives up an acceptor that never answers', async () => {
    const silent = createServer((socket) => void socket.resume());
    const path = join(folder, 'silent.sock');
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    const timers = new VirtualTimers();
    const links = transport({ timers, handshakeTimeout: 500 });
    const made = links.connect(`unix:${path}`, 0);
    const passes = setInterval(() => timers.pass(100), 1);
    expect(await made).toBe('ETIMEDOUT');
    clearInterval(passes);
    await links.close();
    await new Promise<void>((resolve) => silent.close(() => resolve()));
  });

  it('sends a sign of life when it has nothing else to say', async () => {
    const timers = new VirtualTimers();
    const at = await server({ timers, keepAlive: 100, idleTimeout: 1000, handshakeTimeout: 1e9 });
    const links = transport({ timers, keepAlive: 100, idleTimeout: 1000, handshakeTimeout: 1e9 });
    const link = (await links.connect(at.listener.endpoint, 0)) as TransportLink;
    const other = await at.next();
    for (let i = 1; i <= 50; i++) {
      timers.pass(100);
      await eventually(() => [at.links, links].every((side) => side.stats().signsOfLife === i));
    }
    expect([link.end, other.end]).toEqual([undefined, undefined]);
    // Nothing passes the wire meanwhile: both give up.
    timers.pass(1500);
    expect([link.end, other.end]).toEqual(['lost', 'lost']);
    expect(timers.armed).toEqual([]);
  });

  it('does not take its own back-pressure for silence', async () => {
    const timers = new VirtualTimers();
    const options = { timers, keepAlive: 100, idleTimeout: 1000, handshakeTimeout: 1e9, receiveBuffer: 10_000 };
    const at = await server(options);
    const links = transport(options);
    const link = (await links.connect(at.listener.endpoint, 0)) as TransportLink;
    const other = await at.next();
    for (let i = 0; i < 20; i++) link.send(new Uint8Array(1000));
    await eventually(() => at.links.stats().paused === 1);
    for (let i = 1; i <= 50; i++) {
      timers.pass(100);
      await eventually(() => links.stats().signsOfLife === i);
    }
    let received = 0;
    await eventually(() => {
      if (other.receive() instanceof Uint8Array) received++;
      return received === 20;
    });
    expect([link.end, other.end]).toEqual([undefined, undefined]);
  });
});

describe('the file of a Unix socket', () => {
  it('is replaced when its server is dead, refused when it lives, and gone after close', async () => {
    const path = join(folder, 'a.sock');
    const endpoint = `unix:${path}`;
    const server = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    expect(spawnSync(process.execPath, ['-e', server, path]).signal).toBe('SIGKILL');
    expect(statSync(path).isSocket()).toBe(true);
    const listener = (await transport().listen(endpoint)) as TransportListener;
    expect(listener.endpoint).toBe(endpoint);
    expect(await transport().listen(endpoint)).toBe('EADDRINUSE');
    expect(await transport().connect(endpoint, 0)).toMatchObject({ peer: 'node' });
    listener.close();
    await eventually(() => !existsSync(path));
  });

  it('is left alone when it is no socket', async () => {
    const path = join(folder, 'precious');
    writeFileSync(path, 'kept');
    expect(await transport().listen(`unix:${path}`)).toBe('EADDRINUSE');
    expect(existsSync(path)).toBe(true);
  });

  it('needs a folder', async () => {
    expect(await transport().listen(`unix:${join(folder, 'none', 'a.sock')}`)).toMatch(/^(ENOENT|EACCES)$/);
  });
});

describe('close', () => {
  it('ends links, listeners, handshakes and attempts, and leaves nothing open', async () => {
    const at = await server();
    const links = transport();
    const made = (await links.connect(at.listener.endpoint, 0)) as TransportLink;
    const accepted = await at.next();
    await raw(at);
    const trying = links.connect('unix:/nowhere/at/all.sock', 60e9);
    await Promise.all([links.close(), at.links.close()]);
    expect(['ECONNREFUSED', 'ETIMEDOUT']).toContain(await trying);
    expect(at.listener.accept()).toBe('closed');
    expect([made.end, accepted.end].every((end) => end === 'closed' || end === 'closed-by-peer')).toBe(true);
    expect([at.faults(), await links.connect(at.listener.endpoint, 0)]).toEqual([{}, 'ECONNREFUSED']);
  });

  it('does not wait for a peer that does not go', async () => {
    const at = await server({ handshakeTimeout: 50e6 });
    const { socket } = await insider(at);
    socket.pause();
    socket.allowHalfOpen = true;
    await at.next();
    await at.links.close();
    expect(at.faults()).toEqual({});
  });
});
