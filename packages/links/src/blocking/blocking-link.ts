/** The near ends of links and listeners whose sockets are on another thread. */
import type { Errno, LinkEnd, TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import { MAX_MESSAGE } from '../frame.ts';
import { CREDIT, type LinkNews, MESSAGE_COST, type ToSockets, alone } from './messages.ts';

export class BlockingLink implements TransportLink {
  readonly peer: string;
  readonly session: number;
  end: LinkEnd | undefined;
  private readonly id: number;
  private readonly post: (message: ToSockets) => void;
  private readonly inbox: Uint8Array[] = [];
  /** Cost of what was sent and has not reached the socket. */
  private underWay = 0;
  private changed: () => void = () => undefined;

  constructor({ link, peer, session }: LinkNews, post: (message: ToSockets) => void) {
    this.id = link;
    this.peer = peer;
    this.session = session;
    this.post = post;
  }

  get hasRoom(): boolean {
    return this.underWay < CREDIT;
  }

  send(message: Uint8Array): Errno | undefined {
    if (message.length > MAX_MESSAGE) return 'EMSGSIZE';
    if (this.end !== undefined) return 'ENOTCONN';
    if (!this.hasRoom) return 'EAGAIN';
    this.underWay += message.length + MESSAGE_COST;
    this.post({ op: 'send', link: this.id, message: alone(message) });
    return undefined;
  }

  receive(): Uint8Array | 'closed' | undefined {
    const message = this.inbox.shift();
    if (message === undefined) return this.end === undefined ? undefined : 'closed';
    this.post({ op: 'taken', link: this.id, cost: message.length + MESSAGE_COST });
    return message;
  }

  watch(changed: () => void): void {
    this.changed = changed;
  }

  close(): void {
    if (this.end !== undefined) return;
    this.end = 'closed';
    this.inbox.length = 0;
    this.post({ op: 'close-link', link: this.id });
    this.changed();
  }

  arrived(message: Uint8Array): void {
    if (this.end !== undefined) return;
    this.inbox.push(message);
    this.changed();
  }

  passedOn(cost: number): void {
    const full = !this.hasRoom;
    this.underWay -= cost;
    if (full && this.hasRoom) this.changed();
  }

  ended(end: LinkEnd): void {
    this.end ??= end;
    this.changed();
  }
}

export class BlockingListener implements TransportListener {
  readonly endpoint: string;
  private readonly closeSocket: () => void;
  private readonly callers: BlockingLink[] = [];
  private over = false;
  private changed: () => void = () => undefined;

  constructor(endpoint: string, closeSocket: () => void) {
    this.endpoint = endpoint;
    this.closeSocket = closeSocket;
  }

  accept(): TransportLink | 'closed' | undefined {
    return this.callers.shift() ?? (this.over ? 'closed' : undefined);
  }

  watch(changed: () => void): void {
    this.changed = changed;
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    for (const caller of this.callers.splice(0)) caller.close();
    this.closeSocket();
    this.changed();
  }

  came(link: BlockingLink): void {
    if (this.over) return link.close();
    this.callers.push(link);
    this.changed();
  }

  gone(): void {
    this.over = true;
    this.changed();
  }
}
