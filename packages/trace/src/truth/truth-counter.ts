/**
 * Counts what a recording did, over a list of intervals and a few bits for each page: no page tables, no faults,
 * nothing of the machine that replays. So its numbers can be held against that machine's, and against the
 * `.truth.json` that was computed in the same way where the recording was made.
 */
import { AccessKind } from '../event-sink.ts';
import type { EventOrigin, EventSink } from '../event-sink.ts';
import { processNumber } from '../event.ts';
import type { MmEvent } from '../event.ts';
import type { LayoutSegment } from '../lackey/layout.ts';
import { PAGE_SIZE, pageUp } from '../pages.ts';
import type { RecordingSummary } from '../recording.ts';
import { CountedProcess, mappingOf } from './counted-process.ts';
import type { ForkWatch, ImageCounts, Mapping } from './counted-process.ts';
import { countEvent } from './event-counts.ts';
import { PageBit } from './page-flags.ts';
import type { EventCount, FinalLayoutTruth, TruthReport } from './truth-report.ts';
import { truthReport } from './truth-to-report.ts';

/** Bits that an access of each kind must have seen, in the order of `AccessKind`. */
const SEEN: readonly number[] = [
  PageBit.seenFetch,
  PageBit.seenRead,
  PageBit.seenWrite,
  PageBit.seenRead | PageBit.seenWrite,
];

/** What is counted while the stream runs; `truth-to-report.ts` names it. */
export interface TruthState {
  readonly byKind: Float64Array;
  crossing: number;
  readonly events: Map<string, EventCount>;
  readonly images: { readonly process: number; readonly counts: ImageCounts }[];
  readonly forks: ForkWatch[];
  readonly layouts: FinalLayoutTruth[];
  readonly samples: string[];
  touchedThenUnmapped: number;
  dontneedTouched: number;
  retouchedAfterDiscard: number;
  mprotectTouched: number;
  mremapMovedTouched: number;
  peakBytes: number;
  stackGrowth: number;
  stackGrowthPages: number;
  unexplained: number;
  writeToReadOnly: number;
  fetchFromNoExec: number;
  accessToNone: number;
  kernelCalls: number;
  kernelBytes: number;
  kernelPages: number;
}

/** An event sink that counts. @public */
export class TruthCounter implements EventSink {
  private readonly processes = new Map<number, CountedProcess>([[1, new CountedProcess()]]);
  private currentNumber = 1;
  private current: CountedProcess = this.processes.get(1) as CountedProcess;
  private readonly state: TruthState = newState();

  /** Counts one access. */
  access(process: number, kind: AccessKind, address: number, size: number): void {
    if (process !== this.currentNumber) this.select(process);
    if (kind === AccessKind.kernelStore) return this.kernelStore(address, size);
    const { state } = this;
    state.byKind[kind] = (state.byKind[kind] as number) + 1;
    const page = Math.floor(address / PAGE_SIZE);
    const need = SEEN[kind] as number;
    if ((this.current.flags.get(page) & need) !== need) this.touch(page, kind, address);
    const last = Math.floor((address + size - 1) / PAGE_SIZE);
    if (last === page) return;
    state.crossing++;
    for (let next = page + 1; next <= last; next++) {
      if ((this.current.flags.get(next) & need) !== need) this.touch(next, kind, next * PAGE_SIZE);
    }
  }

  /** Counts one event. */
  event(event: MmEvent, origin: EventOrigin): void {
    if (event.actor.kind !== 'process') return;
    const number = processNumber(event.actor.name);
    const process = number === undefined ? undefined : this.processes.get(number);
    if (number === undefined || process?.alive !== true) return;
    if (origin === 'call') countEvent(this.state.events, event, process.heapEnd);
    if (event.verb === 'fork') this.fork(process, event.binding);
    else if (event.verb === 'exec' || event.verb === 'exit') this.endImage(number, process, event.verb);
    else this.change(process, event, origin);
  }

  /** Compares a last layout. */
  finalLayout(process: number, segments: readonly LayoutSegment[]): void {
    const counted = this.processes.get(process);
    if (counted !== undefined) this.state.layouts.push(counted.compare(process, segments));
  }

  /**
   * The counts so far.
   *
   * @param summary - What the reader returned: process ids, commands and everything else that is no event.
   */
  report(summary: RecordingSummary): TruthReport {
    const open = [...this.processes].filter(([, process]) => process.alive);
    const images = [...this.state.images, ...open.map(([process, { counts }]) => ({ process, counts }))];
    return truthReport({ ...this.state, images }, summary, this.processes.size);
  }

  private select(number: number): void {
    let process = this.processes.get(number);
    if (process === undefined) {
      process = new CountedProcess();
      this.processes.set(number, process);
    }
    this.currentNumber = number;
    this.current = process;
  }

  /** A page is touched in a way that it was not before. */
  private touch(page: number, kind: AccessKind, address: number): void {
    const { current, state } = this;
    this.checkMapping(kind, address);
    const { counts } = current;
    let flags = current.flags.get(page);
    const ever = flags & 7;
    if (ever === 0) counts.touched++;
    const writes = kind === AccessKind.store || kind === AccessKind.modify;
    if (kind === AccessKind.fetch) {
      if ((flags & PageBit.everFetched) === 0) counts.fetched++;
      flags |= PageBit.everFetched;
    } else if (kind !== AccessKind.store) {
      if ((flags & PageBit.everRead) === 0) counts.read++;
      flags |= PageBit.everRead;
    }
    if (writes) {
      if ((flags & PageBit.everWritten) === 0) counts.written++;
      if ((flags & PageBit.copyOnWrite) !== 0) this.copied(page);
      flags = (flags | PageBit.everWritten | PageBit.written) & ~PageBit.copyOnWrite;
    }
    if ((flags & PageBit.discarded) !== 0) state.retouchedAfterDiscard++;
    current.flags.set(page, (flags | PageBit.present | (SEEN[kind] as number)) & ~PageBit.discarded);
  }

  private copied(page: number): void {
    for (const { watch, pages, role } of this.current.watches) if (pages.has(page)) watch[role].add(page);
  }

  private checkMapping(kind: AccessKind, address: number): void {
    const { current, state } = this;
    let mapping: Mapping | undefined = current.mappings.find(address);
    if (mapping === undefined) {
      const pages = current.growStack(address);
      mapping = current.mappings.find(address);
      if (pages === 0 || mapping === undefined) {
        state.unexplained++;
        if (state.samples.length < 10) state.samples.push(`p${this.currentNumber} ${address.toString(16)}`);
        return;
      }
      state.stackGrowth++;
      state.stackGrowthPages += pages;
      this.notePeak();
    }
    const { protection } = mapping;
    if (protection === '-') state.accessToNone++;
    else if (kind === AccessKind.fetch) {
      if (!protection.includes('x')) state.fetchFromNoExec++;
    } else if (kind !== AccessKind.load && !protection.includes('w')) state.writeToReadOnly++;
  }

  private kernelStore(address: number, size: number): void {
    const { state } = this;
    state.kernelCalls++;
    state.kernelBytes += size;
    state.kernelPages += Math.floor((address + size - 1) / PAGE_SIZE) - Math.floor(address / PAGE_SIZE) + 1;
  }

  /** The sum over all processes; one that has exited counts with what it had mapped last, as in the `.truth.json`. */
  private notePeak(): void {
    let bytes = 0;
    for (const process of this.processes.values()) bytes += process.bytes;
    this.state.peakBytes = Math.max(this.state.peakBytes, bytes);
  }

  private change(process: CountedProcess, event: MmEvent, origin: EventOrigin): void {
    const { state } = this;
    if (event.verb === 'mmap') state.touchedThenUnmapped += process.map(mappingOf(event));
    else if (event.verb === 'munmap') {
      const start = event.address as number;
      state.touchedThenUnmapped += process.unmap(start, pageUp(start + event.length));
    } else if (event.verb === 'mprotect') {
      const start = event.address as number;
      state.mprotectTouched += process.protect(start, pageUp(start + event.length), event.protection);
    } else if (event.verb === 'madvise' && event.advice === 'dontneed') {
      const start = event.address as number;
      state.dontneedTouched += process.discard(start, pageUp(start + event.length));
    } else if (event.verb === 'brk' && event.recorded?.kind === 'number') this.brk(process, event.recorded.value, origin);
    else if (event.verb === 'mremap' && event.recorded?.kind === 'number') {
      const { oldLength, newLength } = event;
      this.mremap(process, event.address as number, oldLength, newLength, event.recorded.value);
    }
    this.notePeak();
  }

  private brk(process: CountedProcess, result: number, origin: EventOrigin): void {
    const { state } = this;
    if (process.heapStart === 0) {
      process.heapStart = result;
      process.heapEnd = result;
      // valgrind maps the first page of the heap by itself.
      if (origin === 'image') process.map({ start: result, end: result + PAGE_SIZE, protection: 'rwx', growsDown: false });
      return;
    }
    const before = pageUp(process.heapEnd);
    const after = pageUp(result);
    if (after > before) {
      const start = process.mappings.find(before)?.end ?? before;
      if (start < after) state.touchedThenUnmapped += process.map({ start, end: after, protection: 'rw', growsDown: false });
    } else if (after < before) state.touchedThenUnmapped += process.unmap(after, before);
    process.heapEnd = result;
  }

  private mremap(process: CountedProcess, address: number, oldLength: number, newLength: number, result: number): void {
    const { state } = this;
    const old = process.mappings.find(address);
    const rest = { protection: old?.protection ?? 'rw', growsDown: false } as const;
    const oldEnd = pageUp(address + oldLength);
    const newEnd = pageUp(result + newLength);
    if (result === address) {
      if (newEnd > oldEnd) state.touchedThenUnmapped += process.map({ ...rest, start: oldEnd, end: newEnd });
      else if (newEnd < oldEnd) state.touchedThenUnmapped += process.unmap(newEnd, oldEnd);
      return;
    }
    const moved: [number, number][] = [];
    process.flags.update(address / PAGE_SIZE, oldEnd / PAGE_SIZE, (flags, page) => {
      if ((flags & PageBit.present) !== 0) moved.push([page, flags]);
      return flags & 7;
    });
    state.mremapMovedTouched += moved.length;
    process.unmap(address, oldEnd);
    state.touchedThenUnmapped += process.map({ ...rest, start: result, end: newEnd });
    for (const [page, flags] of moved) {
      const to = page + (result - address) / PAGE_SIZE;
      if (to * PAGE_SIZE < newEnd) process.flags.set(to, process.flags.get(to) | (flags & ~7));
    }
  }

  private fork(parent: CountedProcess, binding: string | undefined): void {
    const number = processNumber(binding ?? '');
    if (number === undefined) return;
    const child = new CountedProcess();
    child.mappings = parent.mappings.clone();
    child.grow(parent.bytes);
    child.heapStart = parent.heapStart;
    child.heapEnd = parent.heapEnd;
    const pages = new Set<number>();
    parent.flags.update(0, Number.MAX_SAFE_INTEGER, (flags, page) => {
      const shared = (flags & (PageBit.written | PageBit.copyOnWrite)) !== 0;
      const kept = flags & ~(PageBit.written | PageBit.seenWrite);
      // Pages come to the child as they are, but it has not touched them yet.
      if (!shared) return flags;
      pages.add(page);
      child.flags.set(page, PageBit.copyOnWrite);
      return kept | PageBit.copyOnWrite;
    });
    const watch: ForkWatch = { cow: pages.size, byParent: new Set(), byChild: new Set() };
    this.state.forks.push(watch);
    parent.watches.push({ watch, pages, role: 'byParent' });
    child.watches.push({ watch, pages, role: 'byChild' });
    this.processes.set(number, child);
    this.notePeak();
  }

  private endImage(number: number, process: CountedProcess, end: 'exec' | 'exit'): void {
    this.state.images.push({ process: number, counts: process.counts });
    if (end === 'exec') process.reset();
    else process.end();
  }
}

function newState(): TruthState {
  const zero = { touchedThenUnmapped: 0, dontneedTouched: 0, retouchedAfterDiscard: 0, mprotectTouched: 0, mremapMovedTouched: 0 };
  const outside = { peakBytes: 0, stackGrowth: 0, stackGrowthPages: 0, unexplained: 0 };
  const protection = { writeToReadOnly: 0, fetchFromNoExec: 0, accessToNone: 0 };
  const kernel = { kernelCalls: 0, kernelBytes: 0, kernelPages: 0 };
  const lists = { events: new Map<string, EventCount>(), images: [], forks: [], layouts: [], samples: [] };
  return { byKind: new Float64Array(4), crossing: 0, ...lists, ...zero, ...outside, ...protection, ...kernel };
}

