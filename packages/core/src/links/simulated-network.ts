/** The simulated links of one machine: endpoints by name, and who waits at them. Its devices are the nodes. */
import type { Errno, Link, LinkListener, Routine } from '@mmu-notifier/plugin-api';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import { FaultPlan, type LinkFaults } from './link-faults.ts';
import type { LinkBackend } from './link-backend.ts';
import { LinkCounts, MAX_MESSAGE, type Network, SimulatedLink } from './simulated-link.ts';

/** Connections that nobody has accepted; as many wait at a real socket by default. */
const BACKLOG = 128;

export class SimulatedNetwork implements Network, LinkBackend {
  readonly scheduler: Scheduler;
  readonly faults: FaultPlan;
  readonly counts: LinkCounts = new LinkCounts();
  readonly maxMessage: number = MAX_MESSAGE;
  private readonly listeners = new Map<string, SimulatedListener>();
  /** Who waits for an endpoint; points name the table of endpoints by it. */
  private readonly changed: WaitQueue;
  private links: SimulatedLink[] = [];

  constructor(scheduler: Scheduler, faults: LinkFaults) {
    this.scheduler = scheduler;
    this.faults = new FaultPlan(faults, (count, what) => scheduler.choose(count, what));
    this.changed = new WaitQueue(scheduler, 'endpoints of links');
  }

  nodeOf(device: string): string {
    return device;
  }

  *listen(node: string, endpoint: string): Routine<LinkListener | Errno> {
    if (this.scheduler.preemptive) yield point(PointKind.Send, this.changed.id);
    if (this.listeners.has(endpoint)) return 'EADDRINUSE';
    const listener = new SimulatedListener(this.scheduler, node, endpoint, () => {
      if (this.scheduler.preemptive) this.scheduler.note(PointKind.Send, this.changed.id);
      this.listeners.delete(endpoint);
    });
    this.listeners.set(endpoint, listener);
    this.changed.wakeAll();
    return listener;
  }

  *connect(node: string, endpoint: string, patience: number): Routine<Link | Errno> {
    const { scheduler, listeners } = this;
    if (scheduler.preemptive) yield point(PointKind.Send, this.changed.id);
    scheduler.mightSleep(`a connection to ${endpoint}`);
    if (this.faults.ofConnection(`connection from ${node} to ${endpoint}`)) {
      if (patience > 0) yield* scheduler.sleep(patience);
      return 'EHOSTUNREACH';
    }
    if (!listeners.has(endpoint)) yield* this.changed.waitTimeout(() => listeners.has(endpoint), patience);
    const listener = listeners.get(endpoint);
    if (listener === undefined || listener.full) return 'ECONNREFUSED';
    const [here, there] = SimulatedLink.pair(this, node, listener.node);
    this.links = this.links.filter(({ end }) => end === undefined);
    this.links.push(here, there);
    listener.offer(there);
    return here;
  }

  /** Breaks every link of the node, of all nodes unless named; both ends hear of it after the silence. */
  cut(node?: string): void {
    for (const link of this.links) if (node === undefined || link.node === node) link.cut(() => 'after-silence');
  }
}

class SimulatedListener implements LinkListener {
  readonly node: string;
  readonly endpoint: string;
  private readonly scheduler: Scheduler;
  private readonly callers: WaitQueue;
  private readonly leave: () => void;
  private readonly backlog: SimulatedLink[] = [];
  private closed = false;

  constructor(scheduler: Scheduler, node: string, endpoint: string, leave: () => void) {
    this.scheduler = scheduler;
    this.node = node;
    this.endpoint = endpoint;
    this.leave = leave;
    this.callers = new WaitQueue(scheduler, `callers at ${endpoint}`);
  }

  get full(): boolean {
    return this.backlog.length >= BACKLOG;
  }

  offer(link: SimulatedLink): void {
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Send, this.callers.id);
    this.backlog.push(link);
    this.callers.wakeAll();
  }

  *accept(nanoseconds?: number): Routine<Link | 'closed' | 'timeout'> {
    const { callers, backlog } = this;
    if (this.scheduler.preemptive) yield point(PointKind.Receive, callers.id);
    const ready = (): boolean => backlog.length > 0 || this.closed;
    if (nanoseconds === undefined) yield* callers.waitUntil(ready);
    else yield* callers.waitTimeout(ready, nanoseconds);
    return backlog.shift() ?? (this.closed ? 'closed' : 'timeout');
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.leave();
    for (const link of this.backlog.splice(0)) link.close();
    if (this.scheduler.preemptive) this.scheduler.note(PointKind.Send, this.callers.id);
    this.callers.wakeAll();
  }
}
