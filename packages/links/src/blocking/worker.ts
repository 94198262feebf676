/** The thread that has the sockets of blocking links: an event loop of its own, and nothing but the transport on it. */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import type { SocketLinkOptions } from '../options.ts';
import { socketLinks } from '../transport.ts';
import { CREDIT, type FromSockets, type LinkNews, MESSAGE_COST, type ToSockets, alone } from './messages.ts';

interface Given {
  readonly port: MessagePort;
  /** Grows with each message, and wakes the thread that waits for one. */
  readonly bell: Int32Array;
  readonly options: SocketLinkOptions;
}

interface Carried {
  readonly link: TransportLink;
  readonly waiting: Uint8Array[];
  /** Cost of what the other thread has not received yet. */
  owed: number;
  ended: boolean;
}

const { port, bell, options } = workerData as Given;
const transport = socketLinks({ ...options, log: (line) => say({ op: 'log', line }) });
const links = new Map<number, Carried>();
const listeners = new Map<number, TransportListener>();
let ids = 0;

function say(news: FromSockets): void {
  port.postMessage(news);
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}

function carry(link: TransportLink): LinkNews {
  const id = ++ids;
  const carried: Carried = { link, waiting: [], owed: 0, ended: false };
  links.set(id, carried);
  link.watch(() => move(id, carried));
  // What has arrived already is told after the link itself is.
  queueMicrotask(() => move(id, carried));
  return { link: id, peer: link.peer, session: link.session };
}

/** Passes on, in both directions, what there is room for. */
function move(id: number, carried: Carried): void {
  const { link, waiting } = carried;
  while (waiting.length > 0) {
    const message = waiting[0] as Uint8Array;
    if (link.send(message) === 'EAGAIN') break;
    waiting.shift();
    say({ op: 'sent', link: id, cost: message.length + MESSAGE_COST });
  }
  while (!carried.ended && carried.owed < CREDIT) {
    const message = link.receive();
    if (message === undefined) return;
    if (message === 'closed') {
      carried.ended = true;
      say({ op: 'ended', link: id, end: link.end ?? 'lost' });
      links.delete(id);
      return;
    }
    carried.owed += message.length + MESSAGE_COST;
    say({ op: 'message', link: id, message: alone(message) });
  }
}

async function listen(request: number, endpoint: string): Promise<void> {
  const listener = await transport.listen(endpoint);
  if (typeof listener === 'string') return say({ op: 'failed', request, errno: listener });
  const id = ++ids;
  listeners.set(id, listener);
  const accept = (): void => {
    for (let link = listener.accept(); link !== undefined; link = listener.accept()) {
      if (link === 'closed') {
        if (listeners.delete(id)) say({ op: 'listener-closed', listener: id });
        return;
      }
      say({ op: 'accepted', listener: id, ...carry(link) });
    }
  };
  listener.watch(accept);
  say({ op: 'listening', request, listener: id, endpoint: listener.endpoint });
  accept();
}

async function connect(request: number, endpoint: string, patience: number): Promise<void> {
  const link = await transport.connect(endpoint, patience);
  if (typeof link === 'string') return say({ op: 'failed', request, errno: link });
  say({ op: 'connected', request, ...carry(link) });
}

async function close(): Promise<void> {
  await transport.close();
  say({ op: 'closed' });
  port.close();
}

function attempt(request: number, work: Promise<void>): void {
  work.catch((error: unknown) => say({ op: 'threw', request, message: (error as Error).message }));
}

function serve(asked: ToSockets): void {
  switch (asked.op) {
    case 'listen':
      return attempt(asked.request, listen(asked.request, asked.endpoint));
    case 'connect':
      return attempt(asked.request, connect(asked.request, asked.endpoint, asked.patience));
    case 'close-listener':
      listeners.get(asked.listener)?.close();
      return;
    case 'stats':
      return say({ op: 'stats', request: asked.request, stats: transport.stats() });
    case 'close':
      return void close();
  }
  const carried = links.get(asked.link);
  if (carried === undefined) return;
  if (asked.op === 'send') carried.waiting.push(asked.message);
  else if (asked.op === 'taken') carried.owed -= asked.cost;
  else carried.link.close();
  move(asked.link, carried);
}

port.on('message', serve);
say({ op: 'started' });
