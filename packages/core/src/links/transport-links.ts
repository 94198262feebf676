/**
 * Links that a transport carries out of a live machine. The transport's state is plain; a task that waits for it to change
 * sleeps on a queue that the transport's watcher wakes from the event loop.
 */
import type {
  Errno,
  Link,
  LinkEnd,
  LinkListener,
  LinkTransport,
  Routine,
  TransportLink,
  TransportListener,
} from '@mmu-notifier/plugin-api';
import { waitForOutside, waitOutside } from '../sched/live.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import type { LinkBackend } from './link-backend.ts';

export class TransportLinks implements LinkBackend {
  readonly maxMessage: number;
  private readonly scheduler: Scheduler;
  private readonly transport: LinkTransport;

  constructor(scheduler: Scheduler, transport: LinkTransport) {
    this.scheduler = scheduler;
    this.transport = transport;
    this.maxMessage = transport.maxMessage;
  }

  nodeOf(): string {
    return this.transport.node;
  }

  *listen(_node: string, endpoint: string): Routine<LinkListener | Errno> {
    const listener = yield* this.outcome(() => this.transport.listen(endpoint), `the endpoint ${endpoint}`);
    return typeof listener === 'string' ? listener : new OutsideListener(this.scheduler, listener);
  }

  *connect(_node: string, endpoint: string, patience: number): Routine<Link | Errno> {
    const link = yield* this.outcome(() => this.transport.connect(endpoint, patience), `a connection to ${endpoint}`);
    return typeof link === 'string' ? link : new OutsideLink(this.scheduler, link);
  }

  /** @throws What the transport throws: an address that is none. */
  private *outcome<T>(begin: () => PromiseLike<T>, what: string): Routine<T> {
    const outcome = yield* waitForOutside(this.scheduler, begin(), what);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }
}

class OutsideListener implements LinkListener {
  readonly endpoint: string;
  private readonly scheduler: Scheduler;
  private readonly listener: TransportListener;
  private readonly changed: WaitQueue;

  constructor(scheduler: Scheduler, listener: TransportListener) {
    this.scheduler = scheduler;
    this.listener = listener;
    this.endpoint = listener.endpoint;
    this.changed = new WaitQueue(scheduler, `callers at ${listener.endpoint}`);
    listener.watch(() => this.changed.wakeAll());
  }

  *accept(nanoseconds?: number): Routine<Link | 'closed' | 'timeout'> {
    let found: TransportLink | 'closed' | undefined;
    yield* waitOutside(
      this.scheduler,
      this.changed,
      () => (found ??= this.listener.accept()) !== undefined,
      nanoseconds,
    );
    if (found === undefined) return 'timeout';
    return found === 'closed' ? found : new OutsideLink(this.scheduler, found);
  }

  close(): void {
    this.listener.close();
  }
}

class OutsideLink implements Link {
  readonly peer: string;
  readonly session: number;
  private readonly scheduler: Scheduler;
  private readonly link: TransportLink;
  private readonly changed: WaitQueue;

  constructor(scheduler: Scheduler, link: TransportLink) {
    this.scheduler = scheduler;
    this.link = link;
    this.peer = link.peer;
    this.session = link.session;
    this.changed = new WaitQueue(scheduler, `link ${link.session} with ${link.peer}`);
    link.watch(() => this.changed.wakeAll());
  }

  get end(): LinkEnd | undefined {
    return this.link.end;
  }

  send(message: Uint8Array): Errno | undefined {
    return this.link.send(message);
  }

  *room(nanoseconds?: number): Routine<'room' | 'closed' | 'timeout'> {
    const { link } = this;
    const ready = (): boolean => link.hasRoom || link.end !== undefined;
    yield* waitOutside(this.scheduler, this.changed, ready, nanoseconds);
    if (link.end !== undefined) return 'closed';
    return link.hasRoom ? 'room' : 'timeout';
  }

  *receive(nanoseconds?: number): Routine<Uint8Array | 'closed' | 'timeout'> {
    let found: Uint8Array | 'closed' | undefined;
    yield* waitOutside(this.scheduler, this.changed, () => (found ??= this.link.receive()) !== undefined, nanoseconds);
    return found ?? 'timeout';
  }

  close(): void {
    this.link.close();
  }
}
