/** What calls have mapped in one process, as far as a recording shows it. */
import type { MmEvent } from './event.ts';
import { type Interval, MappingList } from './mapping-list.ts';
import { pageUp } from './pages.ts';

export class KnownMemory {
  private readonly mappings: MappingList<Interval>;
  private heapEnd = 0;

  constructor(mappings: MappingList<Interval> = new MappingList()) {
    this.mappings = mappings;
  }

  /** The child's view after a fork. */
  clone(): KnownMemory {
    const copy = new KnownMemory(this.mappings.clone());
    copy.heapEnd = this.heapEnd;
    return copy;
  }

  find(address: number): Interval | undefined {
    return this.mappings.find(address);
  }

  /** The first mapping that begins above `address`. */
  next(address: number): Interval | undefined {
    return this.mappings.next(address);
  }

  /** Whether all of `[start, end)` is mapped. */
  covers(start: number, end: number): boolean {
    for (let at = start; at < end;) {
      const mapping = this.mappings.find(at);
      if (mapping === undefined) return false;
      at = mapping.end;
    }
    return true;
  }

  /** Whether anything of `[start, end)` is mapped. */
  meets(start: number, end: number): boolean {
    return this.find(start) !== undefined || (this.next(start)?.start ?? end) < end;
  }

  /** Follows a call of the program, which answered as recorded. */
  follow(event: MmEvent): void {
    const result = event.recorded?.kind === 'number' ? event.recorded.value : 0;
    if (event.verb === 'mmap') this.put(result, result + event.length);
    else if (event.verb === 'munmap') {
      const start = event.address as number;
      this.mappings.carve(start, pageUp(start + event.length));
    } else if (event.verb === 'mremap') {
      const start = event.address as number;
      if (!event.flags.includes('dontunmap')) this.mappings.carve(start, pageUp(start + event.oldLength));
      this.put(result, result + event.newLength);
    } else if (event.verb === 'brk') this.brk(result);
  }

  put(start: number, end: number): void {
    this.mappings.put({ start, end: pageUp(end) });
  }

  private brk(result: number): void {
    const end = pageUp(result);
    if (this.heapEnd > 0 && end > this.heapEnd) this.put(this.heapEnd, end);
    else if (end < this.heapEnd) this.mappings.carve(end, this.heapEnd);
    this.heapEnd = end;
  }
}
