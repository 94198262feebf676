/**
 * Plays a recording on a machine: each access through the CPU or, in its turn, through a device; each call as the
 * recorded system answered it. `access` is the hot path: plain code, nothing is allocated; only a fault makes a routine.
 *
 * What the machine cannot go on from (a violation, a process killed for lack of memory) ends the replay: the rest of the
 * recording is counted, and not replayed.
 */
import { ContractViolation } from '@mmu-notifier/core';
import type { CpuAccessKind, Machine, Process, Signal, Violation } from '@mmu-notifier/core';
import { PAGE_SIZE, type Routine } from '@mmu-notifier/plugin-api';
import { AccessKind, processNumber } from '@mmu-notifier/trace';
import type {
  AccessBatch,
  EventOrigin,
  EventSink,
  LayoutSegment,
  MmEvent,
  RecordedMaps,
  TruthCounter,
} from '@mmu-notifier/trace';
import { hex } from '../sizes.ts';
import { AccessData, MAX_PIECE } from './access-data.ts';
import { type CallResult, type MachineCall, type ProcessCall, replayCall, replayMachineCall } from './calls.ts';
import type { DeviceSet } from './device-set.ts';
import { Differences } from './differences.ts';
import { type LayoutCheck, checkLayout } from './layout-check.ts';
import { type MapsComparison, compareMaps } from './maps-comparison.ts';
import { CPU, type DeviceTurns } from './share.ts';

/** Why nothing more is replayed. `event` counts accesses and calls of the recording, from 1. */
export type PlayEnd =
  | { readonly kind: 'out-of-memory'; readonly event: number; readonly process: string }
  | { readonly kind: 'violation'; readonly event: number; readonly violation: Violation };

/** Looks at the machine between two events. */
export interface RunWatch {
  /** So many events are over. @returns after how many to look again. */
  look(events: number): number;
  /** The process is about to exit. */
  leaving(process: Process, events: number): void;
}

/** Who else is there. */
export interface Onlookers {
  readonly watch?: RunWatch | undefined;
  /** Counts what the recording did, for a comparison with the machine. */
  readonly counter?: TruthCounter;
}

export class Player implements EventSink {
  /** Accesses and calls that the recording has delivered. */
  events = 0;
  accesses = 0;
  /** How many of them were replayed. */
  replayed = 0;
  /** Accesses (or pieces of them) that the CPU made. */
  byCpu = 0;
  ended: PlayEnd | undefined;
  readonly differences: Differences = new Differences();
  /** Calls that this machine does not have, by name. */
  readonly leftOut: Record<string, number> = {};
  readonly layouts: LayoutCheck[] = [];
  readonly maps: MapsComparison[] = [];
  /** Calls that laid out program images, by verb. */
  readonly imageCalls: Record<string, number> = {};
  private readonly machine: Machine;
  private readonly devices: DeviceSet;
  private readonly turns: DeviceTurns;
  private readonly watch: RunWatch | undefined;
  private readonly counter: TruthCounter | undefined;
  private nextLook = Infinity;
  private readonly data = new AccessData();
  private readonly processes: (Process | undefined)[] = [];
  /** Children of `vfork` in their parent's address space: no device has been opened for them. */
  private readonly borrowers = new Set<Process>();
  private number = 1;
  private process: Process | undefined;

  constructor(machine: Machine, devices: DeviceSet, turns: DeviceTurns, { watch, counter }: Onlookers = {}) {
    this.machine = machine;
    this.devices = devices;
    this.turns = turns;
    this.watch = watch;
    this.counter = counter;
    const first = machine.processes.get('p1') as Process;
    this.processes[1] = first;
    this.process = first;
    devices.open(first);
    if (watch !== undefined) this.nextLook = watch.look(0);
  }

  access(number: number, kind: AccessKind, address: number, size: number): void {
    this.counter?.access(number, kind, address, size);
    this.one(number, kind, address, size);
  }

  /** In runs of the CPU where the machine needs no fault, and one by one where it does. */
  accessBatch(batch: AccessBatch): void {
    this.counter?.accessBatch(batch);
    const { process: number, length, kinds, addresses, sizes } = batch;
    for (let at = 0; at < length; at++) {
      at += this.cpuRun(number, batch, at);
      if (at < length) this.one(number, kinds[at] as AccessKind, addresses[at] as number, sizes[at] as number);
    }
  }

  /** @returns how many accesses from `from` on the CPU has made in one run. */
  private cpuRun(number: number, batch: AccessBatch, from: number): number {
    if (number !== this.number) this.select(number);
    const { process, turns } = this;
    if (process === undefined || this.ended !== undefined) return 0;
    const made = this.machine.tryRun(process, batch, from, from + turns.untilDevice(batch.length - from)) - from;
    turns.skip(made);
    this.events += made;
    this.accesses += made;
    this.byCpu += made;
    this.replayed += made;
    return made;
  }

  private one(number: number, kind: AccessKind, address: number, size: number): void {
    this.events++;
    this.accesses++;
    if (this.ended !== undefined) return;
    if (number !== this.number) this.select(number);
    const { process } = this;
    if (process === undefined) {
      this.differences.add(this.events, `p${number} does not run, and accesses ${hex(address)}`);
      return;
    }
    try {
      if (size <= MAX_PIECE) this.piece(process, kind, address, size);
      else this.pieces(process, kind, address, size);
      if (this.machine.outOfMemory) this.kill();
    } catch (error) {
      this.stop(error);
    }
    if (this.ended === undefined) this.replayed++;
    if (this.events >= this.nextLook) this.look();
  }

  event(event: MmEvent, origin: EventOrigin): void {
    this.events++;
    this.counter?.event(event, origin);
    if (this.devices.deferred) this.flush();
    if (this.ended !== undefined) return;
    if (origin === 'image') this.imageCalls[event.verb] = (this.imageCalls[event.verb] ?? 0) + 1;
    try {
      this.note(event, this.call(event));
      if (this.machine.outOfMemory) this.kill();
    } catch (error) {
      this.stop(error);
    }
    if (this.ended === undefined) this.replayed++;
    if (this.events >= this.nextLook) this.look();
  }

  /** Makes what other processes have not made yet. What they cannot make the CPU does. */
  flush(): void {
    if (this.ended !== undefined) return;
    try {
      for (const { process, kind, address, length, bytes } of this.devices.flush()) {
        this.byCpu++;
        if (bytes !== undefined) this.data.scratch.set(bytes);
        this.slow(process, kind, address, length);
      }
      if (this.machine.outOfMemory) this.kill();
    } catch (error) {
      this.stop(error);
    }
  }

  finalLayout(number: number, segments: readonly LayoutSegment[]): void {
    this.counter?.finalLayout(number, segments);
    const process = this.processes[number];
    if (this.ended !== undefined || process === undefined) return;
    const { syscalls } = this.machine;
    this.layouts.push(checkLayout(process.name, syscalls.maps(process), segments, syscalls.heapStart(process)));
  }

  finalMaps(number: number, recorded: RecordedMaps): void {
    const process = this.processes[number];
    if (this.ended !== undefined || process === undefined) return;
    const { syscalls } = this.machine;
    this.maps.push(compareMaps(process.name, syscalls.maps(process), recorded, syscalls.heapStart(process)));
  }

  private look(): void {
    // Behind the end nothing changes.
    this.nextLook = this.ended === undefined ? (this.watch?.look(this.events) ?? Infinity) : Infinity;
  }

  private select(number: number): void {
    this.number = number;
    this.process = this.processes[number];
  }

  /** A long access, cut at page borders. */
  private pieces(process: Process, kind: AccessKind, address: number, size: number): void {
    for (let done = 0; done < size && this.ended === undefined;) {
      const at = address + done;
      const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), size - done);
      this.piece(process, kind, at, length);
      done += length;
    }
  }

  private piece(process: Process, kind: AccessKind, address: number, size: number): void {
    const device = kind === AccessKind.kernelStore ? CPU : this.turns.next();
    if (device !== CPU) {
      if (this.byDevice(device, process, kind, address, size)) {
        this.devices.count(device);
        if (this.devices.isFull) this.flush();
        return;
      }
      if (this.machine.outOfMemory) return this.kill();
    }
    this.byCpu++;
    const { machine } = this;
    const { scratch } = this.data;
    if (kind === AccessKind.fetch) {
      if (!machine.tryFetch(process, address, size, scratch)) this.slow(process, 'fetch', address, size);
      return;
    }
    if (kind === AccessKind.load || kind === AccessKind.modify) {
      if (!machine.tryLoad(process, address, size, scratch)) this.slow(process, 'load', address, size);
      if (kind === AccessKind.load || this.ended !== undefined) return;
    }
    this.data.fill(size);
    if (!machine.tryStore(process, address, size, scratch)) this.slow(process, 'store', address, size);
  }

  /** Instructions are loads to a device: what executes there is the guest. */
  private byDevice(device: number, process: Process, kind: AccessKind, address: number, size: number): boolean {
    const data = this.data.window(size);
    if (kind !== AccessKind.store) {
      if (!this.devices.access(device, process, 'load', address, data)) return false;
      if (kind !== AccessKind.modify) return true;
    }
    this.data.fill(size);
    return this.devices.access(device, process, 'store', address, data);
  }

  private slow(process: Process, kind: CpuAccessKind, address: number, size: number): void {
    const { machine } = this;
    const failed = machine.run(process.name, machine[kind](process, address, size, this.data.scratch), process);
    if (failed === undefined) return;
    if (failed.signal === 'SIGKILL') this.kill(process.name);
    else this.differences.add(this.events, describeSignal(process, kind, address, size, failed));
  }

  private call(event: MmEvent): CallResult {
    const { actor } = event;
    if (actor.kind === 'device') return { kind: 'left-out', name: `device ${event.verb}` };
    if (actor.kind === 'machine') return this.run('machine', replayMachineCall(this.machine, event as MachineCall));
    const number = processNumber(actor.name) ?? 0;
    const process = this.processes[number];
    if (process === undefined)
      return { kind: 'differs', message: `${actor.name} does not run, and calls ${event.verb}` };
    switch (event.verb) {
      case 'fork':
      case 'vfork':
        return this.fork(process, event.verb, event.binding);
      case 'exec':
        return this.exec(process);
      case 'exit':
        this.watch?.leaving(process, this.events);
        this.run(process.name, this.machine.syscalls.exit(process), process);
        this.closeDevices(process);
        this.processes[number] = undefined;
        if (number === this.number) this.process = undefined;
        return { kind: 'done' };
      default:
        return this.run(process.name, replayCall(this.machine, process, event as ProcessCall), process);
    }
  }

  private fork(parent: Process, verb: 'fork' | 'vfork', binding: string | undefined): CallResult {
    const child = this.run(parent.name, this.machine.syscalls[verb](parent), parent);
    if (typeof child === 'string') return { kind: 'errno', errno: child };
    this.processes[processNumber(binding ?? child.name) ?? 0] = child;
    if (verb === 'vfork') this.borrowers.add(child);
    else this.devices.open(child);
    return { kind: 'done' };
  }

  private exec(process: Process): CallResult {
    const failed = this.run(process.name, this.machine.syscalls.exec(process), process);
    if (failed !== undefined) return { kind: 'errno', errno: failed };
    this.closeDevices(process);
    this.devices.open(process);
    return { kind: 'done' };
  }

  private closeDevices(process: Process): void {
    if (!this.borrowers.delete(process)) this.devices.close(process);
  }

  private run<T>(name: string, routine: Routine<T>, process?: Process): T {
    return this.machine.run(name, routine, process);
  }

  private note(event: MmEvent, result: CallResult): void {
    const who = event.actor.kind === 'machine' ? 'machine' : event.actor.name;
    if (result.kind === 'done') return;
    if (result.kind === 'left-out') this.leftOut[result.name] = (this.leftOut[result.name] ?? 0) + 1;
    else if (result.kind === 'differs') this.differences.add(this.events, `line ${event.line}: ${result.message}`);
    else if (result.errno === 'ENOMEM') this.kill(who);
    else
      this.differences.add(
        this.events,
        `line ${event.line}: ${who} ${event.verb} answered ${result.errno}, which succeeded when it was recorded`,
      );
  }

  /** Whoever the OOM killer took, or who could not go on: behind it nothing is as it was recorded. */
  private kill(process: string = this.machine.oomKills[0] ?? 'nobody'): void {
    this.ended ??= { kind: 'out-of-memory', event: this.events, process };
  }

  /** A violation is a result; everything else is somebody's error. */
  private stop(error: unknown): void {
    if (!(error instanceof ContractViolation)) throw error;
    this.ended = { kind: 'violation', event: this.events, violation: error.violation };
  }
}

function describeSignal(
  process: Process,
  kind: string,
  address: number,
  size: number,
  { signal, code, address: at }: Signal,
): string {
  return `${process.name} ${kind} ${hex(address)} ${size} ended in ${signal} (${code}) at ${hex(at)}, which did not happen when it was recorded`;
}
