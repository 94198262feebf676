/** Peers that speak the protocol by hand, or do not: sockets without a machine. */
import { randomBytes } from 'node:crypto';
import { type Socket, connect } from 'node:net';
import { type TransportLink, type TransportListener } from '@mmu-notifier/plugin-api';
import {
  type LinkStats,
  type LinkTimers,
  type SocketLinkOptions,
  type SocketLinks,
  parseAddress,
  socketLinks,
} from '../src/index.ts';
import { FrameReader, MAX_FRAME } from '../src/frame.ts';
import { ConnectorHandshake, type Session } from '../src/handshake.ts';
import { KEY } from './world.ts';

/** Time that passes when a test says so. */
export class VirtualTimers implements LinkTimers {
  now = 0;
  armed: { due: number; ring: () => void }[] = [];

  after(nanoseconds: number, ring: () => void): () => void {
    const timer = { due: this.now + nanoseconds, ring };
    this.armed.push(timer);
    return () => void (this.armed = this.armed.filter((other) => other !== timer));
  }

  /** Rings what is due, in order. */
  pass(nanoseconds: number): void {
    const until = this.now + nanoseconds;
    for (;;) {
      const next = this.armed.filter(({ due }) => due <= until).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.armed = this.armed.filter((timer) => timer !== next);
      this.now = next.due;
      next.ring();
    }
    this.now = until;
  }
}

export interface Server {
  readonly links: SocketLinks;
  readonly listener: TransportListener;
  readonly logs: string[];
  faults(): Record<string, number>;
  /** Resolves when the counter of a fault is there. */
  sees(fault: string, count?: number): Promise<void>;
  /** The next link that was accepted. */
  next(): Promise<TransportLink>;
}

const open: SocketLinks[] = [];
const sockets: Socket[] = [];

/** A node that listens on loopback. */
export async function server(options: Partial<SocketLinkOptions> = {}): Promise<Server> {
  const logs: string[] = [];
  const links = transport({ node: 'server', log: (line) => void logs.push(line), ...options });
  const listener = (await links.listen('tcp:127.0.0.1:0')) as TransportListener;
  const faults = (): Record<string, number> => nonZero(links.stats());
  return {
    links,
    listener,
    logs,
    faults,
    sees: (fault, count = 1) => eventually(() => (faults()[fault] ?? 0) >= count),
    async next() {
      let link: TransportLink | 'closed' | undefined;
      await eventually(() => (link = listener.accept()) !== undefined);
      return link as TransportLink;
    },
  };
}

export function transport(options: Partial<SocketLinkOptions> = {}): SocketLinks {
  const made = socketLinks({ node: 'node', key: KEY, ...options });
  open.push(made);
  return made;
}

/** Ends what a test began. */
export async function closeAll(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((links) => links.close()));
}

function nonZero({ faults }: LinkStats): Record<string, number> {
  return Object.fromEntries(Object.entries(faults).filter(([, count]) => count > 0));
}

/** Waits for something that the event loop brings about. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A connected socket, and what it has got so far. */
export interface Raw {
  readonly socket: Socket;
  readonly got: Buffer[];
  closed: boolean;
}

export async function raw({ listener }: { readonly listener: TransportListener }): Promise<Raw> {
  const address = parseAddress(listener.endpoint);
  if (address.kind !== 'tcp') throw new Error('raw peers speak TCP');
  const socket = connect(address.port, address.host);
  sockets.push(socket);
  const peer: Raw = { socket, got: [], closed: false };
  socket.on('data', (chunk: Buffer) => void peer.got.push(chunk));
  socket.on('error', () => undefined);
  socket.on('close', () => (peer.closed = true));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return peer;
}

/** A peer that has the key, and whose frames a test makes by hand. */
export async function insider(at: {
  readonly listener: TransportListener;
}): Promise<Raw & { readonly session: Session }> {
  const peer = await raw(at);
  const handshake = new ConnectorHandshake({
    node: 'insider',
    key: Buffer.from(KEY),
    nonce: () => randomBytes(32),
    lastSession: () => 0,
  });
  const session = await new Promise<Session>((resolve, reject) => {
    const reader = new FrameReader(
      (bytes) => {
        const step = handshake.step(bytes);
        if (step.fault !== undefined) reject(new Error(step.fault));
        if (step.send !== undefined) peer.socket.write(step.send);
        if (step.session === undefined) return;
        resolve(step.session);
        reader.stop();
      },
      (fault) => reject(new Error(fault)),
    );
    reader.limit = MAX_FRAME;
    peer.socket.on('data', (chunk: Buffer) => reader.push(chunk));
    peer.socket.write(handshake.hello);
  });
  return { ...peer, session };
}
