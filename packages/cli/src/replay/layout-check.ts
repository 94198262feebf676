/** Holds the mappings of a process of the machine against those that its recording ended with, page by page. */
import type { MapsEntry } from '@mmu-notifier/core';
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { LayoutSegment } from '@mmu-notifier/trace';

/** Numbers of pages. */
export interface LayoutCheck {
  readonly process: string;
  /** In the recorded layout. */
  readonly pages: number;
  /** Recorded, and not mapped here. */
  readonly missing: number;
  /** Mapped here, and not recorded. */
  readonly extra: number;
  readonly protDiffers: number;
}

type Range = Pick<MapsEntry, 'start' | 'end' | 'prot'>;

/**
 * @param maps - In order of addresses.
 * @param heapStart - Where the heap of the process begins; 0 where nobody has said it.
 */
export function checkLayout(
  process: string,
  maps: readonly Range[],
  segments: readonly LayoutSegment[],
  heapStart: number,
): LayoutCheck {
  const recorderHeap = segments.some(({ start, file }) => start === heapStart && file === undefined);
  const ranges = recorderHeap ? withFirstHeapPage(maps, heapStart) : maps;
  const mapped = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  let recorded = 0;
  let both = 0;
  let protDiffers = 0;
  for (const segment of segments) {
    recorded += segment.end - segment.start;
    for (const range of ranges) {
      const bytes = Math.min(range.end, segment.end) - Math.max(range.start, segment.start);
      if (bytes <= 0) continue;
      both += bytes;
      if (letters(range.prot) !== letters(segment.protection)) protDiffers += bytes;
    }
  }
  return {
    process,
    pages: recorded / PAGE_SIZE,
    missing: (recorded - both) / PAGE_SIZE,
    extra: (mapped - both) / PAGE_SIZE,
    protDiffers: protDiffers / PAGE_SIZE,
  };
}

/** valgrind keeps the first page of the heap mapped, `rwx`, whatever the program does with its break; a kernel does not. */
function withFirstHeapPage(maps: readonly Range[], start: number): Range[] {
  const end = start + PAGE_SIZE;
  const others = maps.flatMap((range) => {
    if (range.end <= start || range.start >= end) return [range];
    return range.end > end ? [{ ...range, start: end }] : [];
  });
  return [...others, { start, end, prot: 'rwx' }];
}

/** `rw-`, `rw` and `-w-` by their letters alone. */
function letters(protection: string): string {
  return protection.replaceAll('-', '');
}
