/** What all connections of one transport share. */
import type { Socket } from 'node:net';
import { Counters } from './counters.ts';
import type { Identity } from './handshake.ts';
import type { Settings } from './options.ts';

/** A link, as much of it as is needed here. */
export interface Closable {
  close(): void;
}

export class Context {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly identity: Identity;
  /** Every socket that is open. */
  readonly sockets: Set<Socket> = new Set();
  /** Links that are connected. */
  readonly links: Set<Closable> = new Set();
  /** What calls off the handshakes and the attempts to connect that are under way. */
  readonly underWay: Set<() => void> = new Set();
  /** Accepted ones, and how many of them have proved nothing yet. */
  accepted = 0;
  handshakes = 0;
  closed = false;
  private lastSession = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.counters = new Counters(settings.log);
    const { node, key, nonce } = settings;
    this.identity = { node, key, nonce, lastSession: () => this.lastSession };
  }

  /** Greater than any session that either side has had. */
  beginSession(atLeast: number): number {
    return (this.lastSession = Math.max(this.lastSession + 1, atLeast));
  }

  joinSession(session: number): void {
    this.lastSession = Math.max(this.lastSession, session);
  }

  /** Remembers a socket until it is closed. */
  own(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    // Whatever went wrong, 'close' follows.
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }
}
