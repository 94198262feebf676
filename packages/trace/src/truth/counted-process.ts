/** One process as the counter sees it: a list of mappings and flags for each page. */
import type { MmapEvent, Protection } from '../event.ts';
import type { LayoutSegment } from '../lackey/layout.ts';
import { MappingList } from '../mapping-list.ts';
import type { Interval } from '../mapping-list.ts';
import { PAGE_SIZE, pageUp } from '../pages.ts';
import { MAPPING_BITS, PageBit, PageFlags } from './page-flags.ts';
import type { FinalLayoutTruth } from './truth-report.ts';

/** One range with one protection. */
export interface Mapping extends Interval {
  readonly protection: Protection;
  readonly growsDown: boolean;
}

/** Room that a stack may take below its top: the default `RLIMIT_STACK`. */
const STACK_LIMIT = 8 * 1024 * 1024;

/** Counts of one image. */
export interface ImageCounts {
  touched: number;
  fetched: number;
  read: number;
  written: number;
  peakBytes: number;
  unmapped: number;
}

/** Fork bookkeeping: pages that were shared copy-on-write, and who wrote them. */
export interface ForkWatch {
  readonly cow: number;
  readonly byParent: Set<number>;
  readonly byChild: Set<number>;
}

/** Mappings, page flags and counts of one process. */
export class CountedProcess {
  mappings: MappingList<Mapping> = new MappingList();
  readonly flags: PageFlags = new PageFlags();
  bytes = 0;
  heapStart = 0;
  heapEnd = 0;
  alive = true;
  counts: ImageCounts = newCounts();
  /** Forks whose pages this process may still have to copy. */
  readonly watches: {
    readonly watch: ForkWatch;
    readonly pages: Set<number>;
    readonly role: 'byParent' | 'byChild';
  }[] = [];

  /** A new image: nothing is mapped, nothing was touched. */
  reset(): void {
    this.mappings = new MappingList();
    this.flags.clear();
    this.bytes = 0;
    this.heapStart = 0;
    this.heapEnd = 0;
    this.counts = newCounts();
    this.watches.length = 0;
  }

  /** No access comes any more: what it had mapped stays known, everything else is dropped. */
  end(): void {
    const { bytes } = this;
    this.reset();
    this.bytes = bytes;
    this.alive = false;
  }

  /** Maps a range over whatever is there; answers how many touched pages went. */
  map(mapping: Mapping): number {
    const gone = this.unmap(mapping.start, mapping.end);
    this.mappings.put(mapping);
    this.grow(mapping.end - mapping.start);
    return gone;
  }

  /** Unmaps a range; answers how many touched pages went. */
  unmap(start: number, end: number): number {
    for (const piece of this.mappings.carve(start, end)) this.bytes -= piece.end - piece.start;
    let gone = 0;
    this.flags.update(start / PAGE_SIZE, end / PAGE_SIZE, (flags) => {
      if ((flags & PageBit.present) !== 0) gone++;
      return flags & ~MAPPING_BITS;
    });
    this.counts.unmapped += gone;
    return gone;
  }

  /** Changes the protection of a range; answers how many touched pages it holds. */
  protect(start: number, end: number, protection: Protection): number {
    for (const piece of this.mappings.carve(start, end)) this.mappings.put({ ...piece, protection });
    let touched = 0;
    this.flags.update(start / PAGE_SIZE, end / PAGE_SIZE, (flags) => {
      if ((flags & PageBit.present) !== 0) touched++;
      return flags & ~(PageBit.seenFetch | PageBit.seenRead | PageBit.seenWrite);
    });
    return touched;
  }

  /** Drops the pages of a range; answers how many were touched. */
  discard(start: number, end: number): number {
    let touched = 0;
    this.flags.update(start / PAGE_SIZE, end / PAGE_SIZE, (flags) => {
      if ((flags & PageBit.present) === 0) return flags;
      touched++;
      return (flags & ~MAPPING_BITS) | PageBit.discarded;
    });
    return touched;
  }

  /** Grows the stack down to `address`; answers by how many pages, 0 where no stack is in reach. */
  growStack(address: number): number {
    const stack = this.mappings.next(address);
    if (stack?.growsDown !== true || stack.end - address > STACK_LIMIT) return 0;
    const start = address - (address % PAGE_SIZE);
    const pages = (stack.start - start) / PAGE_SIZE;
    this.mappings.carve(stack.start, stack.end);
    this.mappings.put({ ...stack, start });
    this.grow(pages * PAGE_SIZE);
    return pages;
  }

  grow(bytes: number): void {
    this.bytes += bytes;
    this.counts.peakBytes = Math.max(this.counts.peakBytes, this.bytes);
  }

  /** Compares what is mapped with a layout that the recorder saw. */
  compare(pid: number, segments: readonly LayoutSegment[]): FinalLayoutTruth {
    const missing = new PageTally();
    const differs = new PageTally();
    let pages = 0;
    let both = 0;
    for (const segment of segments) {
      pages += (segment.end - segment.start) / PAGE_SIZE;
      for (let at = segment.start; at < segment.end;) {
        const mapping = this.mappings.find(at);
        const end = Math.min(segment.end, mapping?.end ?? this.mappings.next(at)?.start ?? segment.end);
        if (mapping === undefined) missing.add(at, end);
        else {
          both += (end - at) / PAGE_SIZE;
          if (mapping.protection !== segment.protection) differs.add(at, end);
        }
        at = end;
      }
    }
    const sample = [...missing.first, ...differs.first].slice(0, SAMPLE).map((at) => at.toString(16));
    const extra = this.bytes / PAGE_SIZE - both;
    return { pid, pages, missing: missing.pages, extra, protDiffers: differs.pages, sample };
  }
}

/** How many addresses a comparison shows. */
const SAMPLE = 4;

/** A number of pages, and the first few of them. */
class PageTally {
  pages = 0;
  readonly first: number[] = [];

  add(start: number, end: number): void {
    this.pages += (end - start) / PAGE_SIZE;
    for (let at = start; at < end && this.first.length < SAMPLE; at += PAGE_SIZE) this.first.push(at);
  }
}

/** The range of an `mmap` that succeeded. */
export function mappingOf(event: MmapEvent): Mapping {
  const start = event.recorded?.kind === 'number' ? event.recorded.value : (event.address as number);
  return {
    start,
    end: pageUp(start + event.length),
    protection: event.protection,
    growsDown: event.flags.includes('growsdown'),
  };
}

function newCounts(): ImageCounts {
  return { touched: 0, fetched: 0, read: 0, written: 0, peakBytes: 0, unmapped: 0 };
}
