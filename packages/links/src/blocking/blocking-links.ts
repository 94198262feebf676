/**
 * Links for a machine that runs without giving way to the event loop: sockets live on a thread of their own, and this one
 * blocks while nobody of its machine can run. Everything that waits is served from `clock.block`.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, Worker, receiveMessageOnPort } from 'node:worker_threads';
import type { Errno, LinkTransport, TransportLink, TransportListener } from '@mmu-notifier/plugin-api';
import type { LinkStats } from '../counters.ts';
import { MAX_MESSAGE } from '../frame.ts';
import { type SocketLinkOptions, settingsOf } from '../options.ts';
import { BlockingLink, BlockingListener } from './blocking-link.ts';
import type { FromSockets, ToSockets } from './messages.ts';

/** A clock that blocks: what `MachineConfig.live` wants. @public */
export interface BlockingClock {
  now(): number;
  alarm(nanoseconds: number, ring: () => void): () => void;
  turn(): Promise<void>;
  block(nanoseconds?: number): void;
}

/** Links over TCP and Unix sockets for `Machine.run`. @public */
export interface BlockingLinks extends LinkTransport {
  readonly clock: BlockingClock;
  /** Blocks until the other thread has answered. */
  stats(): LinkStats;
  /** Ends everything; resolves when no socket is open any more. */
  close(): Promise<void>;
}

/** Longest block at a time: a thread that died is noticed. */
const LONGEST = 1000;
const START_MS = 20_000;

type Answer = Extract<FromSockets, { readonly request: number }>;

/**
 * As `socketLinks`, for a machine in which `run` may wait for other nodes.
 *
 * @throws RangeError for options that cannot be, one line.
 * @public
 */
export function blockingLinks(options: Omit<SocketLinkOptions, 'timers' | 'nonce'>): BlockingLinks {
  settingsOf(options);
  return new Blocking(options);
}

class Blocking implements BlockingLinks {
  readonly node: string;
  readonly maxMessage: number = MAX_MESSAGE;
  readonly clock: BlockingClock;
  private readonly port: MessagePort;
  private readonly bell = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private readonly log: (line: string) => void;
  private readonly answers = new Map<number, (answer: Answer) => void>();
  private readonly links = new Map<number, BlockingLink>();
  private readonly listeners = new Map<number, BlockingListener>();
  private readonly startedAt = performance.now();
  private requests = 0;
  private heard = 0;
  private failed: Error | undefined;
  private closed = false;

  constructor({ log = () => undefined, ...options }: SocketLinkOptions) {
    this.node = options.node;
    this.log = log;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker = startThread({ port: port2, bell: this.bell, options }, port2);
    this.worker.on('error', (error) => (this.failed = error));
    this.worker.unref();
    this.clock = {
      now: () => performance.now() * 1e6,
      alarm: (nanoseconds, ring) => {
        const timer = setTimeout(ring, nanoseconds / 1e6);
        return () => clearTimeout(timer);
      },
      turn: () => new Promise((resolve) => setImmediate(resolve)),
      block: (nanoseconds) => this.block(nanoseconds),
    };
  }

  listen(endpoint: string): PromiseLike<TransportListener | Errno> {
    return this.ask<BlockingListener>((request) => ({ op: 'listen', request, endpoint }));
  }

  connect(endpoint: string, patience: number): PromiseLike<TransportLink | Errno> {
    return this.ask<BlockingLink>((request) => ({ op: 'connect', request, endpoint, patience }));
  }

  stats(): LinkStats {
    let stats: LinkStats | undefined;
    this.request(
      (request) => ({ op: 'stats', request }),
      (answer) => {
        if (answer.op === 'stats') ({ stats } = answer);
      },
    );
    while (stats === undefined) this.block();
    return stats;
  }

  async close(): Promise<void> {
    this.post({ op: 'close' });
    while (!this.closed && this.failed === undefined) {
      this.drain();
      if (!this.closed) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.port.close();
    await this.worker.terminate();
  }

  /** Serves what has come; blocks for the first of it. */
  private block(nanoseconds = Infinity): void {
    if (this.drain()) return;
    const most = Math.min(LONGEST, nanoseconds / 1e6);
    if (most > 0 && Atomics.wait(this.bell, 0, this.heard, most) === 'timed-out') this.checkStarted();
    this.drain();
  }

  /** A thread that cannot start says so to the event loop alone, which has no turn here. */
  private checkStarted(): void {
    if (this.heard > 0 || performance.now() - this.startedAt < START_MS) return;
    throw this.failed ?? new Error(`links: the thread of the sockets has not started in ${START_MS / 1000} s`);
  }

  /** @returns whether anything had come. */
  private drain(): boolean {
    this.heard = Atomics.load(this.bell, 0);
    let found = false;
    for (let next = receiveMessageOnPort(this.port); next !== undefined; next = receiveMessageOnPort(this.port)) {
      found = true;
      this.serve((next as { message: FromSockets }).message);
    }
    return found;
  }

  private serve(news: FromSockets): void {
    switch (news.op) {
      case 'accepted':
        return this.listeners.get(news.listener)?.came(this.linkOf(news));
      case 'listener-closed':
        return this.listeners.get(news.listener)?.gone();
      case 'message':
        return this.links.get(news.link)?.arrived(news.message);
      case 'sent':
        return this.links.get(news.link)?.passedOn(news.cost);
      case 'ended':
        this.links.get(news.link)?.ended(news.end);
        this.links.delete(news.link);
        return;
      case 'log':
        return this.log(news.line);
      case 'started':
        return;
      case 'closed':
        this.closed = true;
        return;
      default: {
        const settle = this.answers.get(news.request);
        this.answers.delete(news.request);
        settle?.(news);
      }
    }
  }

  private linkOf(news: { readonly link: number; readonly peer: string; readonly session: number }): BlockingLink {
    const link = new BlockingLink(news, (message) => this.post(message));
    this.links.set(news.link, link);
    return link;
  }

  private request(make: (request: number) => ToSockets, settle: (answer: Answer) => void): void {
    const request = ++this.requests;
    this.answers.set(request, settle);
    this.post(make(request));
  }

  /** A promise that `block` settles at once, without the event loop. */
  private ask<T extends BlockingLink | BlockingListener>(make: (request: number) => ToSockets): PromiseLike<T | Errno> {
    let settled: { readonly value: T | Errno } | { readonly error: Error } | undefined;
    let tell: (() => void) | undefined;
    this.request(make, (answer) => {
      if (answer.op === 'failed') settled = { value: answer.errno };
      else if (answer.op === 'threw') settled = { error: new RangeError(answer.message) };
      else if (answer.op === 'connected') settled = { value: this.linkOf(answer) as unknown as T };
      else if (answer.op === 'listening') settled = { value: this.listenerOf(answer) as unknown as T };
      tell?.();
    });
    return {
      then: ((fulfilled?: (value: T | Errno) => unknown, rejected?: (reason: Error) => unknown) => {
        tell = () => {
          if (settled === undefined) return;
          if ('error' in settled) rejected?.(settled.error);
          else fulfilled?.(settled.value);
        };
        tell();
      }) as PromiseLike<T | Errno>['then'],
    };
  }

  private listenerOf({ listener, endpoint }: Extract<Answer, { op: 'listening' }>): BlockingListener {
    const made = new BlockingListener(endpoint, () => this.post({ op: 'close-listener', listener }));
    this.listeners.set(listener, made);
    return made;
  }

  private post(message: ToSockets): void {
    this.port.postMessage(message);
  }
}

/** Its script stands beside this file. In the sources it needs what compiles them, and `--import` reaches no thread. */
function startThread(workerData: object, port: MessagePort): Worker {
  const here = import.meta.url;
  const options = { workerData, transferList: [port] };
  if (!here.endsWith('.ts'))
    return new Worker(new URL(here.endsWith('.cjs') ? './worker.cjs' : './worker.js', here), options);
  const compiler = pathToFileURL(createRequire(here).resolve('tsx/esm/api')).href.replace(/\.cjs$/, '.mjs');
  const script = new URL('./worker.ts', here).href;
  const run = `import('${compiler}').then((tsx) => { tsx.register(); return import('${script}'); })`;
  return new Worker(run, { ...options, eval: true });
}
