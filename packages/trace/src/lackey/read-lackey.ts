/** Streams a lackey recording into a sink. */
import type { EventSink } from '../event-sink.ts';
import type { Progress, RecordingSummary } from '../recording.ts';
import { TraceError, quote } from '../trace-error.ts';
import { wholeLines } from '../whole-lines.ts';
import { LackeyImporter } from './importer.ts';
import { scanLines } from './scan.ts';
import type { Unpacked } from '../compression/unpack.ts';

/** Delivers everything in order; yields after each chunk. */
export async function* readLackey(
  file: string,
  source: Unpacked,
  totalBytes: number,
  sink: EventSink,
): AsyncGenerator<Progress, RecordingSummary, void> {
  const importer = new LackeyImporter(file, sink);
  const progress = (): Progress => ({
    bytesRead: source.bytesRead(),
    totalBytes,
    lines: importer.lines,
    accesses: importer.accesses,
  });
  for await (const { bytes, end, unfinished } of wholeLines(source.chunks, file)) {
    if (unfinished) {
      const found = `the end of the file in the middle of the line ${quote(Buffer.from(bytes).toString('utf8'))}`;
      throw new TraceError({
        code: 'truncated',
        file,
        line: importer.lines + 1,
        column: 1,
        found,
        expected: 'a whole line',
      });
    }
    scanLines(bytes, end, importer, file);
    yield progress();
  }
  importer.finish();
  return {
    ...progress(),
    images: importer.processes.images,
    forks: importer.processes.forks,
    processSwitches: importer.processSwitches,
    failedCalls: importer.calls.failed,
    unsupportedCalls: importer.calls.unsupported,
    threads: importer.calls.threads,
  };
}
