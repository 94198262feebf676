/**
 * How many page-table pages a recording needs at once: `--ram 25%` is about the pages that hold data, and the tables
 * that map them come on top. Counted from what is touched; a table that an munmap would free still counts, so this is an
 * upper bound.
 */
import { type AccessKind, type EventSink, type MmEvent, processNumber } from '@mmu-notifier/trace';

/** Bytes that one table of each level maps: leaf tables 2 MiB, then 1 GiB, then 512 GiB. */
const SPANS: readonly number[] = [2 ** 21, 2 ** 30, 2 ** 39];
const LEAF_SPAN = 2 ** 21;

interface Tables {
  readonly present: readonly Set<number>[];
}

/** An event sink that counts table pages, and passes everything on. */
export class TablePageCounter implements EventSink {
  /** Most table pages at once, over all processes. */
  peak = 1;
  private readonly next: EventSink;
  private readonly processes = new Map<number, Tables>();
  private inUse = 0;
  private lastProcess = 0;
  private lastLeaf = -1;

  constructor(next: EventSink) {
    this.next = next;
  }

  access(process: number, kind: AccessKind, address: number, size: number): void {
    const leaf = Math.floor(address / LEAF_SPAN);
    if (leaf !== this.lastLeaf || process !== this.lastProcess) {
      this.lastLeaf = leaf;
      this.lastProcess = process;
      this.touch(this.tablesOf(process), address);
    }
    this.next.access(process, kind, address, size);
  }

  event(event: MmEvent, origin: 'call' | 'image'): void {
    this.next.event(event, origin);
    if (event.actor.kind !== 'process') return;
    const process = processNumber(event.actor.name);
    if (process === undefined) return;
    if (event.verb === 'exec' || event.verb === 'exit') this.drop(process);
    else if (event.verb === 'fork' || event.verb === 'vfork') this.fork(process, processNumber(event.binding ?? ''));
  }

  private tablesOf(process: number): Tables {
    let tables = this.processes.get(process);
    if (tables === undefined) {
      tables = { present: SPANS.map(() => new Set()) };
      this.processes.set(process, tables);
      this.grow(1);
    }
    return tables;
  }

  private touch({ present }: Tables, address: number): void {
    for (let level = 0; level < SPANS.length; level++) {
      const index = Math.floor(address / (SPANS[level] as number));
      const tables = present[level] as Set<number>;
      if (tables.has(index)) return;
      tables.add(index);
      this.grow(1);
    }
  }

  private drop(process: number): void {
    const tables = this.processes.get(process);
    if (tables === undefined) return;
    this.processes.delete(process);
    this.inUse -= countOf(tables);
    this.lastLeaf = -1;
  }

  private fork(parent: number, child: number | undefined): void {
    const tables = this.processes.get(parent);
    if (tables === undefined || child === undefined) return;
    const copy = { present: tables.present.map((set) => new Set(set)) };
    this.processes.set(child, copy);
    this.grow(countOf(copy));
  }

  private grow(pages: number): void {
    this.inUse += pages;
    if (this.inUse > this.peak) this.peak = this.inUse;
  }
}

/** The root and what hangs below it. */
function countOf({ present }: Tables): number {
  return present.reduce((sum, tables) => sum + tables.size, 1);
}
