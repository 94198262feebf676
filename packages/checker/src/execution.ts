/**
 * The steps of one run, and which of them happened before which. A step happens before another one of its task, before
 * one that it conflicts with and precedes, and before the first one of a task that it started or woke.
 *
 * Clocks are rows of one array: row `e` says how many steps of each task happened before step `e` or are it.
 */
import { PointKind, pointKind, pointObject } from '@mmu-notifier/core';
import type { PreemptionPoint } from '@mmu-notifier/plugin-api';
import type { Footprints } from './footprints.ts';
import { MAX_TASKS } from './recorder.ts';

const T = MAX_TASKS;
const NOBODY = -1;
/** The clock jumped: after every step so far. */
const EVERYBODY = -2;

/** A lock that a task wants, and goes on when it has it. */
export interface Wanted {
  readonly object: number;
  readonly mode: 'shared' | 'exclusive';
}

/** One task holds one lock. */
interface Section {
  readonly object: number;
  readonly task: number;
  readonly mode: 'shared' | 'exclusive';
  /** Step from which new readers are held back: a writer's arrival, or the acquisition. */
  readonly from: number;
  readonly acquired: number;
  /** `Infinity` while it is held. */
  released: number;
}

export class Execution {
  /** Steps that are over. */
  length = 0;
  readonly task: Int32Array;
  readonly footprint: Int32Array;
  /** Which step of its task it is, from 1. */
  readonly index: Int32Array;
  /** How the choices of the step fell. */
  readonly choices: (readonly number[])[] = [];
  /** What the task waited for until it could make the step. */
  readonly wanted: (Wanted | undefined)[] = [];
  private readonly footprints: Footprints;
  private readonly clocks: Int32Array;
  /** What its task's earlier steps, and who woke or started it, are after: where races of the step begin. */
  private readonly bases: Int32Array;
  private readonly last = new Int32Array(T);
  private readonly counts = new Int32Array(T);
  private readonly enabler = new Int32Array(T);
  /** One row for each task: the steps that there were when the clock jumped for it. */
  private readonly jumps = new Int32Array(T * T);
  private readonly sections: Section[] = [];
  /** Where the writers that have arrived at a lock and do not have it yet did so. */
  private readonly arrivals: { task: number; object: number; at: number }[] = [];
  private readonly scratch = new Int32Array(T);

  constructor(footprints: Footprints, maxSteps: number) {
    this.footprints = footprints;
    this.task = new Int32Array(maxSteps + T);
    this.footprint = new Int32Array(maxSteps + T);
    this.index = new Int32Array(maxSteps + T);
    this.clocks = new Int32Array((maxSteps + T) * T);
    this.bases = new Int32Array((maxSteps + T) * T);
  }

  reset(): void {
    this.length = 0;
    this.last.fill(NOBODY);
    this.counts.fill(0);
    this.enabler.fill(NOBODY);
    this.sections.length = 0;
    this.arrivals.length = 0;
  }

  /** These tasks can go on because of the last step, or (`clock`) because time has passed. */
  enabled(tasks: number, by: 'step' | 'clock'): void {
    for (let task = 0; task < T; task++) {
      if ((tasks & (1 << task)) === 0) continue;
      this.enabler[task] = by === 'clock' ? EVERYBODY : this.length - 1;
      if (by === 'clock') this.jumps.set(this.counts, task * T);
    }
  }

  /** A step is over. @returns its number. */
  append(task: number, footprint: number, wanted: Wanted | undefined, choices: readonly number[]): number {
    const at = this.length++;
    this.choices[at] = choices;
    this.place(at, task, footprint, wanted);
    this.last[task] = at;
    this.counts[task]++;
    this.enabler[task] = NOBODY;
    this.follow(at);
    return at;
  }

  /** Steps that tasks would make and cannot, behind the last one: for the races that they have. */
  appendBlocked(slot: number, task: number, footprint: number, wanted: Wanted): number {
    const at = this.length + slot;
    this.choices[at] = [];
    this.place(at, task, footprint, wanted);
    return at;
  }

  /** Whether step `a` happened before step `b`, or is it. */
  before(a: number, b: number): boolean {
    return this.clocks[b * T + this.task[a]] >= this.index[a];
  }

  /** Whether `a` happened before `b` even if `b` came sooner: by the order in its task, and who woke it. */
  beforeBase(a: number, b: number): boolean {
    return this.bases[b * T + this.task[a]] >= this.index[a];
  }

  /**
   * Steps that the step `b` could have come before, the last one first: they conflict, nothing in between orders them,
   * and `b` does not wait for them.
   */
  races(b: number, found: number[]): void {
    const clock = this.scratch;
    clock.set(this.bases.subarray(b * T, b * T + T));
    const { task, index, wanted, footprint } = this;
    const lock = wanted[b];
    for (let a = Math.min(b, this.length) - 1; a >= 0; a--) {
      if (task[a] === task[b] || clock[task[a]] >= index[a]) continue;
      if (!this.footprints.conflict(footprint[a], footprint[b])) continue;
      if (lock !== undefined && this.held(lock, a, task[b])) continue;
      found.push(a);
      join(clock, this.clocks, a * T);
    }
  }

  /** Whether the task holds `lock` itself, and so waits for ever. */
  keepsFrom(task: number, lock: Wanted): boolean {
    return this.sections.some(
      (section) => section.task === task && section.released === Infinity && excludes(section, lock) !== undefined,
    );
  }

  /**
   * The sections that keep a task from `lock`, where the steps before `from` and those in `steps` have been made. What
   * of them is in `steps` begins there.
   */
  holders(lock: Wanted, task: number, from: number, steps: ReadonlySet<number>): number[] {
    const beginnings: number[] = [];
    for (const section of this.sections) {
      const begin = section.task === task ? undefined : excludes(section, lock);
      if (begin === undefined || !(begin < from || steps.has(begin))) continue;
      const ended = section.released < from || steps.has(section.released);
      if (!ended) beginnings.push(begin);
    }
    return beginnings;
  }

  /** The same text for two runs that differ only in the order of steps that commute; a step is the set of what it touches. */
  canonical(): string {
    const byTask: string[][] = Array.from({ length: T }, () => []);
    for (let at = 0; at < this.length; at++) {
      const operations = [...new Set(this.footprints.operations(this.footprint[at]).map(withoutPlace))]
        .sort()
        .join(',');
      byTask[this.task[at]].push(
        `${operations}:${this.choices[at].join('')}:${this.clocks.subarray(at * T, at * T + T).join(',')}`,
      );
    }
    return byTask.map((steps) => steps.join(' ')).join('|');
  }

  /** What all steps touched, in their order, as one number. FNV-1a */
  fingerprint(): string {
    let hash = 0x811c9dc5;
    for (let at = 0; at < this.length; at++) {
      for (const operation of this.footprints.operations(this.footprint[at])) {
        hash = Math.imul(hash ^ (operation & 0xffff), 0x01000193);
        hash = Math.imul(hash ^ (Math.floor(operation / 0x10000) | 0), 0x01000193);
      }
      hash = Math.imul(hash ^ this.task[at], 0x01000193);
    }
    return (hash >>> 0).toString(16).padStart(8, '0');
  }

  private place(at: number, task: number, footprint: number, wanted: Wanted | undefined): void {
    this.task[at] = task;
    this.footprint[at] = footprint;
    this.wanted[at] = wanted;
    this.index[at] = this.counts[task] + 1;
    const row = at * T;
    const base = this.bases.subarray(row, row + T);
    base.fill(0);
    if (this.last[task] >= 0) join(base, this.clocks, this.last[task] * T);
    const enabler = this.enabler[task];
    if (enabler >= 0) join(base, this.clocks, enabler * T);
    if (enabler === EVERYBODY) join(base, this.jumps, task * T);
    const clock = this.clocks.subarray(row, row + T);
    clock.set(base);
    for (let a = Math.min(at, this.length) - 1; a >= 0; a--) {
      if (a === at || clock[this.task[a]] >= this.index[a]) continue;
      if (this.footprints.conflict(this.footprint[a], footprint)) join(clock, this.clocks, a * T);
    }
    clock[task] = this.index[at];
  }

  /** Whether the lock was held so that `task` could not have it when step `a` was made; taking it so is another matter. */
  private held(lock: Wanted, a: number, task: number): boolean {
    let [inside, begins] = [false, false];
    for (const section of this.sections) {
      const begin = section.task === task ? undefined : excludes(section, lock);
      if (begin === undefined) continue;
      const within = begin < a && a <= section.released;
      if (within && section.task === this.task[a]) return true;
      inside ||= within;
      begins ||= begin === a;
    }
    return inside && !begins;
  }

  /** Locks that the step took and released. */
  private follow(at: number): void {
    const task = this.task[at];
    const operations = this.footprints.operations(this.footprint[at]);
    // A try that is announced is a writer that arrives: it gets the lock in this step, or waits for it and holds readers back.
    if (pointKind(operations[0]) === PointKind.TryLock) {
      this.arrivals.push({ task, object: pointObject(operations[0]), at });
    }
    for (const operation of operations) {
      const object = pointObject(operation);
      switch (pointKind(operation)) {
        case PointKind.LockShared:
          this.sections.push({ object, task, mode: 'shared', from: at, acquired: at, released: Infinity });
          break;
        case PointKind.LockAcquire:
          this.sections.push({
            object,
            task,
            mode: 'exclusive',
            from: this.arrival(task, object) ?? at,
            acquired: at,
            released: Infinity,
          });
          break;
        case PointKind.LockRelease:
        case PointKind.LockSharedRelease: {
          const open = this.sections.findLast((s) => s.task === task && s.object === object && s.released === Infinity);
          if (open !== undefined) open.released = at;
          break;
        }
      }
    }
  }

  private arrival(task: number, object: number): number | undefined {
    const at = this.arrivals.findLastIndex((arrival) => arrival.task === task && arrival.object === object);
    return at < 0 ? undefined : this.arrivals.splice(at, 1)[0]?.at;
  }
}

/** The lock that a task takes as soon as it is free, if that is what it has announced. */
export function wantedLock(operation: PreemptionPoint): Wanted | undefined {
  const kind = pointKind(operation);
  if (kind !== PointKind.LockAcquire && kind !== PointKind.LockShared) return undefined;
  return { object: pointObject(operation), mode: kind === PointKind.LockShared ? 'shared' : 'exclusive' };
}

/** From which step on the section keeps others from `lock`, if it does. */
function excludes(section: Section, lock: Wanted): number | undefined {
  if (section.object !== lock.object) return undefined;
  if (section.mode === 'shared' && lock.mode === 'shared') return undefined;
  return lock.mode === 'shared' ? section.from : section.acquired;
}

/** Which place in the code it is says nothing of what is touched. */
function withoutPlace(operation: PreemptionPoint): PreemptionPoint {
  const kind = pointKind(operation);
  return kind === PointKind.Local || kind === PointKind.Explicit ? kind : operation;
}

function join(into: Int32Array, rows: Int32Array, row: number): void {
  for (let t = 0; t < T; t++) if (rows[row + t] > into[t]) into[t] = rows[row + t];
}
