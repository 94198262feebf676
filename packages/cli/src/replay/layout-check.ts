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

/** @param maps - In order of addresses. */
export function checkLayout(
  process: string,
  maps: readonly MapsEntry[],
  segments: readonly LayoutSegment[],
): LayoutCheck {
  const mapped = maps.reduce((sum, entry) => sum + entry.end - entry.start, 0);
  let recorded = 0;
  let both = 0;
  let protDiffers = 0;
  for (const segment of segments) {
    recorded += segment.end - segment.start;
    for (const entry of maps) {
      const bytes = Math.min(entry.end, segment.end) - Math.max(entry.start, segment.start);
      if (bytes <= 0) continue;
      both += bytes;
      if (letters(entry.prot) !== letters(segment.protection)) protDiffers += bytes;
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

/** `rw-`, `rw` and `-w-` by their letters alone. */
function letters(protection: string): string {
  return protection.replaceAll('-', '');
}
