/** Streams a recording that is text line by line into an importer, and sums up what it found. */
import type { Unpacked } from './compression/unpack.ts';
import type { Progress, RecordingSummary } from './recording.ts';
import { TraceError, quote } from './trace-error.ts';
import { wholeLines } from './whole-lines.ts';

/** What reads the lines of one format. */
export interface LineImporter {
  /** Lines taken so far. */
  readonly lines: number;
  /** Accesses delivered so far. */
  readonly accesses: number;
  line(text: string): void;
  /** The recording is over. */
  finish(): void;
  summary(): Omit<RecordingSummary, keyof Progress>;
}

/** Delivers everything in order; yields after each chunk. @throws TraceError when the last line has no end. */
export async function* readTextLines(
  importer: LineImporter,
  file: string,
  source: Unpacked,
  totalBytes: number,
): AsyncGenerator<Progress, RecordingSummary, void> {
  const progress = (): Progress => ({
    bytesRead: source.bytesRead(),
    totalBytes,
    lines: importer.lines,
    accesses: importer.accesses,
  });
  for await (const { bytes, end, unfinished } of wholeLines(source.chunks, file)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8');
    if (unfinished) {
      const found = `the end of the file in the middle of the line ${quote(text)}`;
      const place = { file, line: importer.lines + 1, column: 1 };
      throw new TraceError({ code: 'truncated', ...place, found, expected: 'a whole line' });
    }
    for (const line of text.slice(0, -1).split('\n')) importer.line(line.endsWith('\r') ? line.slice(0, -1) : line);
    yield progress();
  }
  importer.finish();
  return { ...progress(), ...importer.summary() };
}
