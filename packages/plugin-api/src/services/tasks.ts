/** Other tasks of a driver, links to remote parties, and choices that the strategy makes. */
import type { Routine } from '../routine.ts';

/** A kernel thread or work item. @public */
export interface TaskHandle {
  readonly name: string;
  readonly done: boolean;
  /** Sleeps until the task has ended. */
  join(): Routine<void>;
}

/** Deferral. @public */
export interface TaskService {
  /** Starts a kernel thread. */
  kernelThread(name: string, body: () => Routine<void>): TaskHandle;
  /** Sleeps for virtual time. */
  sleep(nanoseconds: number): Routine<void>;
  /** Virtual time since the machine booted, in nanoseconds. */
  now(): number;
  /** Whether the current task is inside direct reclaim. */
  inReclaim(): boolean;
}

/** A message channel to one remote party. @public */
export interface Link {
  readonly peer: string;
  readonly connected: boolean;
  /** Never blocks. */
  send(message: Uint8Array): void;
  receive(): Routine<Uint8Array | 'closed'>;
}

/** Message channels: simulated or real. Reserved: offered where `capabilities` has `links`. @public */
export interface LinkService {
  connect(peer: string): Routine<Link | 'unreachable'>;
  accept(): Routine<Link>;
}

/** Named counters and typed events of a driver. @public */
export interface StatsService {
  /** Makes a counter; `kind` says how to read it. The returned function adds `delta` (default 1). */
  counter(name: string, kind?: 'cumulative' | 'instantaneous' | 'peak'): (delta?: number) => void;
}

/** Typed events for traces. @public */
export interface TraceService {
  /** Whether anybody listens: do not build fields for nobody. */
  readonly enabled: boolean;
  event(name: string, fields: Readonly<Record<string, number | string | boolean>>): void;
}
