/** The handshake without sockets: nonces are given, so that every byte is known. */
import { FrameType } from './frame.ts';
import { AcceptorHandshake, ConnectorHandshake, type Identity, type Step } from './handshake.ts';
import { settingsOf } from './options.ts';

const KEY = Buffer.from('a key of thirty-two bytes, or so');

function identity(node: string, nonce: number, more: Partial<Identity> = {}): Identity {
  return { node, key: KEY, nonce: () => new Uint8Array(32).fill(nonce), lastSession: () => 0, ...more };
}

function body(step: Step): Buffer {
  return (step.send as Buffer).subarray(4);
}

function handshake(connector: Identity, acceptor: Identity, change: (frame: Buffer) => Buffer = (frame) => frame) {
  const one = new ConnectorHandshake(connector);
  const other = new AcceptorHandshake(acceptor, (atLeast) => Math.max(atLeast, 5));
  const challenge = other.step(change(one.hello.subarray(4)));
  if (challenge.fault !== undefined) return { accepted: challenge };
  const proof = one.step(change(body(challenge)));
  const accepted = other.step(change(body(proof)));
  return { accepted, connected: accepted.fault === undefined ? one.step(change(body(accepted))) : undefined };
}

describe('a handshake', () => {
  it('agrees on a session and on keys that differ by direction', () => {
    const { accepted, connected } = handshake(identity('a', 1), identity('b', 2));
    expect([accepted.session?.peer, connected?.session?.peer]).toEqual(['a', 'b']);
    expect([accepted.session?.session, connected?.session?.session]).toEqual([5, 5]);
    const sealed = connected?.session?.outgoing.close(FrameType.Message, Buffer.from('hello')) as Buffer;
    expect(accepted.session?.incoming.open(Buffer.from(sealed.subarray(4)))).toMatchObject({
      body: Buffer.from('hello'),
    });
    expect(connected?.session?.incoming.open(Buffer.from(sealed.subarray(4)))).toBe('forged');
  });

  it('gives a session that is later than any of either side', () => {
    const { connected } = handshake(identity('a', 1, { lastSession: () => 41 }), identity('b', 2));
    expect(connected?.session?.session).toBe(42);
  });

  it('is the same for the same nonces, and has other keys for another', () => {
    const sealed = (nonce: number): Buffer =>
      handshake(identity('a', 1), identity('b', nonce)).connected?.session?.outgoing.close(
        6,
        Buffer.alloc(4),
      ) as Buffer;
    expect(sealed(2)).toEqual(sealed(2));
    expect(sealed(3)).not.toEqual(sealed(2));
  });

  it('fails for every bit that is changed on the way', () => {
    const frames: Buffer[] = [];
    handshake(identity('a', 1), identity('b', 2), (bytes) => (frames.push(bytes), bytes));
    let tried = 0;
    for (let which = 0; which < frames.length; which++) {
      for (let bit = 0; bit < (frames[which] as Buffer).length * 8; bit++) {
        let at = -1;
        const { accepted, connected } = handshake(identity('a', 1), identity('b', 2), (bytes) => {
          if (++at !== which) return bytes;
          const changed = Buffer.from(bytes);
          changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
          return changed;
        });
        expect({ which, bit, session: connected?.session }).toEqual({ which, bit, session: undefined });
        // Before the last frame, neither side believes anything.
        if (which < 3) expect(accepted.session).toBeUndefined();
        tried++;
      }
    }
    expect(tried).toBeGreaterThan(1000);
  });
});

describe('options', () => {
  it.each([
    [{ node: 'a b' }, /^links: node is 1 to 64 letters/],
    [{ key: 'short' }, 'links: the key has at least 16 bytes, found 5'],
    [{ keepalive: 3 }, /^links: found option "keepalive", expected node, /],
    [{ backOff: 0 }, 'links: backOff is a number above 0, found 0'],
    [{ idleTimeout: 3e9 }, /^links: idleTimeout is at least twice keepAlive/],
  ])('are refused: %j', (options, message) => {
    expect(() => settingsOf({ node: 'a', key: KEY, ...options })).toThrow(message);
  });
});
