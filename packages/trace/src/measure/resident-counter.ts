/**
 * How many frames a recording needs at once, if nothing is ever reclaimed: pages that were touched and neither unmapped
 * nor discarded. After a fork both processes share their pages until one writes. Pages of a file count
 * once, whoever maps them, and stay in the page cache when nobody does.
 *
 * Left out: page tables, huge pages, the zero page (a first read counts as a page), `MADV_FREE` (pages stay).
 */
import { type AccessKind } from '../event-sink.ts';
import type { EventSink } from '../event-sink.ts';
import { processNumber } from '../event.ts';
import type { MmapEvent, MmEvent } from '../event.ts';
import { MappingList } from '../mapping-list.ts';
import type { Interval } from '../mapping-list.ts';
import { PAGE_SIZE, pageUp } from '../pages.ts';
import { FramePool } from './frame-pool.ts';
import { FrameTable } from './frame-table.ts';

interface FileMapping extends Interval {
  /** A file, or a name of its own for shared anonymous memory; absent for private anonymous memory. */
  readonly file?: string;
  /** Page of the file minus page of the address. */
  readonly pageDelta: number;
  readonly shared: boolean;
}

interface ResidentProcess {
  mappings: MappingList<FileMapping>;
  frames: FrameTable;
  heapEnd: number;
}

const WRITABLE = 1;

/** Whether an access writes, in the order of `AccessKind`. */
const WRITES: readonly boolean[] = [false, false, true, true, true];

/** An event sink that counts frames. */
export class ResidentCounter implements EventSink {
  readonly pool: FramePool = new FramePool();
  /** Events by verb. */
  readonly events: Record<string, number> = {};
  private readonly processes = new Map<number, ResidentProcess>();
  private number = 0;
  private current: ResidentProcess = { mappings: new MappingList(), frames: new FrameTable(), heapEnd: 0 };
  private sharedMemories = 0;

  access(process: number, kind: AccessKind, address: number, size: number): void {
    if (process !== this.number) this.select(process);
    const writes = WRITES[kind] as boolean;
    const need = writes ? WRITABLE : 0;
    const last = Math.floor((address + size - 1) / PAGE_SIZE);
    for (let page = Math.floor(address / PAGE_SIZE); page <= last; page++) {
      const entry = this.current.frames.get(page);
      if (entry === 0 || (entry & need) !== need) this.fault(page, entry, writes);
    }
  }

  event(event: MmEvent): void {
    this.events[event.verb] = (this.events[event.verb] ?? 0) + 1;
    if (event.actor.kind !== 'process') return;
    const number = processNumber(event.actor.name);
    if (number === undefined) return;
    this.select(number);
    const { current } = this;
    const recorded = event.recorded?.kind === 'number' ? event.recorded.value : undefined;
    const address = 'address' in event && typeof event.address === 'number' ? event.address : (recorded ?? 0);
    if (event.verb === 'mmap') this.map(event, recorded ?? address);
    else if (event.verb === 'munmap') this.unmap(address, pageUp(address + event.length));
    else if (event.verb === 'madvise' && event.advice === 'dontneed')
      this.drop(address, pageUp(address + event.length));
    else if (event.verb === 'mremap') this.mremap(address, event.oldLength, event.newLength, recorded ?? address);
    else if (event.verb === 'brk' && recorded !== undefined) this.brk(recorded);
    else if (event.verb === 'fork' || event.verb === 'vfork') this.fork(current, event.binding);
    else if (event.verb === 'exec' || event.verb === 'exit') {
      this.unmap(0, Number.MAX_SAFE_INTEGER);
      this.processes.delete(number);
      this.number = 0;
    }
  }

  private select(number: number): void {
    let process = this.processes.get(number);
    if (process === undefined) {
      process = { mappings: new MappingList(), frames: new FrameTable(), heapEnd: 0 };
      this.processes.set(number, process);
    }
    this.number = number;
    this.current = process;
  }

  private fault(page: number, entry: number, writes: boolean): void {
    const { pool } = this;
    const { mappings, frames } = this.current;
    const mapping = mappings.find(page * PAGE_SIZE);
    if (entry !== 0) return frames.set(page, this.copy(Math.floor(entry / 2)) * 2 + WRITABLE);
    if (mapping?.file === undefined) return frames.set(page, pool.allocate() * 2 + WRITABLE);
    const frame = pool.ofFile(mapping.file, page + mapping.pageDelta);
    if (mapping.shared) frames.set(page, frame * 2 + WRITABLE);
    else frames.set(page, writes ? pool.allocate() * 2 + WRITABLE : frame * 2);
  }

  /** A frame that the writer has for itself. */
  private copy(frame: number): number {
    const { pool } = this;
    if (!pool.isCached(frame) && !pool.isShared(frame)) return frame;
    const own = pool.allocate();
    pool.put(frame);
    return own;
  }

  private map(event: MmapEvent, start: number): void {
    const end = pageUp(start + event.length);
    this.drop(start, end);
    const shared = event.flags.includes('shared');
    const file = event.file ?? (shared ? `shared memory ${++this.sharedMemories}` : undefined);
    const pageDelta = ((event.offset ?? 0) - start) / PAGE_SIZE;
    this.current.mappings.put({ start, end, pageDelta, shared, ...(file === undefined ? {} : { file }) });
  }

  private unmap(start: number, end: number): void {
    this.drop(start, end);
    this.current.mappings.carve(start, end);
  }

  private drop(start: number, end: number): void {
    this.current.frames.update(start / PAGE_SIZE, end / PAGE_SIZE, (entry) => {
      this.pool.put(Math.floor(entry / 2));
      return 0;
    });
  }

  private brk(end: number): void {
    // Heap pages are anonymous, which is what unmapped addresses are here: only shrinking matters.
    const { current } = this;
    if (end < current.heapEnd) this.drop(pageUp(end), pageUp(current.heapEnd));
    current.heapEnd = end;
  }

  private mremap(address: number, oldLength: number, newLength: number, result: number): void {
    const { mappings, frames } = this.current;
    const old = mappings.find(address);
    const oldEnd = pageUp(address + oldLength);
    const newEnd = pageUp(result + newLength);
    const moved: [number, number][] = [];
    const delta = (result - address) / PAGE_SIZE;
    if (delta !== 0) {
      frames.update(address / PAGE_SIZE, oldEnd / PAGE_SIZE, (entry, page) => {
        moved.push([page + delta, entry]);
        return 0;
      });
    } else if (newEnd < oldEnd) this.drop(newEnd, oldEnd);
    mappings.carve(address, oldEnd);
    if (old !== undefined) mappings.put({ ...old, start: result, end: newEnd, pageDelta: old.pageDelta - delta });
    for (const [page, entry] of moved) {
      if (page * PAGE_SIZE < newEnd) frames.set(page, entry);
      else this.pool.put(Math.floor(entry / 2));
    }
  }

  private fork(parent: ResidentProcess, binding: string | undefined): void {
    const number = processNumber(binding ?? '');
    if (number === undefined) return;
    const child: ResidentProcess = {
      mappings: parent.mappings.clone(),
      frames: new FrameTable(),
      heapEnd: parent.heapEnd,
    };
    parent.frames.update(0, Number.MAX_SAFE_INTEGER, (entry, page) => {
      const frame = Math.floor(entry / 2);
      const kept = this.pool.isCached(frame) ? entry : frame * 2;
      this.pool.get(frame);
      child.frames.set(page, kept);
      return kept;
    });
    this.processes.set(number, child);
  }
}
