/**
 * One direction of a simulated link: messages under way, then messages that have arrived. In order, unless a fault made
 * one of them an exception. What is under way arrives by timers of virtual time; without latency and faults a message
 * has arrived when `send` returns, and its receiver has still to be scheduled.
 */
import { PointKind } from '../sched/preemption-point.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

/** A message, or the end of the sender. */
export type Parcel = Uint8Array | 'closed';

export class Wire {
  /** Points name the direction by this queue. */
  readonly arrivals: WaitQueue;
  readonly senders: WaitQueue;
  readonly inbox: Uint8Array[] = [];
  private readonly scheduler: Scheduler;
  private readonly receive: (parcel: Parcel) => void;
  /** By the time of arrival. */
  private readonly underWay: { readonly due: number; readonly parcel: Parcel }[] = [];
  /** Nothing that keeps the order arrives before. */
  private orderDue = 0;

  constructor(scheduler: Scheduler, name: string, receive: (parcel: Parcel) => void) {
    this.scheduler = scheduler;
    this.receive = receive;
    this.arrivals = new WaitQueue(scheduler, name);
    this.senders = new WaitQueue(scheduler, `room on ${name}`);
  }

  /** Messages that the receiver has not taken. */
  get load(): number {
    return this.underWay.length + this.inbox.length;
  }

  /** @param order - Whether later ones stay behind it. */
  carry(parcel: Parcel, nanoseconds: number, order: 'kept' | 'lost'): void {
    const { scheduler, underWay } = this;
    let due = scheduler.now + nanoseconds;
    if (order === 'kept') this.orderDue = due = Math.max(due, this.orderDue);
    let at = underWay.length;
    while (at > 0 && (underWay[at - 1]?.due ?? 0) > due) at--;
    underWay.splice(at, 0, { due, parcel });
    if (due <= scheduler.now) this.deliver();
    else scheduler.timers.arm(due, () => this.deliver());
  }

  /** What is under way never arrives. */
  drop(): void {
    this.underWay.length = 0;
  }

  note(kind: PointKind): void {
    if (this.scheduler.preemptive) this.scheduler.note(kind, this.arrivals.id);
  }

  private deliver(): void {
    this.note(PointKind.Send);
    while ((this.underWay[0]?.due ?? Infinity) <= this.scheduler.now) {
      const { parcel } = this.underWay.shift() as { parcel: Parcel };
      this.receive(parcel);
    }
  }
}
