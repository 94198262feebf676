/**
 * One session over one socket. Memory is bounded in both directions: `send` refuses while the system does not take what
 * was sent, and the socket is not read while what arrived is not received, so that the peer's `send` refuses in turn.
 */
import type { Socket } from 'node:net';
import type { Errno, LinkEnd, TransportLink } from '@mmu-notifier/plugin-api';
import type { Context } from './context.ts';
import type { Fault } from './counters.ts';
import { FrameType, MAX_MESSAGE, type FrameReader } from './frame.ts';
import type { Session } from './handshake.ts';

/** What a message costs beside its bytes, so that empty ones are bounded too. */
const MESSAGE_COST = 128;
const NOTHING = new Uint8Array(0);
/** Looks at the silence in one idle time. */
const LOOKS = 4;

export class SocketLink implements TransportLink {
  readonly peer: string;
  readonly session: number;
  end: LinkEnd | undefined;
  private readonly context: Context;
  private readonly socket: Socket;
  private readonly reader: FrameReader;
  private readonly seals: Session;
  private readonly inbox: Uint8Array[] = [];
  private inboxCost = 0;
  private paused = false;
  private crowded = false;
  private spoke = false;
  private silentLooks = 0;
  private changed: () => void = () => undefined;
  private offAlive: () => void = () => undefined;
  private offIdle: () => void = () => undefined;

  constructor(context: Context, socket: Socket, reader: FrameReader, seals: Session) {
    this.context = context;
    this.socket = socket;
    this.reader = reader;
    this.seals = seals;
    this.peer = seals.peer;
    this.session = seals.session;
    socket.once('end', () => this.streamEnded());
    socket.once('close', () => this.streamEnded());
    context.links.add(this);
    this.tickAlive();
    this.tickIdle();
  }

  get hasRoom(): boolean {
    return this.socket.writableLength < this.context.settings.sendBuffer;
  }

  send(message: Uint8Array): Errno | undefined {
    const { counters } = this.context;
    if (message.length > MAX_MESSAGE) return 'EMSGSIZE';
    if (this.end !== undefined) return 'ENOTCONN';
    if (!this.hasRoom) {
      counters.refused++;
      return 'EAGAIN';
    }
    this.write(FrameType.Message, message);
    counters.messagesSent++;
    counters.bytesSent += message.length;
    return undefined;
  }

  receive(): Uint8Array | 'closed' | undefined {
    const message = this.inbox.shift();
    if (message === undefined) return this.end === undefined ? undefined : 'closed';
    this.inboxCost -= message.length + MESSAGE_COST;
    if (this.paused && this.inboxCost <= this.context.settings.receiveBuffer / 2) this.resume();
    return message;
  }

  watch(changed: () => void): void {
    this.changed = changed;
  }

  close(): void {
    if (this.end !== undefined) return;
    this.write(FrameType.Bye, NOTHING);
    this.inbox.length = 0;
    this.finish('closed');
    this.partingOf();
  }

  /** A frame from the peer, without its length. */
  take(bytes: Buffer): void {
    if (this.end !== undefined) return;
    const opened = this.seals.incoming.open(bytes);
    if (typeof opened === 'string') return this.drop(opened);
    this.silentLooks = 0;
    switch (opened.type) {
      case FrameType.Message:
        return this.arrive(opened.body);
      case FrameType.Alive:
        return void this.context.counters.signsOfLife++;
      case FrameType.Bye:
        this.finish('closed-by-peer');
        return this.partingOf();
      default:
        return this.drop('garbage');
    }
  }

  /** The peer cannot be talked to. */
  drop(fault: Fault): void {
    if (this.end !== undefined) return;
    this.context.counters.fault(fault, `session ${this.session} with ${this.peer} is dropped`);
    this.reader.stop();
    this.finish('lost');
    this.socket.destroy();
  }

  private arrive(body: Buffer): void {
    const { counters, settings } = this.context;
    counters.messagesReceived++;
    counters.bytesReceived += body.length;
    // A plain array: of a Buffer, `slice` would not copy.
    this.inbox.push(new Uint8Array(body.buffer, body.byteOffset, body.length));
    this.inboxCost += body.length + MESSAGE_COST;
    if (this.inboxCost >= settings.receiveBuffer && !this.paused) {
      this.paused = true;
      counters.paused++;
      this.reader.hold();
      this.socket.pause();
    }
    this.changed();
  }

  private resume(): void {
    this.paused = false;
    this.silentLooks = 0;
    this.reader.release();
    if (!this.paused) this.socket.resume();
  }

  private write(type: number, body: Uint8Array): void {
    this.spoke = true;
    this.socket.write(this.seals.outgoing.close(type, body), () => {
      if (!this.crowded || !this.hasRoom) return;
      this.crowded = false;
      this.changed();
    });
    this.crowded ||= !this.hasRoom;
  }

  /** Lets what was sent go out, and what still comes go by; not for ever. */
  private partingOf(): void {
    const { socket } = this;
    this.reader.stop();
    socket.resume();
    socket.end();
    const off = this.context.settings.timers.after(this.context.settings.handshakeTimeout, () => socket.destroy());
    socket.once('close', off);
  }

  private streamEnded(): void {
    if (this.end !== undefined) return;
    if (this.reader.inside) return this.drop('truncated');
    this.finish('lost');
    this.socket.destroy();
  }

  private finish(end: LinkEnd): void {
    this.end = end;
    if (end === 'lost') this.context.counters.lost++;
    this.context.links.delete(this);
    this.offAlive();
    this.offIdle();
    this.changed();
  }

  private tickAlive(): void {
    const { timers, keepAlive } = this.context.settings;
    this.offAlive = timers.after(keepAlive, () => {
      if (!this.spoke && this.hasRoom) this.write(FrameType.Alive, NOTHING);
      this.spoke = false;
      this.tickAlive();
    });
  }

  /** While the socket is not read here, silence says nothing about the peer. */
  private tickIdle(): void {
    const { timers, idleTimeout } = this.context.settings;
    this.offIdle = timers.after(idleTimeout / LOOKS, () => {
      this.silentLooks = this.paused ? 0 : this.silentLooks + 1;
      if (this.silentLooks > LOOKS) this.drop('silent');
      else this.tickIdle();
    });
  }
}
