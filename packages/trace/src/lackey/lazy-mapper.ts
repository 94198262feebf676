/**
 * Memory for images whose layout is not in the recording: plain `valgrind --tool=lackey --trace-mem=yes` output.
 *
 * The rule: when an access touches a page that nothing maps, the 64 KiB around it (as far as nothing maps them) become
 * private anonymous memory, readable, writable and executable, right before the access. Code, data, heap and
 * stack then all look anonymous, and nothing is ever unmapped; page numbers, order and kind of accesses
 * are those of the recording. Calls that the recording does have (`--trace-syscalls=yes`) are kept as they are.
 */
import type { AccessKind, EventSink } from '../event-sink.ts';
import type { MmEvent, ProcessActor } from '../event.ts';
import { KnownMemory } from '../known-memory.ts';

/** Bytes mapped around a first touch. */
const BLOCK = 64 * 1024;

/** What has been mapped in one process, by the rule above or by the program itself. */
export class LazyMapper {
  private readonly actor: ProcessActor;
  private readonly mappings: KnownMemory;
  private readonly sink: EventSink;
  private readonly line: () => number;

  constructor(actor: ProcessActor, sink: EventSink, line: () => number, mappings: KnownMemory = new KnownMemory()) {
    this.actor = actor;
    this.sink = sink;
    this.line = line;
    this.mappings = mappings;
  }

  /** Same signature as a sink's: stands between the scanner and the consumer. */
  access(process: number, kind: AccessKind, address: number, size: number): void {
    const mapping = this.mappings.find(address);
    if (mapping === undefined || address + size > mapping.end) this.map(address, size);
    this.sink.access(process, kind, address, size);
  }

  /** The child's view after a fork. */
  fork(actor: ProcessActor): LazyMapper {
    return new LazyMapper(actor, this.sink, this.line, this.mappings.clone());
  }

  /** Follows a call of the program. */
  follow(event: MmEvent): void {
    this.mappings.follow(event);
  }

  /** Maps whatever is not mapped in the blocks that the access touches. */
  private map(address: number, size: number): void {
    const first = address - (address % BLOCK);
    const last = address + size - 1;
    const end = last - (last % BLOCK) + BLOCK;
    let at = first;
    while (at < end) {
      const mapped = this.mappings.find(at);
      if (mapped !== undefined) {
        at = mapped.end;
        continue;
      }
      const hole = Math.min(this.mappings.next(at)?.start ?? end, end);
      this.mappings.put(at, hole);
      this.sink.event(this.mmap(at, hole - at), 'image');
      at = hole;
    }
  }

  private mmap(address: number, length: number): MmEvent {
    const recorded = { kind: 'number', value: address } as const;
    const base = { verb: 'mmap', actor: this.actor, line: this.line(), address, length, recorded } as const;
    return { ...base, protection: 'rwx', flags: ['private', 'fixed', 'anonymous', 'noreserve'] };
  }
}
