/** Options of a transport, checked once. */
import { randomBytes } from 'node:crypto';

/** Time for a transport. @public */
export interface LinkTimers {
  /** Calls `ring` once, `nanoseconds` from now. @returns what calls it off. */
  after(nanoseconds: number, ring: () => void): () => void;
}

/** How to make a transport. Times are nanoseconds, sizes are bytes. @public */
export interface SocketLinkOptions {
  /** This node's id: 1 to 64 letters, digits, `.`, `_` and `-`. */
  readonly node: string;
  /** What all nodes share; at least 16 bytes, and nothing that can be guessed: who listens in may try guesses. */
  readonly key: Uint8Array | string;
  /** Told of every peer that was turned away or dropped, one line each; of many of a kind only some. */
  readonly log?: (line: string) => void;
  /** From the connection to the end of the handshake: 5 s unless given. */
  readonly handshakeTimeout?: number;
  /** A sign of life is sent after this time of silence: 2 s unless given. */
  readonly keepAlive?: number;
  /** A peer is lost when no whole frame has come for so long: 10 s unless given. */
  readonly idleTimeout?: number;
  /** First pause between two attempts to connect, doubled each time up to `backOffMost`: 50 ms and 2 s unless given. */
  readonly backOff?: number;
  readonly backOffMost?: number;
  /** Sent, and not taken by the system: `send` answers EAGAIN above it. 1 MiB unless given. */
  readonly sendBuffer?: number;
  /** Arrived, and not received: above it the socket is not read. 1 MiB unless given. */
  readonly receiveBuffer?: number;
  /** Accepted connections at a time, 64 unless given, and how many of them may be in the handshake, 16 unless given. */
  readonly maxConnections?: number;
  readonly maxHandshakes?: number;
  /** Real ones unless given. */
  readonly timers?: LinkTimers;
  /** 32 bytes that never come again; random unless given. */
  readonly nonce?: () => Uint8Array;
}

export type Settings = Required<Omit<SocketLinkOptions, 'key'>> & { readonly key: Buffer };

const SECOND = 1e9;
const NUMBERS = {
  handshakeTimeout: 5 * SECOND,
  keepAlive: 2 * SECOND,
  idleTimeout: 10 * SECOND,
  backOff: SECOND / 20,
  backOffMost: 2 * SECOND,
  sendBuffer: 2 ** 20,
  receiveBuffer: 2 ** 20,
  maxConnections: 64,
  maxHandshakes: 16,
} as const;
const OTHERS = ['node', 'key', 'log', 'timers', 'nonce'];
const LEAST_KEY = 16;
export const NODE_ID: RegExp = /^[A-Za-z0-9._-]{1,64}$/;

const REAL_TIMERS: LinkTimers = {
  after(nanoseconds, ring) {
    const timer = setTimeout(ring, nanoseconds / 1e6);
    return () => clearTimeout(timer);
  },
};

/** @throws RangeError, one line. */
export function settingsOf(options: SocketLinkOptions): Settings {
  const unknown = Object.keys(options).find((name) => !(name in NUMBERS) && !OTHERS.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(
      `links: found option "${unknown}", expected ${[...OTHERS, ...Object.keys(NUMBERS)].join(', ')}`,
    );
  }
  const { node, log = () => undefined, timers = REAL_TIMERS, nonce = () => randomBytes(32) } = options;
  if (typeof node !== 'string' || !NODE_ID.test(node)) {
    throw new RangeError(`links: node is 1 to 64 letters, digits, ".", "_" and "-", found ${JSON.stringify(node)}`);
  }
  const key = Buffer.from(options.key as Uint8Array);
  if (key.length < LEAST_KEY) {
    throw new RangeError(`links: the key has at least ${LEAST_KEY} bytes, found ${key.length}`);
  }
  const numbers: Record<string, number> = { ...NUMBERS };
  for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const value = options[name] ?? NUMBERS[name];
    if (!(typeof value === 'number' && value > 0 && Number.isFinite(value))) {
      throw new RangeError(`links: ${name} is a number above 0, found ${JSON.stringify(value)}`);
    }
    numbers[name] = value;
  }
  const checked = { node, log, timers, nonce, key, ...(numbers as Record<keyof typeof NUMBERS, number>) };
  if (checked.keepAlive * 2 > checked.idleTimeout) {
    throw new RangeError(`links: idleTimeout is at least twice keepAlive, found ${checked.idleTimeout}`);
  }
  return checked;
}
