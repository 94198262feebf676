/** One pass over a recording before it is replayed: how much memory does it want, and what is in it? */
import { PAGE_SIZE } from '../pages.ts';
import type { Progress, Recording, RecordingSummary } from '../recording.ts';
import { ResidentCounter } from './resident-counter.ts';

/** What {@link measure} answers. @public */
export interface Measurement {
  /** Most pages that were in use at once, over all processes; `--ram 25%` is a quarter of this. */
  readonly peakResidentPages: number;
  readonly peakResidentBytes: number;
  /** Events by verb, those that the importer added among them. */
  readonly events: Readonly<Record<string, number>>;
  readonly summary: RecordingSummary;
}

/**
 * Reads a recording once and counts.
 *
 * @param onProgress - Called after each chunk.
 * @throws {@link TraceError} as `Recording.read` does.
 * @public
 */
export async function measure(recording: Recording, onProgress?: (progress: Progress) => void): Promise<Measurement> {
  const counter = new ResidentCounter();
  const reading = recording.read(counter);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) {
      const peakResidentPages = counter.pool.peak;
      const peakResidentBytes = peakResidentPages * PAGE_SIZE;
      return { peakResidentPages, peakResidentBytes, events: counter.events, summary: next.value };
    }
    onProgress?.(next.value);
  }
}
