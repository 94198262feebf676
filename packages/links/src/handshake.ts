/**
 * Both sides prove that they have the key, without showing it, before anything else is believed.
 *
 *     connector                                              acceptor
 *     HELLO      magic, version, last session, nonce, node  ---->
 *           <----  CHALLENGE  magic, version, nonce, node
 *     PROOF      HMAC(key, "connector", both frames)         ---->
 *           <----  WELCOME    session, HMAC(key, "acceptor", both frames, session)
 *
 * Whoever does not go on says why in a REFUSE. The acceptor gives nothing that depends on the key to somebody who has
 * not proved it. Fresh nonces of both sides go into every proof and into the session's keys: what was heard in one
 * session proves nothing in another, and the words keep one side's proof from being handed back as the other's. Pure:
 * frames in, frames out.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Fault } from './counters.ts';
import { FrameType, frame } from './frame.ts';
import { NODE_ID } from './options.ts';
import { Seal, hmac, readNumber, writeNumber } from './seal.ts';

export const VERSION = 1;
const MAGIC = 'mmuL';
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
/** Sessions are numbers that a double holds. */
const MOST_SESSIONS = 2 ** 52;

/** Reasons on the wire. */
const REFUSALS: readonly Fault[] = ['garbage', 'version', 'key', 'full'];

export interface Identity {
  readonly node: string;
  readonly key: Buffer;
  readonly nonce: () => Uint8Array;
  /** The greatest session that this node has had. */
  readonly lastSession: () => number;
}

export interface Session {
  readonly peer: string;
  readonly session: number;
  readonly outgoing: Seal;
  readonly incoming: Seal;
}

/** What to do after a frame. `refusedByPeer`: it was the peer that did not go on. */
export interface Step {
  readonly send?: Buffer;
  readonly session?: Session;
  readonly fault?: Fault;
  readonly refusedByPeer?: true;
}

export interface Handshake {
  step(frame: Buffer): Step;
}

export function refusal(fault: Fault): Buffer {
  return frame(FrameType.Refuse, Uint8Array.of(Math.max(0, REFUSALS.indexOf(fault)), VERSION));
}

function fail(fault: Fault): Step {
  return { send: refusal(fault), fault };
}

/** The side that connected. */
export class ConnectorHandshake implements Handshake {
  readonly hello: Buffer;
  private readonly identity: Identity;
  private challenge: Buffer | undefined;
  private peer = '';

  constructor(identity: Identity) {
    this.identity = identity;
    const last = Buffer.alloc(8);
    writeNumber(last, identity.lastSession(), 0);
    this.hello = frame(FrameType.Hello, greeting(identity, last));
  }

  step(bytes: Buffer): Step {
    if (bytes[0] === FrameType.Refuse) {
      return { fault: REFUSALS[bytes[1] ?? 0] ?? 'garbage', refusedByPeer: true };
    }
    return this.challenge === undefined ? this.prove(bytes) : this.believe(this.challenge, bytes);
  }

  private prove(bytes: Buffer): Step {
    const found = readGreeting(bytes, FrameType.Challenge, 0);
    if (typeof found === 'string') return fail(found);
    this.challenge = bytes;
    this.peer = found.node;
    return { send: frame(FrameType.Proof, hmac(this.identity.key, 'connector', this.hello.subarray(4), bytes)) };
  }

  private believe(challenge: Buffer, bytes: Buffer): Step {
    if (bytes[0] !== FrameType.Welcome || bytes.length !== 1 + 8 + PROOF_BYTES) return fail('garbage');
    const { key } = this.identity;
    const said = [this.hello.subarray(4), challenge, bytes.subarray(1, 9)] as const;
    if (!timingSafeEqual(hmac(key, 'acceptor', ...said), bytes.subarray(9))) return fail('key');
    const session = readNumber(bytes, 1);
    if (session > MOST_SESSIONS) return fail('garbage');
    const [outgoing, incoming] = sealsOf(key, said);
    return { session: { peer: this.peer, session, outgoing, incoming } };
  }
}

/** The side that was connected to. */
export class AcceptorHandshake implements Handshake {
  private readonly identity: Identity;
  private readonly begin: () => number;
  private hello: Buffer | undefined;
  private challenge: Buffer = Buffer.alloc(0);
  private peer = '';

  /** @param begin - The number of a new session, greater than that of any before. */
  constructor(identity: Identity, begin: (atLeast: number) => number) {
    this.identity = identity;
    this.begin = () => begin(readNumber(this.hello as Buffer, HELLO_LAST_AT) + 1);
  }

  step(bytes: Buffer): Step {
    if (bytes[0] === FrameType.Refuse) return { fault: REFUSALS[bytes[1] ?? 0] ?? 'garbage', refusedByPeer: true };
    return this.hello === undefined ? this.ask(bytes) : this.judge(this.hello, bytes);
  }

  private ask(bytes: Buffer): Step {
    const found = readGreeting(bytes, FrameType.Hello, 8);
    if (typeof found === 'string') return fail(found);
    if (readNumber(bytes, HELLO_LAST_AT) >= MOST_SESSIONS) return fail('garbage');
    this.hello = bytes;
    this.peer = found.node;
    const send = frame(FrameType.Challenge, greeting(this.identity, Buffer.alloc(0)));
    this.challenge = send.subarray(4);
    return { send };
  }

  private judge(hello: Buffer, bytes: Buffer): Step {
    const { key } = this.identity;
    if (bytes[0] !== FrameType.Proof || bytes.length !== 1 + PROOF_BYTES) return fail('garbage');
    if (!timingSafeEqual(hmac(key, 'connector', hello, this.challenge), bytes.subarray(1))) return fail('key');
    const session = this.begin();
    const number = Buffer.alloc(8);
    writeNumber(number, session, 0);
    const said = [hello, this.challenge, number] as const;
    const [incoming, outgoing] = sealsOf(key, said);
    return {
      send: frame(FrameType.Welcome, number, hmac(key, 'acceptor', ...said)),
      session: { peer: this.peer, session, outgoing, incoming },
    };
  }
}

/** Type, magic, version, then the last session. */
const HELLO_LAST_AT = 1 + 4 + 1;

function greeting({ node, nonce }: Identity, extra: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(MAGIC), Uint8Array.of(VERSION), extra, nonce(), Buffer.from(node)]);
}

function readGreeting(bytes: Buffer, type: number, extraBytes: number): { readonly node: string } | Fault {
  if (bytes[0] !== type || bytes.toString('latin1', 1, 5) !== MAGIC) return 'garbage';
  if (bytes[5] !== VERSION) return 'version';
  const node = bytes.toString('latin1', HELLO_LAST_AT + extraBytes + NONCE_BYTES);
  return NODE_ID.test(node) ? { node } : 'garbage';
}

/** Connector to acceptor, and back. */
function sealsOf(key: Buffer, said: readonly Uint8Array[]): readonly [Seal, Seal] {
  return [new Seal(hmac(key, 'from connector', ...said)), new Seal(hmac(key, 'from acceptor', ...said))];
}
