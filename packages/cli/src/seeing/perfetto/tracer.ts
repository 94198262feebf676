/** What a machine tells becomes slices: who does it says the track, what it is the name, where it is the arguments. */
import type { MachineTracer, TracedLock, TracedTask } from '@mmu-notifier/core';
import { PAGE_SIZE, type NotifierEvent } from '@mmu-notifier/plugin-api';
import type { OutputFile } from '../../output-file.ts';
import type { PerfettoReport } from '../../replay/report.ts';
import { COST_NS, TraceClock } from '../clock.ts';
import type { Sample } from '../timeline.ts';
import { type Argument, PacketWriter } from './packets.ts';
import { type OpenSlice, Slices } from './slices.ts';
import { Tracks } from './tracks.ts';

/** Of all locks the one that everything waits for; others appear when somebody waits. */
const SHOWN_LOCK = 'mm.mmapLock';

const NOBODY: TracedTask = { id: -1, name: 'machine', cpu: 0, owner: undefined };

/** A fault under way, and what it turned out to be. */
interface OpenFault {
  readonly slice: OpenSlice;
  readonly kinds: string[];
}

export class PerfettoTracer implements MachineTracer {
  private readonly file: OutputFile;
  private readonly clock: TraceClock;
  private readonly slices: Slices;
  private readonly tracks: Tracks;
  private task: TracedTask = NOBODY;
  /** Faults under way, by task. */
  private readonly faults = new Map<number, OpenFault[]>();
  /** Which task each CPU was last seen with. */
  private readonly onCpu = new Map<number, number>();

  /** @param events - Accesses and calls of the recording so far. */
  constructor(file: OutputFile, events: () => number, mostSlices?: number) {
    const writer = new PacketWriter(file);
    this.file = file;
    this.clock = new TraceClock(events);
    this.tracks = new Tracks(writer);
    this.slices = new Slices(writer, mostSlices);
  }

  taskRuns(task: TracedTask): void {
    this.task = task;
  }

  clockAdvanced(nanoseconds: number): void {
    this.clock.sleepUntil(nanoseconds);
  }

  faultBegan(mm: number, address: number, access: string): void {
    this.openFault(this.taskTrack(), 'fault', [['access', access], ['address', address, 'address'], ['mm', mm]]); // prettier-ignore
    this.clock.spend(COST_NS.fault);
  }

  faultIs(kind: string): void {
    this.faults.get(this.task.id)?.at(-1)?.kinds.push(words(kind));
  }

  faultEnded(result: string): void {
    this.closeFault(this.taskTrack(), 'fault', result);
  }

  deviceFaultBegan(device: string, mm: number, address: number): void {
    const track = this.tracks.device(device, this.seen());
    this.openFault(track, 'device fault', [['address', address, 'address'], ['mm', mm]]); // prettier-ignore
    this.clock.spend(COST_NS.deviceFault);
  }

  deviceFaultEnded(device: string, result: string): void {
    this.closeFault(this.tracks.device(device, this.task), 'device fault', result);
  }

  windowOpened(mm: number, start: number, end: number, event: NotifierEvent): void {
    this.begin(this.taskTrack(), 'notifier', `${event} range`, range(mm, start, end), COST_NS.notifierRange);
  }

  windowClosed(): void {
    this.end(this.taskTrack());
  }

  invalidationBegan(device: string, mm: number, start: number, end: number, event: NotifierEvent): void {
    const track = this.tracks.device(device, this.seen());
    this.begin(track, 'invalidation', `invalidate ${event}`, range(mm, start, end), COST_NS.callback);
  }

  invalidationEnded(device: string): void {
    this.end(this.tracks.device(device, this.task));
  }

  aged(mm: number, start: number, end: number, young: boolean): void {
    this.instant('aging', young ? 'was used' : 'was not used', range(mm, start, end));
  }

  reclaimBegan(pages: number): void {
    this.begin(this.taskTrack(), 'reclaim', 'reclaim', [['wanted', pages]], COST_NS.reclaim);
  }

  reclaimEnded(freed: number): void {
    this.end(this.taskTrack(), [['freed', freed]]);
  }

  swappedOut(slot: number): void {
    this.span('swap', 'write to swap', [['slot', slot]], COST_NS.swapTransfer);
  }

  swappedIn(slot: number): void {
    this.span('swap', 'read from swap', [['slot', slot]], COST_NS.swapTransfer);
  }

  tlbShootdown(mm: number, start: number, end: number, cpus: number): void {
    this.span('tlb', 'TLB shootdown', [...range(mm, start, end), ['cpus', cpus]], COST_NS.shootdown);
  }

  waitBegan(queue: string): void {
    this.begin(this.taskTrack(), 'wait', `wait for ${queue}`, [], COST_NS.other);
  }

  waitEnded(): void {
    this.end(this.taskTrack());
  }

  lockAcquired({ name, lockClass }: TracedLock): void {
    if (lockClass.name !== SHOWN_LOCK) return;
    this.begin(this.tracks.lock(name, this.seen()), 'lock', holder(this.task), [], COST_NS.lock);
  }

  lockReleased({ name, lockClass }: TracedLock): void {
    if (lockClass.name === SHOWN_LOCK) this.end(this.tracks.lock(name, this.task));
  }

  /** The state of memory becomes values of counters. */
  sample({ resident, swapped, free, devices }: Sample): void {
    const at = this.clock.now;
    const put = (name: string, value: number): void =>
      this.slices.counter(at, this.tracks.counter(name, 'pages'), value);
    put('resident', resident);
    put('swapped', swapped);
    put('free frames', free);
    for (const { name, live } of devices) put(`mapped by ${name}`, live);
  }

  /** Nothing more comes: closes what is open, and says what the file has. */
  finish(): PerfettoReport {
    this.slices.closeAll(this.clock.now);
    const { events, leftOut, byCategory } = this.slices;
    return { file: this.file.path, bytes: this.file.bytes, events, leftOut, slices: byCategory };
  }

  private openFault(track: number, category: string, args: readonly Argument[]): void {
    this.slices.hold();
    const slice = this.slices.begin(this.clock.now, track, category, category, args);
    const fault = { slice, kinds: [] };
    const open = this.faults.get(this.task.id);
    if (open === undefined) this.faults.set(this.task.id, [fault]);
    else open.push(fault);
  }

  private closeFault(track: number, what: string, result: string): void {
    const fault = this.faults.get(this.task.id)?.pop();
    this.end(track, [['result', result]]);
    if (fault === undefined) return;
    const kinds = result === 'done' ? fault.kinds : [result];
    if (kinds.length > 0) fault.slice.begin.name = `${what}: ${kinds.join(', ')}`;
    this.slices.release();
  }

  private begin(track: number, category: string, name: string, args: readonly Argument[], cost: number): void {
    this.slices.begin(this.clock.now, track, category, name, args);
    this.clock.spend(cost);
  }

  private end(track: number, args?: readonly Argument[]): void {
    this.slices.end(this.clock.now, track, args);
  }

  /** Begins and ends in one step of the machine. */
  private span(category: string, name: string, args: readonly Argument[], cost: number): void {
    const track = this.taskTrack();
    this.begin(track, category, name, args, cost);
    this.end(track);
  }

  private instant(category: string, name: string, args: readonly Argument[]): void {
    this.slices.instant(this.clock.now, this.taskTrack(), category, name, args);
  }

  private taskTrack(): number {
    return this.tracks.task(this.seen());
  }

  /** The running task, now that it does something that is shown: its CPU is its own from here on. */
  private seen(): TracedTask {
    const { task } = this;
    const before = this.onCpu.get(task.cpu);
    if (before === task.id) return task;
    const track = this.tracks.cpu(task.cpu);
    if (before !== undefined) this.end(track);
    this.onCpu.set(task.cpu, task.id);
    this.begin(track, 'cpu', holder(task), [], 0);
    return task;
  }
}

function holder({ name, owner }: TracedTask): string {
  return owner === undefined || owner.name === name ? name : `${name} for ${owner.name}`;
}

function range(mm: number, start: number, end: number): readonly Argument[] {
  return [
    ['start', start, 'address'],
    ['end', end, 'address'],
    ['pages', Math.ceil((end - start) / PAGE_SIZE)],
    ['mm', mm],
  ];
}

/** `copyOnWrite` as `copy on write`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
