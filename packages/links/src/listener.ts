/** An endpoint: accepts sockets, greets them, and hands out the links that come of it. */
import { lstatSync, rmSync } from 'node:fs';
import { type AddressInfo, type ListenOptions, type Server, type Socket, connect, createServer } from 'node:net';
import type { Errno, TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import { type LinkAddress, formatAddress } from './address.ts';
import type { Context } from './context.ts';
import { errnoOf } from './errors.ts';
import { greet } from './greeting.ts';
import { AcceptorHandshake, refusal } from './handshake.ts';
import type { SocketLink } from './socket-link.ts';

/** Opens an endpoint. The file of a Unix socket that nobody listens at any more is replaced. */
export async function listenAt(context: Context, address: LinkAddress): Promise<SocketListener | Errno> {
  const first = await tryListen(context, address);
  if (first !== 'EADDRINUSE' || address.kind === 'tcp' || !(await isStale(address.path))) return first;
  rmSync(address.path, { force: true });
  return tryListen(context, address);
}

function tryListen(context: Context, address: LinkAddress): Promise<SocketListener | Errno> {
  return new Promise((resolve) => {
    const listener = new SocketListener(context, address);
    listener.server.once('error', (error) => resolve(errnoOf(error)));
    listener.server.listen(options(address), () => resolve(listener));
  });
}

function options(address: LinkAddress): ListenOptions {
  if (address.kind === 'unix') return { path: address.path };
  return { host: address.host, port: address.port };
}

/** Whether the file is a socket at which nobody answers. */
function isStale(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => resolve(false));
    probe.once('error', (error) => resolve(errnoOf(error) === 'ECONNREFUSED'));
    probe.once('connect', () => probe.destroy());
  });
}

export class SocketListener implements TransportListener {
  readonly server: Server;
  private readonly context: Context;
  private readonly address: LinkAddress;
  private readonly waiting: SocketLink[] = [];
  private closed = false;
  private changed: () => void = () => undefined;

  constructor(context: Context, address: LinkAddress) {
    this.context = context;
    this.address = address;
    this.server = createServer((socket) => this.arrive(socket));
    this.server.on('close', () => this.shut());
    // A caller that the system could not accept: the others go on.
    this.server.on('error', () => undefined);
  }

  get endpoint(): string {
    const { address } = this;
    if (address.kind === 'unix') return formatAddress(address);
    const bound = this.server.address() as AddressInfo | null;
    return formatAddress({ ...address, port: bound?.port ?? address.port });
  }

  accept(): TransportLink | 'closed' | undefined {
    return this.waiting.shift() ?? (this.closed ? 'closed' : undefined);
  }

  watch(changed: () => void): void {
    this.changed = changed;
  }

  close(): void {
    this.shut();
    this.server.close();
  }

  private shut(): void {
    if (this.closed) return;
    this.closed = true;
    for (const link of this.waiting.splice(0)) link.close();
    this.changed();
  }

  private arrive(socket: Socket): void {
    const { context } = this;
    const { maxConnections, maxHandshakes } = context.settings;
    context.own(socket);
    if (this.closed) return void socket.destroy();
    if (context.accepted >= maxConnections || context.handshakes >= maxHandshakes) {
      context.counters.fault('full', `a caller at ${this.endpoint} is turned away`);
      socket.end(refusal('full'), () => socket.destroy());
      return;
    }
    context.accepted++;
    context.handshakes++;
    socket.once('close', () => context.accepted--);
    const handshake = new AcceptorHandshake(context.identity, (atLeast) => context.beginSession(atLeast));
    greet(context, socket, handshake, `a caller at ${this.endpoint}`, (result) => {
      context.handshakes--;
      if (typeof result === 'string') return;
      context.counters.accepted++;
      if (this.closed) return result.close();
      this.waiting.push(result);
      this.changed();
    });
  }
}
