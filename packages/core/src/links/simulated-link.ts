/** Both ends of one simulated link, and how it breaks. */
import type { Errno, Link, LinkEnd, Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { WaitQueue } from '../sched/wait-queue.ts';
import type { FaultPlan } from './link-faults.ts';
import { type Parcel, Wire } from './wire.ts';

/** Longest message: what the real link has as well. */
export const MAX_MESSAGE: number = 2 ** 20;

/** What has happened on simulated links. */
export class LinkCounts {
  sessions = 0;
  sent = 0;
  received = 0;
  /** `send` answered EAGAIN. */
  refused = 0;
  lost = 0;
  duplicated = 0;
  delayed = 0;
  reordered = 0;
  disconnections = 0;
}

/** What the ends share. */
export interface Network {
  readonly scheduler: Scheduler;
  readonly faults: FaultPlan;
  readonly counts: LinkCounts;
}

export class SimulatedLink implements Link {
  readonly node: string;
  readonly peer: string;
  readonly session: number;
  end: LinkEnd | undefined;
  private readonly network: Network;
  /** An object of its own for points: who sends reads whether the link is up. */
  private readonly stateId: number;
  private readonly incoming: Wire;
  private other!: SimulatedLink;
  private broken = false;
  private messages = 0;

  private constructor(network: Network, node: string, peer: string, session: number, stateId: number) {
    this.network = network;
    this.node = node;
    this.peer = peer;
    this.session = session;
    this.stateId = stateId;
    this.incoming = new Wire(network.scheduler, `link ${session} from ${peer} to ${node}`, (parcel) =>
      this.arrive(parcel),
    );
  }

  static pair(network: Network, one: string, another: string): readonly [SimulatedLink, SimulatedLink] {
    const session = ++network.counts.sessions;
    const stateId = network.scheduler.nextObjectId(`link ${session}`);
    const a = new SimulatedLink(network, one, another, session, stateId);
    const b = new SimulatedLink(network, another, one, session, stateId);
    a.other = b;
    b.other = a;
    return [a, b];
  }

  send(message: Uint8Array): Errno | undefined {
    const { scheduler, faults, counts } = this.network;
    const { incoming: out } = this.other;
    if (scheduler.preemptive) scheduler.note(PointKind.AtomicLoad, this.stateId);
    out.note(PointKind.Send);
    if (message.length > MAX_MESSAGE) return 'EMSGSIZE';
    if (this.end !== undefined) return 'ENOTCONN';
    if (out.load >= faults.capacity) {
      counts.refused++;
      return 'EAGAIN';
    }
    counts.sent++;
    if (!this.broken) this.transmit(out, message.slice());
    return undefined;
  }

  *room(nanoseconds?: number): Routine<'room' | 'closed' | 'timeout'> {
    const { incoming: out } = this.other;
    const { capacity } = this.network.faults;
    yield* this.waitOn(out.senders, PointKind.Receive, () => out.load < capacity, nanoseconds);
    if (this.end !== undefined) return 'closed';
    return out.load < capacity ? 'room' : 'timeout';
  }

  *receive(nanoseconds?: number): Routine<Uint8Array | 'closed' | 'timeout'> {
    const { arrivals, inbox } = this.incoming;
    yield* this.waitOn(arrivals, PointKind.Receive, () => inbox.length > 0, nanoseconds);
    const message = inbox.shift();
    if (message === undefined) return this.end === undefined ? 'timeout' : 'closed';
    this.network.counts.received++;
    this.incoming.senders.wakeAll();
    return message;
  }

  close(): void {
    if (this.end !== undefined) return;
    this.finish('closed');
    this.incoming.inbox.length = 0;
    if (!this.broken) this.other.incoming.carry('closed', this.network.faults.latencyNs, 'kept');
  }

  /** It breaks: what is under way is gone, and each end hears of it when it hears of it. */
  cut(hears: (end: SimulatedLink) => 'at-once' | 'after-silence'): void {
    const { scheduler, counts, faults } = this.network;
    if (this.broken) return;
    counts.disconnections++;
    for (const end of [this, this.other]) {
      end.broken = true;
      end.incoming.drop();
    }
    for (const end of [this, this.other]) {
      if (end.end !== undefined) continue;
      if (hears(end) === 'at-once') end.finish('lost');
      else scheduler.timers.arm(scheduler.now + faults.silenceNs, () => end.finish('lost'));
    }
  }

  private transmit(out: Wire, message: Uint8Array): void {
    const { faults, counts } = this.network;
    const fault = faults.ofMessage(`message ${++this.messages} from ${this.node} to ${this.peer}`);
    const { latencyNs, delayNs } = faults;
    switch (fault) {
      case undefined:
        return out.carry(message, latencyNs, 'kept');
      case 'loss':
        return void counts.lost++;
      case 'duplication':
        counts.duplicated++;
        out.carry(message, latencyNs, 'kept');
        return out.carry(message.slice(), latencyNs + delayNs, 'lost');
      case 'delay':
        counts.delayed++;
        return out.carry(message, latencyNs + delayNs, 'kept');
      case 'reordering':
        counts.reordered++;
        return out.carry(message, latencyNs + delayNs, 'lost');
      case 'disconnection':
        return this.cut((end) => faults.hears(`${end.node} hears that the link to ${end.peer} is down`));
    }
  }

  private arrive(parcel: Parcel): void {
    if (this.end !== undefined) return;
    if (parcel === 'closed') return this.finish('closed-by-peer');
    this.incoming.inbox.push(parcel);
    this.incoming.arrivals.wakeAll();
  }

  private finish(end: LinkEnd): void {
    if (this.end !== undefined) return;
    const { scheduler } = this.network;
    if (scheduler.preemptive) scheduler.note(PointKind.Atomic, this.stateId);
    this.end = end;
    this.incoming.note(PointKind.Send);
    this.incoming.arrivals.wakeAll();
    this.other.incoming.senders.wakeAll();
  }

  private *waitOn(queue: WaitQueue, kind: PointKind, ready: () => boolean, nanoseconds?: number): Routine<void> {
    const { scheduler } = this.network;
    if (scheduler.preemptive) yield point(kind, queue.id);
    const condition = (): boolean => ready() || this.end !== undefined;
    if (nanoseconds === undefined) yield* queue.waitUntil(condition);
    else yield* queue.waitTimeout(condition, nanoseconds);
  }
}
