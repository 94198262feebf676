/** Each kind of bad peer: turned away or dropped, counted, told of in one line; nobody else notices, and memory is bounded. */
import type { TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import { FrameType, MAX_FRAME, frame } from '../src/frame.ts';
import { proxyTo } from './proxy.ts';
import { type Raw, type Server, VirtualTimers, closeAll, eventually, insider, raw, server, transport } from './raw.ts';

afterEach(closeAll);

/** What must hold after every bad peer: a good one is served. */
async function stillServes(at: Server): Promise<void> {
  const links = transport({ node: 'good' });
  const link = (await links.connect(at.listener.endpoint, 0)) as TransportLink;
  let other = await at.next();
  while (other.peer !== 'good') other = await at.next();
  link.send(Uint8Array.of(1));
  let message: unknown;
  await eventually(() => (message = other.receive()) !== undefined);
  expect(message).toEqual(Uint8Array.of(1));
  link.close();
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

describe('a stranger', () => {
  it.each([
    ['garbage', 'speaks HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['garbage', 'sends an empty frame', header(0)],
    ['garbage', 'sends a frame that is no hello', frame(FrameType.Message, Buffer.alloc(100))],
    ['garbage', 'has no name', frame(FrameType.Hello, Buffer.from('mmuL\x01'), Buffer.alloc(40))],
    [
      'garbage',
      'has a name that is none',
      frame(FrameType.Hello, Buffer.from('mmuL\x01'), Buffer.alloc(40), Buffer.from('a\nb')),
    ],
    ['oversize', 'announces a long frame', header(257)],
    ['oversize', 'announces a message before it has proved anything', header(MAX_FRAME)],
    [
      'version',
      'speaks another version',
      frame(FrameType.Hello, Buffer.from('mmuL\x02'), Buffer.alloc(40), Buffer.from('n')),
    ],
  ])('that is counted as %s: it %s', async (fault, _, bytes) => {
    const at = await server();
    const peer = await raw(at);
    peer.socket.write(bytes);
    await at.sees(fault);
    await eventually(() => peer.closed);
    expect(at.faults()).toEqual({ [fault]: 1 });
    expect(at.logs).toEqual([`links: a caller at ${at.listener.endpoint} is turned away (${fault}, 1 so far)`]);
    await stillServes(at);
  });

  it('that leaves inside a frame', async () => {
    const at = await server();
    const peer = await raw(at);
    peer.socket.end(Buffer.concat([header(90), Buffer.alloc(10)]));
    await at.sees('truncated');
    await stillServes(at);
  });

  it('that never says anything, or never ends', async () => {
    const at = await server({ handshakeTimeout: 30e6 });
    const [silent, slow] = [await raw(at), await raw(at)];
    slow.socket.write(header(100));
    const drip = setInterval(() => slow.socket.write(Buffer.alloc(1)), 5);
    await at.sees('slow', 2);
    await eventually(() => silent.closed && slow.closed);
    clearInterval(drip);
    await stillServes(at);
  });

  it('that has another key: both sides say so, and nobody tries again', async () => {
    const at = await server();
    const links = transport({ key: 'another key of many, many bytes' });
    expect(await links.connect(at.listener.endpoint, 60e9)).toBe('EKEYREJECTED');
    expect([at.faults(), links.stats().faults['key'], links.stats().retries]).toEqual([{ key: 1 }, 1, 0]);
    await stillServes(at);
  });

  it('that pretends to be the acceptor', async () => {
    const at = await server({ key: 'the key of an impostor, no other' });
    const links = transport();
    // The impostor lets everybody in.
    const proxy = await proxyTo(at.listener.endpoint, 'tcp:127.0.0.1:0', (chunk, direction) => {
      if (direction === 'to-acceptor' || chunk[4] !== FrameType.Refuse) return chunk;
      return frame(FrameType.Welcome, Buffer.alloc(40));
    });
    expect(await links.connect(proxy.endpoint, 0)).toBe('EKEYREJECTED');
    expect(links.stats().connected).toBe(0);
    await proxy.close();
  });

  it('that plays back a handshake that it has heard', async () => {
    const at = await server();
    const heard: Buffer[] = [];
    const proxy = await proxyTo(at.listener.endpoint, 'tcp:127.0.0.1:0', (chunk, direction) => {
      if (direction === 'to-acceptor') heard.push(Buffer.from(chunk));
      return chunk;
    });
    const link = (await transport().connect(proxy.endpoint, 0)) as TransportLink;
    link.send(Uint8Array.of(1));
    await at.next();
    await eventually(() => heard.length > 2);
    const peer = await raw(at);
    for (const chunk of heard) peer.socket.write(chunk);
    await at.sees('key');
    expect(at.links.stats().accepted).toBe(1);
    await proxy.close();
  });

  it('that hands back what it is asked', async () => {
    const at = await server();
    const peer = await raw(at);
    peer.socket.on('data', (chunk) => peer.socket.write(chunk));
    peer.socket.write(frame(FrameType.Hello, Buffer.from('mmuL\x01'), Buffer.alloc(40), Buffer.from('mirror')));
    await at.sees('garbage');
    expect(at.links.stats().accepted).toBe(0);
  });

  it('that comes in thousands: no more than a few wait, the rest goes at once', async () => {
    const at = await server({ maxHandshakes: 4 });
    const peers: Raw[] = [];
    for (let i = 0; i < 300; i++) peers.push(await raw(at));
    await at.sees('full', 296);
    await eventually(() => peers.filter(({ closed }) => closed).length === 296);
    // Few lines, whatever the number of callers.
    expect(at.logs.length).toBeLessThan(20);
    for (const { socket } of peers) socket.destroy();
    await at.sees('truncated', 4);
    await stillServes(at);
  });
});

describe('a peer that has the key', () => {
  it.each([
    ['garbage', 'a frame of no type', (seal: (type: number, body: Buffer) => Buffer) => seal(77, Buffer.alloc(3))],
    ['garbage', 'a frame without a MAC', () => frame(FrameType.Message, Buffer.alloc(3))],
    ['oversize', 'a frame that is too long', () => header(MAX_FRAME + 1)],
    ['forged', 'a frame with a wrong MAC', () => frame(FrameType.Message, Buffer.alloc(40))],
    [
      'replayed',
      'a frame twice',
      (seal: (type: number, body: Buffer) => Buffer) => {
        const bytes = seal(FrameType.Message, Buffer.from('once'));
        return Buffer.concat([bytes, bytes]);
      },
    ],
    [
      'replayed',
      'frames in another order',
      (seal: (type: number, body: Buffer) => Buffer) => {
        const [one, two] = [seal(FrameType.Message, Buffer.from('1')), seal(FrameType.Message, Buffer.from('2'))];
        return Buffer.concat([two, one]);
      },
    ],
  ])('is dropped (%s) when it sends %s', async (fault, _, make) => {
    const at = await server();
    const { socket, session } = await insider(at);
    const link = await at.next();
    socket.write(make((type, body) => session.outgoing.close(type, body)));
    await at.sees(fault);
    await eventually(() => socket.destroyed);
    expect([link.end, at.faults()]).toEqual(['lost', { [fault]: 1 }]);
    expect(at.logs[0]).toMatch(/^links: session \d+ with insider is dropped/);
    await stillServes(at);
  });

  it('cannot send frames of one session in another', async () => {
    const at = await server();
    const [first, second] = [await insider(at), await insider(at)];
    second.socket.write(first.session.outgoing.close(FrameType.Message, Buffer.from('stray')));
    await at.sees('forged');
  });

  it('is lost when it leaves inside a frame', async () => {
    const at = await server();
    const { socket, session } = await insider(at);
    const link = await at.next();
    socket.end(session.outgoing.close(FrameType.Message, Buffer.alloc(100)).subarray(0, 50));
    await at.sees('truncated');
    expect([link.end, link.receive()]).toEqual(['lost', 'closed']);
  });

  it('is lost when it says nothing for too long, and kept while it does', async () => {
    const timers = new VirtualTimers();
    const at = await server({ timers, keepAlive: 100, idleTimeout: 1000 });
    const good = transport({ timers, node: 'good', keepAlive: 100, idleTimeout: 1000 });
    const kept = (await good.connect(at.listener.endpoint, 0)) as TransportLink;
    await insider(at);
    for (let i = 1; i <= 20; i++) {
      timers.pass(100);
      await eventually(() => [at.links, good].every((side) => side.stats().signsOfLife === i));
    }
    expect([kept.end, at.faults()]).toEqual([undefined, { silent: 1 }]);
    expect(at.logs[0]).toContain('with insider is dropped');
  });

  it('that floods is not read, and what it has sent is bounded', async () => {
    const at = await server({ receiveBuffer: 100_000 });
    const { socket, session } = await insider(at);
    const link = await at.next();
    const flood = (): void => {
      while (socket.writableLength < 1e6) socket.write(session.outgoing.close(FrameType.Message, Buffer.alloc(1000)));
    };
    await eventually(() => {
      flood();
      return at.links.stats().paused === 1;
    });
    for (let i = 0; i < 20; i++) {
      flood();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    // One chunk of the stream beyond the bound at most.
    expect(at.links.stats().bytesReceived).toBeLessThan(100_000 + 65_536);
    let taken = 0;
    while (link.receive() !== undefined) taken++;
    expect(taken).toBeGreaterThan(50);
    await eventually(() => at.links.stats().messagesReceived > taken + 50);
  });

  it('that floods with nothing is not read either', async () => {
    const at = await server({ receiveBuffer: 100_000 });
    const { socket, session } = await insider(at);
    await at.next();
    for (let i = 0; i < 20_000; i++) socket.write(session.outgoing.close(FrameType.Message, Buffer.alloc(0)));
    await eventually(() => at.links.stats().paused === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(at.links.stats().messagesReceived).toBeLessThan(1000);
  });

  it('that reads nothing is not sent more than the bound', async () => {
    const at = await server({ sendBuffer: 200_000 });
    const { socket } = await insider(at);
    socket.pause();
    const link = await at.next();
    const message = new Uint8Array(100_000);
    const began = process.memoryUsage().external;
    for (let i = 0; i < 2000; i++) {
      link.send(message);
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const { refused, messagesSent } = at.links.stats();
    expect(messagesSent + refused).toBe(2000);
    expect(messagesSent * message.length).toBeLessThan(20e6);
    expect(process.memoryUsage().external - began).toBeLessThan(40e6);
    expect(link.hasRoom).toBe(false);
  });

  it('that announces much and sends little costs little', async () => {
    const at = await server();
    const began = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 12; i++) {
      const { socket } = await insider(at);
      socket.write(Buffer.concat([header(MAX_FRAME), Buffer.alloc(10)]));
    }
    await eventually(() => at.links.stats().accepted === 12);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(process.memoryUsage().arrayBuffers - began).toBeLessThan(6e6);
  });

  it('cannot have more connections than there may be', async () => {
    const at = await server({ maxConnections: 2 });
    const peers = [await insider(at), await insider(at)];
    const links = transport();
    expect(['ECONNREFUSED', 'ECONNRESET']).toContain(await links.connect(at.listener.endpoint, 0));
    expect(at.faults()).toEqual({ full: 1 });
    peers[0]?.socket.destroy();
    const link = await links.connect(at.listener.endpoint, 60e9);
    expect(link).toMatchObject({ peer: 'server' });
  });

  it('may leave: the others stay', async () => {
    const at = await server();
    const [one, two] = [transport({ node: 'one' }), transport({ node: 'two' })];
    const links = [
      await one.connect(at.listener.endpoint, 0),
      await two.connect(at.listener.endpoint, 0),
    ] as TransportLink[];
    const served = [await at.next(), await at.next()];
    links[0]?.close();
    await eventually(() => served.some(({ end }) => end === 'closed-by-peer'));
    expect(served.map(({ end }) => end).sort()).toEqual(['closed-by-peer', undefined]);
    expect((at.listener as TransportListener).accept()).toBeUndefined();
  });
});

describe('somebody in the middle', () => {
  /** Changes what goes to the acceptor once it is a session. @returns the server's side of it. */
  async function meddled(
    change: (chunk: Buffer) => Buffer,
  ): Promise<{ at: Server; link: TransportLink; received: unknown[] }> {
    const at = await server();
    const proxy = await proxyTo(at.listener.endpoint, 'tcp:127.0.0.1:0', (chunk, direction) =>
      direction === 'to-acceptor' && chunk[4] === FrameType.Message ? change(chunk) : chunk,
    );
    const here = (await transport().connect(proxy.endpoint, 0)) as TransportLink;
    const link = await at.next();
    here.send(Uint8Array.of(1, 2, 3));
    await eventually(() => link.end !== undefined || at.links.stats().messagesReceived > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const received: unknown[] = [];
    for (let message = link.receive(); message instanceof Uint8Array; message = link.receive()) received.push(message);
    await proxy.close();
    return { at, link, received };
  }

  it('cannot change a byte', async () => {
    const { at, link, received } = await meddled((chunk) => {
      const changed = Buffer.from(chunk);
      changed[14] = (changed[14] ?? 0) ^ 1;
      return changed;
    });
    expect([received, link.end, at.faults()]).toEqual([[], 'lost', { forged: 1 }]);
  });

  it('cannot repeat a message', async () => {
    const { at, link, received } = await meddled((chunk) => Buffer.concat([chunk, chunk]));
    expect([received, link.end, at.faults()]).toEqual([[Uint8Array.of(1, 2, 3)], 'lost', { replayed: 1 }]);
  });

  it('cannot put one in', async () => {
    const made = frame(FrameType.Message, Buffer.alloc(8), Buffer.from('x'), Buffer.alloc(16));
    const { at, received } = await meddled((chunk) => Buffer.concat([made, chunk]));
    expect([received, at.faults()]).toEqual([[], { forged: 1 }]);
  });

  it('cannot leave out the end unnoticed', async () => {
    const at = await server();
    const proxy = await proxyTo(at.listener.endpoint, 'tcp:127.0.0.1:0');
    await transport().connect(proxy.endpoint, 0);
    const link = await at.next();
    proxy.cut();
    await eventually(() => link.end !== undefined);
    expect([link.end, at.links.stats().lost]).toEqual(['lost', 1]);
    await proxy.close();
  });
});
