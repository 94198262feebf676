/** The transport that a live machine is given. */
import type { Errno, LinkTransport, TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import { parseAddress } from './address.ts';
import { Context } from './context.ts';
import type { LinkStats } from './counters.ts';
import { dial } from './dial.ts';
import { MAX_MESSAGE } from './frame.ts';
import { type SocketListener, listenAt } from './listener.ts';
import { type SocketLinkOptions, settingsOf } from './options.ts';

/** Links over TCP and Unix sockets. @public */
export interface SocketLinks extends LinkTransport {
  stats(): LinkStats;
  /** Ends everything; resolves when no socket is open any more. */
  close(): Promise<void>;
}

/**
 * A transport for `MachineConfig.transport`. Endpoints are `unix:PATH`, `tcp:HOST:PORT` or `tcp:[IPV6]:PORT`.
 *
 * @throws RangeError for options that cannot be, one line.
 * @public
 */
export function socketLinks(options: SocketLinkOptions): SocketLinks {
  return new Transport(new Context(settingsOf(options)));
}

class Transport implements SocketLinks {
  readonly node: string;
  readonly maxMessage: number = MAX_MESSAGE;
  private readonly context: Context;
  private readonly listeners = new Set<SocketListener>();

  constructor(context: Context) {
    this.context = context;
    this.node = context.settings.node;
  }

  async listen(endpoint: string): Promise<TransportListener | Errno> {
    const listener = await listenAt(this.context, parseAddress(endpoint));
    if (typeof listener === 'string') return listener;
    this.listeners.add(listener);
    listener.server.once('close', () => this.listeners.delete(listener));
    if (this.context.closed) listener.close();
    return listener;
  }

  async connect(endpoint: string, patience: number): Promise<TransportLink | Errno> {
    const address = parseAddress(endpoint);
    if (this.context.closed) return 'ECONNREFUSED';
    return dial(this.context, address, patience);
  }

  stats(): LinkStats {
    return this.context.counters.report();
  }

  async close(): Promise<void> {
    const { context } = this;
    context.closed = true;
    for (const listener of [...this.listeners]) listener.close();
    for (const link of [...context.links]) link.close();
    for (const callOff of [...context.underWay]) callOff();
    const open = [...context.sockets].filter((socket) => !socket.closed);
    await Promise.all(open.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }
}
