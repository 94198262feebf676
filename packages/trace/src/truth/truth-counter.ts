/**
 * Counts what a recording did, over a list of intervals and a few bits for each page: no page tables, no faults,
 * nothing of the machine that replays. So its numbers can be held against that machine's, and against the
 * `.truth.json` that was computed in the same way where the recording was made.
 */
import { AccessKind } from '../event-sink.ts';
import type { AccessBatch, EventOrigin, EventSink } from '../event-sink.ts';
import { makesProcess, processNumber } from '../event.ts';
import type { MmEvent } from '../event.ts';
import type { LayoutSegment } from '../lackey/layout.ts';
import { PAGE_SIZE } from '../pages.ts';
import type { RecordingSummary } from '../recording.ts';
import { applyCall } from './apply-call.ts';
import { CountedProcess } from './counted-process.ts';
import type { ForkWatch, Mapping } from './counted-process.ts';
import { countEvent } from './event-counts.ts';
import { NEAR_INDEX, PageBit } from './page-flags.ts';
import type { TruthReport } from './truth-report.ts';
import { newState } from './truth-state.ts';
import type { TruthState } from './truth-state.ts';
import { truthReport } from './truth-to-report.ts';

/** Bits that an access of each kind must have seen, in the order of `AccessKind`. */
const SEEN: readonly number[] = [
  PageBit.seenFetch,
  PageBit.seenRead,
  PageBit.seenWrite,
  PageBit.seenRead | PageBit.seenWrite,
];

/** An event sink that counts. @public */
export class TruthCounter implements EventSink {
  private readonly processes = new Map<number, CountedProcess>([[1, new CountedProcess()]]);
  private currentNumber = 1;
  private current: CountedProcess = this.processes.get(1) as CountedProcess;
  private readonly state: TruthState = newState();
  /** Accesses of a batch by kind. */
  private readonly counts = new Int32Array(4);

  /** Counts one access. */
  access(process: number, kind: AccessKind, address: number, size: number): void {
    if (process !== this.currentNumber) this.select(process);
    if (kind === AccessKind.kernelStore) return this.kernelStore(address, size);
    const { state } = this;
    state.byKind[kind] = (state.byKind[kind] as number) + 1;
    const page = Math.floor(address / PAGE_SIZE);
    const need = SEEN[kind] as number;
    if (!this.current.flags.has(page, need)) this.touch(page, kind, address);
    if (address - page * PAGE_SIZE + size <= PAGE_SIZE) return;
    state.crossing++;
    const last = Math.floor((address + size - 1) / PAGE_SIZE);
    for (let next = page + 1; next <= last; next++) {
      if (!this.current.flags.has(next, need)) this.touch(next, kind, next * PAGE_SIZE);
    }
  }

  /** Counts accesses in a row: what lies in one page that was used in this way before, here. */
  accessBatch({ process, length, kinds, addresses, sizes }: AccessBatch): void {
    if (process !== this.currentNumber) this.select(process);
    const { nearPage, nearSeen } = this.current.flags;
    const { byKind } = this.state;
    const counts = this.counts.fill(0);
    for (let i = 0; i < length; i++) {
      const kind = kinds[i] as AccessKind;
      const address = addresses[i] as number;
      const size = sizes[i] as number;
      const offset = address & (PAGE_SIZE - 1);
      const page = (address - offset) / PAGE_SIZE;
      const near = page & NEAR_INDEX;
      // A kernel's store has no bit.
      if (offset + size <= PAGE_SIZE && nearPage[near] === page && (((nearSeen[near] as number) >>> kind) & 1) !== 0)
        counts[kind] = (counts[kind] as number) + 1;
      else this.access(process, kind, address, size);
    }
    for (let kind = 0; kind < counts.length; kind++) byKind[kind] = (byKind[kind] as number) + (counts[kind] as number);
  }

  /** Counts one event. */
  event(event: MmEvent, origin: EventOrigin): void {
    if (event.actor.kind !== 'process') return;
    const number = processNumber(event.actor.name);
    const process = number === undefined ? undefined : this.processes.get(number);
    if (number === undefined || process?.alive !== true) return;
    if (origin === 'call') countEvent(this.state.events, event, process.heapEnd);
    if (makesProcess(event)) this.fork(process, event.binding);
    else if (event.verb === 'exec' || event.verb === 'exit') this.endImage(number, process, event.verb);
    else {
      applyCall(this.state, process, event, origin);
      this.notePeak();
    }
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
