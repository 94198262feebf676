/** Reads an strace log, with the maps file that stands beside it. */
import { unpackFile } from '../compression/unpack-whole.ts';
import type { Unpacked } from '../compression/unpack.ts';
import type { EventSink } from '../event-sink.ts';
import { mapsBeside } from '../maps/maps-beside.ts';
import type { Progress, RecordingSummary } from '../recording.ts';
import { readTextLines } from '../text-lines.ts';
import { type MapsEvidence, StraceImporter } from './importer.ts';

const DEAF: EventSink = { access: () => undefined, event: () => undefined };

export async function* readStrace(
  file: string,
  source: Unpacked,
  totalBytes: number,
  sink: EventSink,
): AsyncGenerator<Progress, RecordingSummary, void> {
  const importer = new StraceImporter(file, sink, await evidenceFor(file));
  return yield* readTextLines(importer, file, source, totalBytes);
}

/** A maps file shows the last image of the first process: which one that is, the end of the log tells. */
async function evidenceFor(file: string): Promise<MapsEvidence | undefined> {
  const maps = await mapsBeside(file, 'strace');
  if (maps === undefined) return undefined;
  const reading = readTextLines(new StraceImporter(file, DEAF), file, await unpackFile(file), 0);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { maps, image: next.value.images.filter(({ process }) => process === 1).length };
  }
}
